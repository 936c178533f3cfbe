"""Whoever waits with an account shares its list: one request for all who ask meanwhile, good for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from launching import ScriptedDialer

from obzvon.errors import InDoubt
from obzvon.stages.standings import Standings
from obzvon.vendors.base import Standing

NOW = datetime(2031, 5, 20, 12, tzinfo=UTC)
SHOWN = {"t": Standing(NOW, "PROCESS", finished=False, calls=7)}


class SlowList(ScriptedDialer):
    """A list that takes `seconds` of the test's clock, and fails where `error` says so."""

    def __init__(self, seconds: float = 0, error: InDoubt | None = None) -> None:
        super().__init__()
        self.clock, self.asked, self._seconds, self.error = 0.0, list[datetime](), seconds, error

    async def standings(self, since: datetime, until: datetime) -> Mapping[str, Standing]:
        self.asked.append(since)
        await asyncio.sleep(0)
        self.clock += self._seconds
        if self.error:
            raise self.error
        return SHOWN


async def test_a_thousand_who_ask_at_once_cost_one_request() -> None:
    dialer = SlowList(seconds=100)
    shared = Standings(30, lambda: dialer.clock)
    with shared.waiting(NOW):
        found = await asyncio.gather(*(shared.ask(dialer, NOW) for _ in range(1000)))
    assert all(each is SHOWN for each in found)
    assert len(dialer.asked) == 1


async def test_an_answer_is_good_for_a_while() -> None:
    dialer = SlowList()
    shared = Standings(30, lambda: dialer.clock)
    with shared.waiting(NOW):
        for moment in (0, 29, 31, 60, 62):
            dialer.clock = moment
            await shared.ask(dialer, NOW)
    assert len(dialer.asked) == 3


async def test_the_list_goes_back_to_the_earliest_task_that_somebody_waits_for() -> None:
    dialer, hour = SlowList(), timedelta(hours=1)
    shared = Standings(30, lambda: dialer.clock)
    assert await shared.ask(dialer, NOW) == {}  # nobody waits
    with shared.waiting(NOW):
        await shared.ask(dialer, NOW)
        with shared.waiting(NOW - 5 * hour), shared.waiting(NOW + hour):
            await shared.ask(dialer, NOW)
            await shared.ask(dialer, NOW)
        dialer.clock = 31
        await shared.ask(dialer, NOW)
    assert dialer.asked == [NOW - hour, NOW - 6 * hour, NOW - hour]


async def test_a_failure_is_told_to_everybody_and_tried_again_later() -> None:
    dialer = SlowList(seconds=300, error=InDoubt("twin", "list tasks", "no usable answer"))
    shared = Standings(30, lambda: dialer.clock)
    with shared.waiting(NOW):
        found = await asyncio.gather(*(shared.ask(dialer, NOW) for _ in range(50)), return_exceptions=True)
        assert (len(dialer.asked), {type(each) for each in found}) == (1, {InDoubt})
        dialer.error, dialer.clock = None, dialer.clock + 31
        assert await shared.ask(dialer, NOW) is SHOWN


async def test_somebody_who_leaves_while_asking_takes_no_answer_along() -> None:
    dialer = SlowList()
    shared = Standings(30, lambda: dialer.clock)
    with shared.waiting(NOW):
        first, second = (asyncio.create_task(shared.ask(dialer, NOW)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert await second is SHOWN
        with pytest.raises(asyncio.CancelledError):
            await first
    assert len(dialer.asked) == 2
