"""`make faults`: play the cases, keep their lines, write docs/faults.md. Fails when a case costs more than it may.

python -m faults --case 'dialog-kill-*' replaces the lines of these cases only. --list, --page.
"""

from __future__ import annotations

import queue
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated, Any

import typer

from faults import page
from faults.cases import Case, every
from faults.choice import listed, matching
from faults.runner import costs, run
from faults.world import World
from obzvon.local.postgres import Postgres

TRIES = 2


def play(cases: Sequence[Case], lanes: int, folder: Path) -> Iterator[tuple[Case, dict[str, Any] | None]]:
    """Each case with its line as it comes, None for one that could not be played."""
    with ExitStack() as stack:
        server = Postgres(folder / "pg", durable=False)
        server.start()
        stack.callback(server.stop)
        free: queue.Queue[World] = queue.Queue()
        for number in range(lanes):
            free.put(stack.enter_context(closing(World(folder / str(number), server))))
        with ThreadPoolExecutor(lanes) as pool:
            jobs = {pool.submit(_played, free, case): case for case in cases}
            for job in as_completed(jobs):
                yield jobs[job], job.result()


def _played(free: queue.Queue[World], case: Case) -> dict[str, Any] | None:
    world = free.get()
    try:
        for _ in range(TRIES):
            try:
                return run(world, case)
            except Exception:  # noqa: BLE001 - one case must not cost the others
                _say(f"  {case.id}: not measured\n{traceback.format_exc()}")
        return None
    finally:
        free.put(world)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(
    case: Annotated[list[str] | None, typer.Option(help="Only cases whose id matches; * is a wildcard.")] = None,
    lanes: Annotated[int, typer.Option(min=1, help="Cases at once.")] = 2,
    page_only: Annotated[bool, typer.Option("--page", help="Only write the page from the lines that exist.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="Print the cases as JSON lines and stop.")] = False,
) -> None:
    """Play the fault suite and write docs/faults.md."""
    order = [one.id for one in every()]
    wanted = matching(order, case)
    chosen = [one for one in every() if one.id in wanted]
    if list_:
        listed(chosen)
        return
    if page_only:
        page.publish("worker", [], order, _say)
        return
    wrong = _measured(chosen, lanes, folder := Path(tempfile.mkdtemp(prefix="obzvon-faults-")))
    if wrong:
        _say(f"{len(wrong)} cases are not as they must be: {', '.join(wrong)}; logs in {folder}")
        raise typer.Exit(1)
    shutil.rmtree(folder, ignore_errors=True)


def _measured(chosen: Sequence[Case], lanes: int, folder: Path) -> list[str]:
    """Play, keep each line as it comes, write the page; the cases that are not as they must be."""
    order = [one.id for one in every()]
    began, wrong, lines = time.monotonic(), list[str](), list[dict[str, Any]]()
    for done, (one, line) in enumerate(play(chosen, lanes, folder), 1):
        if line is None or costs(line) != one.costs:
            wrong.append(one.id)
            _say(f"  {one.id}: {line}\n    expected {one.costs}")
        if line is not None:
            lines.append(line)
            page.write("worker", [line], order)
        _say(f"  {done:>3}/{len(chosen)} {time.monotonic() - began:5.0f} s  {one.id}")
    page.publish("worker", lines, order, _say)
    return wrong


if __name__ == "__main__":
    typer.run(main)
