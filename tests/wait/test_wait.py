"""A report is complete when that is proven; waiting sleeps, survives failed looks and ends at the deadline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from launching import ScriptedDialer

from obzvon.campaigns.spec import Waiting
from obzvon.errors import AuthRefused, ContractBreak, InDoubt
from obzvon.reports.completeness import judge
from obzvon.stages.wait import watch
from obzvon.vendors.base import Order, Progress, Task

END = datetime(2031, 5, 20, 17, tzinfo=UTC)
TASK = Task(
    Order("a" * 64, "n", "", date(2031, 5, 20), (180,), END - timedelta(hours=10), END, time(10), time(20)), "t", 10
)
RULE = Waiting(stable_polls=2, stable_minutes=15, margin_minutes=15, recording_minutes=60)
OVER = END + timedelta(minutes=15)


def seen(at: datetime, **changes: object) -> Progress:
    base = Progress(at, 12, 10, 10, 0, 0, "same")
    return replace(base, **changes)  # type: ignore[arg-type]


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


def test_two_equal_looks_after_the_window_with_every_contact_terminal_are_complete() -> None:
    assert judge(TASK, [seen(OVER), seen(OVER + minutes(15))], RULE).complete


def test_a_task_the_vendor_calls_finished_need_not_wait_for_the_window() -> None:
    early = END - timedelta(hours=5)
    assert judge(TASK, [seen(early, task_finished=True), seen(early + minutes(15), task_finished=True)], RULE).complete


@pytest.mark.parametrize(
    ("looks", "why"),
    [
        ([], "not looked yet"),
        ([seen(END), seen(END + minutes(14))], "window open"),
        ([seen(OVER, pending_rows=1)] * 5, "1 calls under way"),
        ([seen(OVER, recordings_missing=2)] * 5, "2 recordings"),
        ([seen(OVER)], "stable for 1 of 2"),
        ([seen(OVER), seen(OVER + minutes(14))], "stable for 2 of 2"),
        ([seen(OVER, fingerprint="a"), seen(OVER + minutes(15), fingerprint="b")], "stable for 1 of 2"),
        ([seen(OVER, contacts_terminal=9), seen(OVER + minutes(15), contacts_terminal=9)], "stable for 2 of 3"),
        ([seen(END, task_finished=True, contacts_terminal=9)] * 2 + [seen(END + minutes(14), task_finished=True,
          contacts_terminal=9)], "stable"),
    ],
)  # fmt: skip
def test_a_report_is_not_complete(looks: list[Progress], why: str) -> None:
    judgement = judge(TASK, looks, RULE)
    assert not judgement.complete
    assert why in judgement.why


def test_contacts_that_were_never_dialled_do_not_keep_a_closed_window_open() -> None:
    looks = [seen(OVER + minutes(15 * n), contacts_terminal=9) for n in range(3)]
    assert judge(TASK, looks, RULE).complete


def test_recordings_are_waited_for_only_so_long() -> None:
    late = OVER + minutes(60)
    looks = [seen(late, recordings_missing=2), seen(late + minutes(15), recordings_missing=2)]
    assert judge(TASK, looks, RULE).complete


class Clock:
    """Time moves when the code sleeps."""

    def __init__(self) -> None:
        self.now, self.sleeps = END, list[float]()

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += timedelta(seconds=seconds)

    def __call__(self) -> datetime:
        return self.now


async def wait(
    look: Callable[[Task], Progress], clock: Clock, deadline: datetime = END + timedelta(hours=9)
) -> dict[str, str]:
    dialer = ScriptedDialer(look=look)
    found = await watch(dialer, [TASK], RULE, deadline=deadline, poll_seconds=600, sleep=clock.sleep, clock=clock)
    return dict(found)


async def test_waiting_sleeps_before_every_look_with_jitter() -> None:
    clock = Clock()
    assert await wait(lambda task: seen(clock.now), clock) == {"a" * 64: "complete"}
    assert all(480 <= s <= 720 for s in clock.sleeps)
    assert len(set(clock.sleeps)) == len(clock.sleeps) >= 3


async def test_a_report_that_never_settles_ends_partial_at_the_deadline() -> None:
    clock = Clock()
    deadline = END + timedelta(hours=3)
    assert await wait(lambda task: seen(clock.now, fingerprint=str(clock.now)), clock, deadline) == {
        "a" * 64: "partial"
    }
    assert deadline <= clock.now < deadline + minutes(13)


async def test_a_failed_look_is_no_statement_and_still_sleeps() -> None:
    clock = Clock()

    def look(task: Task) -> Progress:
        if len(clock.sleeps) <= 5:
            raise (
                ContractBreak("rows", "data", "is missing") if len(clock.sleeps) % 2 else InDoubt("dialog", "look", "")
            )
        return seen(clock.now)

    assert await wait(look, clock) == {"a" * 64: "complete"}
    assert len(clock.sleeps) >= 7


async def test_refused_credentials_end_the_wait() -> None:
    def look(task: Task) -> Progress:
        raise AuthRefused("dialog", "log in", "login or password is wrong", status=401)

    with pytest.raises(AuthRefused):
        await wait(look, Clock())
