"""When a task's report is looked at while it is waited for, and when the vendor's list of tasks is enough.

A look reads a whole report, and before the window's end no report ends a wait. So after the first look, which tells
the vendor's clock, a task is looked at again
  1. from the moment on at which looks can decide (`completeness.due`), by the vendor's clock;
  2. as soon as the list shows another status than before, or one that is final;
  3. where the list fails or lacks the task; at a vendor that does not list now and then, so that its log goes on;
  4. as soon as the vendor tells by an event that the task is another way (`turned`);
  5. always, where the vendor's clock and ours differ by more than `SLACK`: then nobody can tell when it is time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from obzvon.campaigns.spec import Waiting
from obzvon.errors import AuthRefused, ContractBreak, VendorError
from obzvon.reports.completeness import Judgement, due, judge, window_open
from obzvon.stages.standings import Standings
from obzvon.vendors.base import Dialer, Progress, Standing, Task

__all__ = ["PROGRESS_EVERY", "SLACK", "Looker", "Watched"]

log = logging.getLogger(__name__)
#: So often a report is read for its progress alone, where the vendor does not list.
PROGRESS_EVERY = timedelta(minutes=10)
#: Clocks that differ by more do not go together. Looks begin so much earlier than they must, for what a round takes.
SLACK = timedelta(minutes=5)
_NEW = Judgement(False, "not looked yet")


@dataclass(slots=True)
class Watched:
    """A task that is waited for, and what is known of it.

    `ahead`: how far the vendor's clock was ahead of ours, None before the first look; `listed`: how the list shows it,
    None where the last to be seen was its report.
    """

    task: Task
    looks: list[Progress] = field(default_factory=list)
    judgement: Judgement = _NEW
    ahead: timedelta | None = None
    looked_at: datetime | None = None
    status: str | None = None
    listed: Standing | None = None

    def is_time(self, now: datetime, rule: Waiting, gap: timedelta) -> bool:
        """Whether a look can decide something, or nobody can tell. `now` is our clock."""
        if self.ahead is None or abs(self.ahead) > SLACK or self.looks[-1].task_finished:
            return True
        return now + self.ahead >= due(self.task, rule, gap)

    def is_news(self, standing: Standing) -> bool:
        """Whether the list says what the last look did not know."""
        return standing.finished or standing.status != self.status

    def add(self, progress: Progress, asked_at: datetime, rule: Waiting) -> None:
        """Note a look."""
        if self.looks and self.looks[-1].fingerprint != progress.fingerprint:
            self.looks.clear()  # only equal looks prove anything
        self.looks.append(progress)
        self.ahead, self.looked_at = progress.vendor_time - asked_at, asked_at
        self.status, self.listed = progress.task_status, None
        self.judgement = judge(self.task, self.looks, rule)

    def note(self, standing: Standing, now: datetime) -> None:
        """Note how the list shows it. The list may be a little old, so its clock never counts as later than known."""
        self.ahead = max(self.ahead or timedelta(), standing.vendor_time - now)
        self.listed, self.judgement = standing, window_open(self.task)


class Looker:
    """Goes round the tasks of a wait; `poll`: seconds between two rounds; `place`: what every look holds."""

    def __init__(
        self,
        dialer: Dialer,
        rule: Waiting,
        standings: Standings,
        poll: float,
        clock: Callable[[], datetime],
        place: AbstractAsyncContextManager[object] | None = None,
    ) -> None:
        self._dialer, self._rule, self._standings, self._clock = dialer, rule, standings, clock
        self._longest, self._last = timedelta(seconds=2 * poll), clock()
        self._place = place or nullcontext()
        self._told = ""

    async def round(self, waiting: Sequence[Watched], turned: Collection[str] = ()) -> None:
        """See what is to be seen of each task now; `turned`: of these (ids) the vendor told that they are another way.

        AuthRefused comes through, whoever met it.
        """
        gap, later = self._gap(), list[Watched]()
        for one in waiting:
            if one.task.task_id in turned or one.is_time(self._clock(), self._rule, gap):
                await self._look(one)
            else:
                later.append(one)
        if later and self._dialer.lists:
            await self._by_list(later, gap)
        for one in later:
            if not self._dialer.lists and (one.looked_at is None or self._clock() >= one.looked_at + PROGRESS_EVERY):
                await self._look(one)

    def _gap(self) -> timedelta:
        """The longest time between two looks at a task that may come; jitter and old lists are within two polls."""
        now = self._clock()
        self._longest, self._last = max(self._longest, now - self._last), now
        return self._longest + SLACK

    async def _by_list(self, tasks: Sequence[Watched], gap: timedelta) -> None:
        listed = await self._listed(tasks)
        for one in tasks:
            standing = listed.get(one.task.task_id)
            if standing is None:
                await self._look(one)
            elif one.is_news(standing):
                if await self._look(one):
                    one.status = standing.status
            else:
                one.note(standing, self._clock())
                if one.is_time(self._clock(), self._rule, gap):
                    await self._look(one)

    async def _listed(self, tasks: Sequence[Watched]) -> Mapping[str, Standing]:
        why, found = "", dict[str, Standing]()
        try:
            every = await self._standings.ask(self._dialer, self._clock())
        except AuthRefused:
            raise
        except (VendorError, ContractBreak) as error:
            why = str(error)
        else:
            found = {one.task.task_id: every[one.task.task_id] for one in tasks if one.task.task_id in every}
            absent = len(tasks) - len(found)
            why = f"{absent} of {len(tasks)} tasks are not in it" if absent else ""
        if why and why != self._told:
            log.warning("the vendor's list of tasks is no help, looking at reports instead: %s", why)
        self._told = why
        return found

    async def _look(self, one: Watched) -> bool:
        try:
            async with self._place:
                asked_at = self._clock()  # before the answer: the vendor's clock is taken as too early, not as too late
                progress = await self._dialer.look(one.task)
        except AuthRefused:
            raise
        except (VendorError, ContractBreak) as error:
            log.warning("intent %s: look failed, trying again: %s", one.task.order.intent_id[:8], error)
            one.judgement = Judgement(False, "look failed")
            return False
        one.add(progress, asked_at, self._rule)
        return True
