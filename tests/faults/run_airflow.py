"""`python -m faults.run_airflow`: the cases that need a real Airflow, one after another in one stack.

Its lines are in tests/faults/results/airflow.jsonl: those of the cases played are replaced, and docs/faults.md is
written anew. Fails when a case costs more than it may.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from real_airflow import World, running_world, tomorrow

from faults import page
from faults.airflow_cases import VENDORS, Play, every
from faults.airflow_judge import figures
from faults.airflow_scene import Scene, write_campaigns, write_lists
from faults.choice import matching

Line = dict[str, Any]


def play(one: Play, scene: Scene) -> Iterator[Line]:
    """What happens to the runs of a call date; the lines of its vendors."""
    if one.on is None:
        scene.begin(one.scripts, frozen=one.frozen)
    one.moment(scene)
    one.strike(scene)
    ended = scene.finish()
    for vendor in scene.runs:
        found = figures(scene, vendor)
        lost = found["lost"] + (found["qolio_missing"] if ended[vendor] == "success" else 0)
        said = {"pipeline": "ours", "case": one.case(vendor), "vendor": vendor, "fault": one.fault, "point": one.point}
        today = datetime.now(UTC).date().isoformat()
        yield {**said, **found, "lost": lost, "ended": ended[vendor], "measured": today}


def chosen(wanted: Sequence[str]) -> list[Play]:
    """The plays of which a line is wanted, and those whose runs they go on with."""
    plays = {one.name: one for one in every()}
    ids = matching(order(), wanted)
    names = {one.name for one in plays.values() if ids & {one.case(vendor) for vendor in VENDORS}}
    names |= {plays[name].on or name for name in names}
    return [one for one in plays.values() if one.name in names]


def order() -> list[str]:
    """The names of all lines, as the table has them."""
    return [one.case(vendor) for one in every() for vendor in VENDORS]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _played(one: Play, scene: Scene) -> list[Line]:
    try:
        return list(play(one, scene))
    except Exception:  # noqa: BLE001 - one case must not cost the others
        _say(f"  {one.name}: not measured\n{traceback.format_exc()}")
        scene.give_up()
        return []


def _all(world: World, plays: Sequence[Play], folder: Path) -> list[str]:
    began, wrong, scenes, kept = time.monotonic(), list[str](), dict[str, Scene](), list[Line]()
    for number, one in enumerate(plays, 1):
        scene = scenes[one.on] if one.on else Scene(world, tomorrow(number), {vendor: [] for vendor in VENDORS})
        scenes[one.name] = scene
        write_lists(folder, number)
        lines = _played(one, scene)
        page.write("airflow", lines, order())
        kept += lines
        bad = {one.case(v) for v in VENDORS} - {line["case"] for line in lines if fits(one, line)}
        wrong += sorted(bad)
        _say(f"  {number:>3}/{len(plays)} {time.monotonic() - began:5.0f} s  {one.name}{_seconds(lines)}")
    page.publish("airflow", kept, order(), _say)
    return wrong


def _seconds(lines: Sequence[Line]) -> str:
    return "".join(f"  ({line['vendor']} stopped after {s} s)" for line in lines if (s := line["stopped_after"]))


def fits(one: Play, line: Line) -> bool:
    """Whether a line says what it may; says so where it does not."""
    wanted = one.wanted(line["vendor"])
    if found := {key: line[key] for key, value in wanted.items() if line[key] != value}:
        _say(f"  {line['case']}: {found}\n    expected {wanted}")
    return not found


def _list(plays: Sequence[Play]) -> None:
    for one in plays:
        for vendor in VENDORS:
            print(json.dumps({"case": one.case(vendor), "vendor": vendor, "fault": one.fault, "point": one.point}))


def main(
    case: Annotated[list[str] | None, typer.Option(help="Only cases whose id matches; * is a wildcard.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Print the cases as JSON lines and stop.")] = False,
) -> None:
    """Play the cases that need a real Airflow. Twelve minutes on two cores."""
    plays = chosen(case or ["*"])
    if list_:
        _list(plays)
        return
    temporary = Path(tempfile.mkdtemp(prefix="obzvon-faults-campaigns-"))
    write_campaigns(folder := temporary / "campaigns")
    os.environ["OBZVON_CAMPAIGNS"] = str(folder)
    try:
        with running_world("obzvon-faults-airflow-", _say) as world:
            wrong = _all(world, plays, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    if wrong:
        _say(f"{len(wrong)} cases are not as they must be: {', '.join(wrong)}")
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
