"""A wait asks a vendor as little as it can and ends when it would end if it looked at every report at every poll."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from launching import ScriptedDialer

from obzvon.campaigns.spec import Waiting
from obzvon.errors import AuthRefused, ContractBreak, InDoubt, VendorError
from obzvon.reports.completeness import due
from obzvon.stages.looking import PROGRESS_EVERY, SLACK
from obzvon.stages.wait import watch
from obzvon.vendors.base import Order, Progress, Standing, Task

START = datetime(2031, 5, 20, 7, tzinfo=UTC)
END = START + timedelta(hours=10)
RULE = Waiting(stable_polls=2, stable_minutes=15, margin_minutes=15, recording_minutes=60)


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


def task(name: str = "t", contacts: int = 10) -> Task:
    order = Order(name * 64, "n", "", date(2031, 5, 20), (180,), START, END, time(10), time(20))
    return Task(order, name, contacts, START, START - timedelta(days=2))


@dataclass
class Life:
    """What happens to a task, by the vendor's clock."""

    changes: tuple[datetime, ...] = ()  # a row changes
    terminal: int = 10
    pending_until: datetime = START
    recordings_at: datetime = START
    finished_at: datetime | None = None


@dataclass
class Scene:
    """A vendor and its clock, `ahead` of ours, which moves when the code sleeps."""

    life: Life = field(default_factory=Life)
    lists: bool = True
    ahead: timedelta = timedelta()
    now: datetime = START
    fails: Exception | None = None
    missing: bool = False
    rounds: int = 0
    looked: list[datetime] = field(default_factory=list)
    listed: list[tuple[datetime, datetime]] = field(default_factory=list)

    @property
    def vendors(self) -> datetime:
        return self.now + self.ahead

    def _finished(self) -> bool:
        return self.life.finished_at is not None and self.vendors >= self.life.finished_at

    def look(self, _: Task) -> Progress:
        self.looked.append(self.now)
        life, now = self.life, self.vendors
        rows = sum(moment <= now for moment in life.changes)
        status = "HALTED" if self._finished() else "PROCESS"
        return Progress(
            now.replace(microsecond=0), rows, 10, life.terminal, int(now < life.pending_until),
            int(now < life.recordings_at), f"{rows} {now < life.pending_until} {now < life.recordings_at} {status}",
            self._finished() if self.lists else None, status if self.lists else None,
        )  # fmt: skip

    def standings(self, since: datetime) -> Mapping[str, Standing]:
        self.listed.append((self.now, since))
        if self.fails:
            raise self.fails
        status = "HALTED" if self._finished() else "PROCESS"
        calls = sum(moment <= self.vendors for moment in self.life.changes)
        shown = Standing(self.vendors.replace(microsecond=0), status, self._finished(), calls)
        return {} if self.missing else {"t": shown, "u": replace(shown, calls=1000), "foreign": shown}

    async def sleep(self, seconds: float) -> None:
        self.rounds += 1
        self.now += timedelta(seconds=seconds)

    async def wait(
        self,
        *tasks: Task,
        rule: Waiting = RULE,
        poll: float = 60,
        until: datetime | None = None,
        turned: Callable[[], Collection[str]] = tuple,
    ) -> str:
        """How waiting for the first task ended: `until` the switch is set, or to the deadline."""

        async def interrupted() -> bool:
            return until is not None and self.now >= until

        ended = await watch(
            ListingDialer(self), tasks or (task(),), rule, deadline=END + timedelta(hours=6), poll_seconds=poll,
            sleep=self.sleep, clock=lambda: self.now, interrupted=interrupted, turned=turned,
        )  # fmt: skip
        return ended.get("t" * 64, "")


class ListingDialer(ScriptedDialer):
    """Shows what the scene has."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(look=scene.look)
        self._scene = scene

    @property
    def lists(self) -> bool:
        return self._scene.lists

    async def standings(self, since: datetime, until: datetime) -> Mapping[str, Standing]:
        assert since < self._scene.now < until
        return self._scene.standings(since)


def scenario(seed: int) -> tuple[Scene, Waiting, float]:
    """Some life of a task, some clocks, some rule and some pace of polls."""
    draw = random.Random(seed)
    at = lambda first, last: START + minutes(draw.uniform(60 * first, 60 * last))  # noqa: E731
    life = Life(
        changes=tuple(at(0, 11) for _ in range(draw.choice((0, 1, 5, 200)))),
        terminal=draw.choice((10, 10, 9)),
        pending_until=draw.choice((START, at(9, 11))),
        recordings_at=draw.choice((START, at(9, 13))),
        finished_at=draw.choice((None, None, at(1, 10))),
    )
    rule = RULE.model_copy(
        update={"stable_polls": draw.choice((2, 3, 6)), "stable_minutes": draw.choice((1, 15, 40)),
                "margin_minutes": draw.choice((0, 15))}
    )  # fmt: skip
    ahead = minutes(draw.choice((0, draw.uniform(-5, 5), draw.uniform(-5, 5), -180, 180)))
    now = draw.choice((START - timedelta(hours=5), START, END - minutes(30), END + timedelta(hours=1)))
    return Scene(life, lists=draw.random() < 0.7, ahead=ahead, now=now), rule, draw.choice((30, 60, 300, 900))


@pytest.mark.parametrize("seed", range(60))
async def test_a_wait_ends_at_the_poll_at_which_looking_every_time_would_end_it(seed: int) -> None:
    scene, rule, poll = scenario(seed)
    random.seed(seed)
    ended = await scene.wait(rule=rule, poll=poll)

    always, rule, poll = scenario(seed)
    if not always.lists:  # such a vendor never says that a task is finished
        always.lists, always.life.finished_at = True, None
    always.fails = InDoubt("twin", "list tasks", "")
    random.seed(seed)
    assert (await always.wait(rule=rule, poll=poll), always.now) == (ended, scene.now)
    assert len(always.looked) == always.rounds - (ended == "partial")
    assert len(scene.looked) <= len(always.looked)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, END - minutes(2)),
        ({"stable_polls": 40}, END + minutes(15 - 80)),
        ({"stable_minutes": 1}, END + minutes(15 - 4)),
        ({"margin_minutes": 0}, END - minutes(17)),
    ],
)
def test_looks_are_due_as_long_before_they_decide_as_equal_ones_must_span(
    changes: dict[str, int], expected: datetime
) -> None:
    assert due(task(), RULE.model_copy(update=changes), minutes(2)) == expected


async def test_while_the_window_is_open_tasks_are_listed_and_their_reports_left_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene(Life(changes=(START + minutes(30), START + minutes(90))), ahead=minutes(2))
    with caplog.at_level(logging.INFO, "obzvon"):
        await scene.wait(task("t"), task("u"), until=END - timedelta(hours=1))
    assert len(scene.looked) == 2  # each once, for the vendor's clock
    assert len(scene.listed) == scene.rounds - 2  # one a round for both
    assert {since for _, since in scene.listed} == {START - timedelta(days=2, hours=1)}
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "0 of 2 reports complete; 20 of 20 contacts have a terminal outcome, 0 report rows;"
        " the next waits: window open until 2031-05-20 17:00 UTC",
        *(f"0 of 2 reports complete; {calls} calls of 2 tasks so far;"
          " the next waits: window open until 2031-05-20 17:00 UTC" for calls in ("1,000", "1,001", "1,002")),
        "wait is done",
    ]  # fmt: skip


async def test_a_task_that_the_vendor_told_of_is_looked_at_though_its_window_is_open() -> None:
    scene = Scene(Life(finished_at=None))
    told = iter([(), ("t",), ("another",), ("t",)])
    await scene.wait(until=END - timedelta(hours=2), turned=lambda: next(told, ()))
    assert len(scene.looked) == 1 + 2  # once for the vendor's clock


@pytest.mark.parametrize("ahead", [minutes(-4), minutes(4)])
async def test_every_poll_looks_from_the_moment_on_that_decides_by_the_vendors_clock(ahead: timedelta) -> None:
    scene = Scene(Life(changes=(START + minutes(30),)), ahead=ahead)
    assert await scene.wait() == "complete"
    _, *late = scene.looked
    assert abs(late[0] + ahead - due(task(), RULE, minutes(2) + SLACK)) < minutes(1.3)
    assert max(after - before for before, after in pairwise(late)) < minutes(1.3)
    assert scene.listed[-1][0] < late[0]  # nobody is asked for a list who looks anyway


async def test_a_vendor_without_a_list_is_looked_at_now_and_then() -> None:
    scene = Scene(lists=False)
    await scene.wait(until=END - timedelta(hours=1))
    gaps = [after - before for before, after in pairwise(scene.looked)]
    assert all(PROGRESS_EVERY <= gap < PROGRESS_EVERY + minutes(1.3) for gap in gaps)
    assert len(scene.looked) > 45


async def test_a_report_that_says_itself_that_its_task_is_finished_is_looked_at_until_it_is_complete() -> None:
    scene = Scene(Life(changes=(START + minutes(30),)), lists=False)
    looked = scene.look
    scene.look = lambda of: replace(looked(of), task_finished=scene.now > START + minutes(30))  # type: ignore[method-assign]
    assert await scene.wait() == "complete"
    first = next(moment for moment in scene.looked if moment > START + minutes(30))
    assert RULE.stable_for <= scene.now - first < RULE.stable_for + minutes(1.3)


async def test_a_clock_that_is_not_ours_has_every_poll_look() -> None:
    scene = Scene(ahead=SLACK + minutes(1))
    await scene.wait(until=START + timedelta(hours=2))
    assert (len(scene.looked), scene.listed) == (scene.rounds - 1, [])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"fails": InDoubt("twin", "list tasks", "no usable answer")}, "no usable answer"),
        ({"fails": ContractBreak("twin.list", "id", "a task of the list has no id")}, "has no id"),
        ({"missing": True}, "1 of 1 tasks are not in it"),
    ],
)
async def test_a_list_that_is_no_help_is_said_once_and_every_poll_looks(
    changes: dict[str, object], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    scene = replace(Scene(), **changes)  # type: ignore[arg-type]
    await scene.wait(until=START + timedelta(hours=2))
    assert len(scene.looked) == scene.rounds - 1
    (told,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert says in told


async def test_a_new_status_is_looked_into_once() -> None:
    scene = Scene()
    listed = scene.standings

    def paused(since: datetime) -> Mapping[str, Standing]:
        shown = dict(listed(since))
        return shown | {"t": replace(shown["t"], status="PAUSED" if scene.now > START + minutes(60) else "PROCESS")}

    scene.standings = paused  # type: ignore[method-assign]
    await scene.wait(until=START + timedelta(hours=2))
    assert [moment > START + minutes(60) for moment in scene.looked] == [False, True]


@pytest.mark.parametrize("error", [AuthRefused("twin", "list tasks", "login or password is wrong", status=401)])
async def test_refused_credentials_of_the_list_end_the_wait(error: VendorError) -> None:
    with pytest.raises(AuthRefused):
        await Scene(fails=error).wait()


class SlowDialer(ScriptedDialer):
    """Looks that take until `ready`; `most` were under way at once."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(look=scene.look)
        self.ready, self.going, self.most, self.cut = asyncio.Event(), 0, 0, 0

    async def look(self, task: Task) -> Progress:
        self.going += 1
        self.most = max(self.most, self.going)
        try:
            await self.ready.wait()
            return await super().look(task)
        except asyncio.CancelledError:
            self.cut += 1
            raise
        finally:
            self.going -= 1


async def slowly(
    dialer: SlowDialer, scene: Scene, until: Callable[[], bool], place: asyncio.Semaphore | None = None
) -> Mapping[str, str]:
    """How waiting for two tasks ended; `until` is asked whether it is interrupted."""

    async def interrupted() -> bool:
        return until()

    return await watch(
        dialer, (task("t"), task("u")), RULE, deadline=END + timedelta(hours=6), poll_seconds=0.001,
        sleep=scene.sleep, clock=lambda: scene.now, interrupted=interrupted, place=place,
    )  # fmt: skip


async def test_a_look_that_does_not_end_hides_the_switch_no_longer_than_a_poll() -> None:
    scene, asked = Scene(), iter([False, False, True, True])
    dialer = SlowDialer(scene)
    assert await slowly(dialer, scene, lambda: next(asked)) == {}
    assert (dialer.cut, scene.rounds, next(asked, None)) == (1, 2, None)


async def test_a_look_that_does_not_end_is_cut_off_at_the_deadline() -> None:
    scene = Scene(now=END + timedelta(hours=5))

    def no() -> bool:
        scene.now += timedelta(minutes=20)
        return False

    dialer = SlowDialer(scene)
    assert await slowly(dialer, scene, no) == {"t" * 64: "partial", "u" * 64: "partial"}
    assert (dialer.cut, scene.looked) == (1, [])


async def test_a_slow_look_that_nobody_interrupts_is_a_look() -> None:
    scene, asked = Scene(), 0
    dialer = SlowDialer(scene)

    def until() -> bool:
        nonlocal asked
        asked += 1
        if asked == 5:
            dialer.ready.set()
        return len(scene.looked) == 2

    await slowly(dialer, scene, until)
    assert (dialer.cut, scene.rounds, len(scene.looked)) == (0, 2, 2)


async def test_waits_that_share_places_have_no_more_looks_under_way_than_there_are() -> None:
    scene, place = Scene(), asyncio.Semaphore(3)
    dialer = SlowDialer(scene)
    waits = [asyncio.create_task(slowly(dialer, scene, lambda: len(scene.looked) >= 20, place)) for _ in range(10)]
    for _ in range(10):
        await asyncio.sleep(0)
    assert dialer.going == 3
    dialer.ready.set()
    await asyncio.gather(*waits)
    assert (dialer.most, dialer.cut) == (3, 0)
