"""The cases: what goes wrong, where, with which vendor. The ids of faults and points are those of the fault suite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Barrier

from bench.stock import moves
from bench.stock.moves import CANDIDATES, DELIVER, LATE, PLAY, Move, create, poll, results

HTML = "<html><head><title>503 Service Temporarily Unavailable</title></head><body>nginx</body></html>"


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table. `shared` cases happen to all of Airflow, so they happen together, after the others."""

    vendor: str
    fault: str
    point: str
    move: Move
    strikes: bool = True
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
    """All cases, the long ones first: the last to start decides when the bench is over."""
    return [case for vendor in ("dialog", "twin") for case in (*_users(vendor), *_vendor(vendor), *_kills(vendor))]


def _users(vendor: str) -> Iterator[Case]:
    yield Case(vendor, "clear_task", "after_end", moves.cleared_task)
    yield Case(vendor, "clear_run", "after_end", moves.cleared_run)
    yield Case(vendor, "second_run", "after_end", moves.second_run)
    yield Case(vendor, "two_runs", "at_once", moves.two_runs)
    yield Case(vendor, "mark_failed", "wait", moves.marked_failed)


def _vendor(vendor: str) -> Iterator[Case]:
    new, end, look = create(vendor), results(vendor), poll(vendor)
    yield Case(vendor, "none", "none", moves.plain, strikes=False)
    yield Case(vendor, "drop_before", "create", moves.with_fault(new, do="drop_before"))
    yield Case(vendor, "drop_after", "create", moves.with_fault(new, do="drop_after"))
    yield Case(vendor, "timeout", "create", moves.with_fault(new, do="delay", delay=LATE))
    yield Case(vendor, "too_many", "create", moves.with_fault(new, do="too_many", retry_after=5))
    yield Case(vendor, "html_503", "create", moves.with_fault(new, do="answer", status=503, body=HTML))
    yield Case(vendor, "token_death", "wait", moves.token_dies)
    yield Case(vendor, "html_503", "wait", moves.with_fault(look, do="answer", status=503, body=HTML))
    yield Case(vendor, "truncate", "report", moves.with_late_fault(end, do="truncate"))
    yield Case(vendor, "drop_after", "deliver", moves.with_fault(DELIVER, do="drop_after", skip=7))
    if vendor == "dialog":
        yield Case(vendor, "late_rows", "report", moves.redials_come_late, strikes=False)
    else:
        yield Case(vendor, "page_twice", "report", moves.page_twice)
        yield Case(vendor, "drop_after", "candidates", moves.with_fault(CANDIDATES, do="drop_after"))
        yield Case(vendor, "drop_after", "play", moves.with_fault(PLAY, do="drop_after"))
        yield Case(vendor, "lose_items", "candidates", moves.with_fault(CANDIDATES, do="lose_items", items=5))


def _kills(vendor: str) -> Iterator[Case]:
    new = create(vendor)
    yield Case(vendor, "kill", "create_accepted", moves.killed_before_answer(new))
    yield Case(vendor, "kill", "create_answered", moves.killed_after_answer(new))
    yield Case(vendor, "kill", "load", moves.killed_in_load, strikes=False)
    yield Case(vendor, "kill", "load_committed", moves.killed_after_load, strikes=False)
    yield Case(vendor, "kill", "deliver", moves.killed_in_delivery(7))
    if vendor == "twin":
        yield Case(vendor, "kill", "candidates_accepted", moves.killed_before_answer(CANDIDATES))
    yield Case(vendor, "kill_scheduler", "wait", moves.scheduler_killed_in_wait(MEETING), strikes=False, shared=True)
    yield Case(vendor, "kill_scheduler", "create", moves.scheduler_killed_in_create(MEETING), shared=True)
