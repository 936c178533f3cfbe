"""The cases: what goes wrong, where, with which vendor. The ids of faults and points are those of the fault suite."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from threading import Barrier
from typing import Any

from bench.stock import moves
from bench.stock.moves import CANDIDATES, DELIVER, LATE, PAGE, PLAY, Move, Request, create, poll, results

HTML = "<html><head><title>503 Service Temporarily Unavailable</title></head><body>nginx</body></html>"


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table. `shared` cases happen to all of Airflow, so they happen together, after the others."""

    vendor: str
    fault: str
    point: str
    move: Move
    shared: bool = False

    @property
    def id(self) -> str:
        return f"{self.vendor}-{self.fault}-{self.point}"


class Meeting:
    """Where the shared cases wait for each other; the last one to come lets Airflow have it."""

    def __init__(self) -> None:
        self.barrier: Barrier | None = None

    def __call__(self) -> None:
        assert self.barrier is not None
        self.barrier.wait(300)


MEETING = Meeting()


def every() -> list[Case]:
    """All cases, by vendor."""
    return [case for vendor in ("dialog", "twin") for case in (*_users(vendor), *_network(vendor), *_kills(vendor))]


def _users(vendor: str) -> Iterator[Case]:
    yield Case(vendor, "none", "none", moves.plain)
    yield Case(vendor, "clear_task", "ended", moves.cleared_task)
    yield Case(vendor, "clear_run", "ended", moves.cleared_run)
    yield Case(vendor, "second_run", "ended", moves.second_run)
    yield Case(vendor, "two_runs", "at_once", moves.two_runs)
    yield Case(vendor, "mark_failed", "wait", moves.marked_failed)


def _network(vendor: str) -> Iterator[Case]:
    yield from _broken(vendor, "create", create(vendor), moves.with_fault, _CREATE)
    yield from _broken(vendor, "wait", poll(vendor), moves.with_fault, _WAIT)
    yield Case(vendor, "token_death", "wait", moves.token_dies)
    yield from _broken(vendor, "report", results(vendor), moves.with_late_fault, _REPORT)
    yield from _broken(vendor, "deliver", DELIVER, moves.with_fault, _DELIVER)
    yield Case(vendor, "late_rows", "report", moves.with_fault(results(vendor), do="late_rows", rows=4, times=8))
    if vendor == "dialog":
        yield Case(vendor, "late_redials", "report", moves.redials_come_late)
        return
    yield from _broken(vendor, "candidates", CANDIDATES, moves.with_fault, _CANDIDATES)
    yield Case(vendor, "drop_after", "play", moves.with_fault(PLAY, do="drop_after"))
    yield Case(vendor, "page_twice", "report", moves.with_fault(results(vendor), do="repeat_page", rows=PAGE, skip=1))
    shift = moves.with_fault(results(vendor), do="shift_rows", rows=1, times=100_000)
    yield Case(vendor, "rows_shift", "report", shift)


_FAULTS: dict[str, dict[str, Any]] = {
    "drop_before": {"do": "drop_before"},
    "drop_after": {"do": "drop_after"},
    "html_502_after": {"do": "answer", "status": 502, "body": HTML, "handled": True},
    "html_503": {"do": "answer", "status": 503, "body": HTML},
    "html_200": {"do": "answer", "status": 200, "body": HTML},
    "too_many": {"do": "too_many", "retry_after": 1},
    "wrong_json": {
        "do": "answer", "status": 200, "body": '{"items": [{"id": ', "content_type": "application/json",
    },
    "truncate": {"do": "truncate"},
    "truncated_gzip": {"do": "truncated_gzip"},
    "reset": {"do": "reset"},
    "timeout": {"do": "delay", "delay": LATE},
    "token_death": {"do": "token_death"},
    "lose_items": {"do": "lose_items", "items": 3},
}  # fmt: skip
_CREATE = (
    "drop_before", "drop_after", "html_502_after", "html_503", "too_many", "wrong_json", "truncate", "reset", "timeout",
    "token_death",
)  # fmt: skip
_CANDIDATES = ("drop_after", "html_502_after", "lose_items")
_WAIT = ("html_503",)
_REPORT = ("truncate", "truncated_gzip", "reset")
_DELIVER = ("drop_after", "html_502_after", "html_200")


def _broken(
    vendor: str, point: str, request: Request, move: Callable[..., Move], faults: Iterable[str]
) -> Iterator[Case]:
    """What can happen to a request on its way."""
    for fault in faults:
        yield Case(vendor, fault, point, move(request, **_FAULTS[fault]))


def _kills(vendor: str) -> Iterator[Case]:
    new = create(vendor)
    yield Case(vendor, "kill", "create_asked", moves.killed_asked(new))
    yield Case(vendor, "kill", "create_accepted", moves.killed_accepted(new))
    yield Case(vendor, "kill", "create_answered", moves.killed_answered(new))
    if vendor == "twin":
        yield Case(vendor, "kill", "candidates_accepted", moves.killed_accepted(CANDIDATES))
    yield Case(vendor, "kill", "wait", moves.killed_in_wait)
    yield Case(vendor, "kill", "load", moves.killed_in_load)
    yield Case(vendor, "kill", "load_committed", moves.killed_after_load)
    yield Case(vendor, "kill", "deliver", moves.killed_accepted(DELIVER))
    yield Case(vendor, "kill_scheduler", "wait", moves.scheduler_killed_in_wait(MEETING), shared=True)
    yield Case(vendor, "kill_scheduler", "create_accepted", moves.scheduler_killed_in_create(MEETING), shared=True)
