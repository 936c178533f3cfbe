"""One case from start to end, and its line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from faults.cases import Case
from faults.judge import figures
from faults.strikes import Blow
from faults.world import Scene, Unsuitable, World

#: A worker is started at most so often, by how the case is to end.
STARTS = {"success": 8, "failed": 3}


def run(world: World, case: Case) -> dict[str, Any]:
    """Play the case; the line that goes into the table. Unsuitable when its moment never came."""
    crashes = case.strike is not None and case.strike.blow is Blow.PG_CRASH
    with world.scene(case.vendor, case.options, crashes=crashes) as scene:
        for script in case.scripts:
            scene.books.tell("faults", script)
        if case.strike:
            case.strike.fall(scene)
            _all_struck(scene)
            scene.books.no_faults()
        for number in range(case.workers if case.strike is None else 0):
            scene.start(f"worker{number or ''}")
        ended = scene.finish(STARTS[case.ended])
        _all_struck(scene)
        scene.arrived()
        found = figures(scene)
        starts = scene.starts - case.workers
    return {
        "pipeline": "ours",
        "case": case.id,
        "vendor": case.vendor,
        "fault": case.fault,
        "point": case.point,
        **found,
        "restarts": starts,
        "ended": ended,
        "measured": datetime.now(UTC).date().isoformat(),
    }


def costs(line: Mapping[str, Any]) -> dict[str, object]:
    """The part of a line that a case fixes. Conversations without a record are lost too, once the run has succeeded."""
    missing = line["qolio_missing"] if line["ended"] == "success" else 0
    names = ("twice", "invented", "qolio_doubled", "orphaned_dials", "orphaned", "person", "silent", "ended")
    return {**{name: line[name] for name in names}, "lost": line["lost"] + missing}


def _all_struck(scene: Scene) -> None:
    missed = [script["do"] for script in scene.books.look("faults") if not script["hits"]]
    if missed:
        raise Unsuitable(f"nobody was struck by {', '.join(missed)}")
