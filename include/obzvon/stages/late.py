"""Late rows: reports of the last days are pulled again, and what a dead run left behind is brought to its end."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from obzvon.campaigns.spec import Waiting
from obzvon.errors import ObzvonError
from obzvon.ledger.intents import Intent, intents_of, move
from obzvon.ledger.states import IntentState
from obzvon.stages.collect import LoadResult
from obzvon.stages.collect_batch import Collector
from obzvon.stages.stop import StopCause, can_be_stopped, stop
from obzvon.stages.wait import deadline_of
from obzvon.telemetry.spans import staged
from obzvon.warehouse.db import connect_async

__all__ = ["DAYS", "GRACE", "LateResult", "batch_id", "late_plans", "pull_again"]

log = logging.getLogger(__name__)
S = IntentState

#: How long after the end of its calls a report is pulled again.
DAYS = timedelta(days=3)
#: How long after its deadline a run may still be at work.
GRACE = timedelta(hours=1)

# The deadline of a wait counts from the last window of its batch; no batch ends later than its plan.
_PLANS = """
select plan_id from (
    select p.plan_id, max(i.window_end_utc) as ends,
           bool_or(i.state in ('final', 'final_partial') and i.window_end_utc > %(now)s - %(days)s) as recent,
           bool_or(i.state in ('running', 'collecting')) as abandoned,
           bool_or(i.state in ('sending', 'created', 'in_doubt', 'running', 'collecting')) as at_work,
           max(i.window_end_utc) + %(grace)s + make_interval(
               secs => 3600 * coalesce((p.spec #>> '{wait,deadline_hours}')::float8, %(hours)s)) < %(now)s as over
    from ops.campaign_plan p join ops.campaign_intent i using (plan_id)
    group by p.plan_id) plans
where recent and (over or not at_work) or abandoned and over
order by ends, plan_id
"""


@dataclass(slots=True)
class LateResult:
    """Sums over the intents of a plan. `ended` were left behind by a dead run, `pulled` are reports pulled again."""

    ended: int = 0
    pulled: int = 0
    rows: int = 0
    inserted: int = 0
    updated: int = 0
    older: int = 0
    quarantined: int = 0

    def add(self, result: LoadResult) -> None:
        """Count one pull."""
        for name in ("rows", "inserted", "updated", "older", "quarantined"):
            setattr(self, name, getattr(self, name) + getattr(result, name))


def batch_id(run_after: datetime) -> str:
    """Name of the pulls of one run: the run tried again finds its own, the next run makes new ones."""
    return f"late-{run_after:%Y%m%dT%H}"


def late_plans(conn: psycopg.Connection, now: datetime) -> list[str]:
    """Ids of the plans to look at, those that leave the three days first.

    A plan counts when an intent of it is final, its calls ended in the last three days and no run is still at work on
    it; or when an intent is still running or collecting an hour after the deadline: no live run leaves it there.
    """
    values = {"now": now, "days": DAYS, "grace": GRACE, "hours": Waiting().deadline_hours}
    return [plan_id for (plan_id,) in conn.execute(_PLANS, values)]


def _about(collector: Collector, plan_id: str, batch: str, *, now: datetime) -> dict[str, object]:
    return {"campaign": collector.spec.name, "plan": plan_id, "pull": batch}


@staged("late", _about)
async def pull_again(collector: Collector, plan_id: str, batch: str, *, now: datetime) -> LateResult:
    """Bring abandoned intents of a plan to their end as partial, then pull every report of the last three days anew.

    Of two answers about a call the newer one stands, and rows that came after the intent was final are marked late.
    The first problem is raised after the other intents have had their turn.
    """
    work = _Work(collector, batch)
    async with await connect_async(collector.dsn) as conn:
        await work.end(conn, await intents_of(conn, plan_id), now)
        intents = await intents_of(conn, plan_id, states=[S.FINAL, S.FINAL_PARTIAL])
    await work.pull(intent for intent in intents if intent.window_end_utc > now - DAYS)
    if work.problems:
        raise work.problems[0]
    return work.result


class _Work:
    def __init__(self, collector: Collector, batch: str) -> None:
        self.result, self.problems = LateResult(), list[ObzvonError]()
        self._collector, self._batch = collector, batch

    async def end(self, conn: psycopg.AsyncConnection, intents: list[Intent], now: datetime) -> None:
        """Take over what is past its deadline, as the wait and the collecting of its run would have."""
        abandoned = [intent for intent in intents if intent.state in (S.RUNNING, S.COLLECTING)]
        if not abandoned or deadline_of(intents, self._collector.spec.wait) + GRACE >= now:
            return
        running = [intent for intent in abandoned if intent.state == S.RUNNING]
        if any(map(can_be_stopped, running)):
            await stop(conn, self._collector.dialer, running, StopCause.DEADLINE, run_id=self._collector.run_id)
        for intent in abandoned:
            try:
                self.result.add(await self._collector.settle(await self._collecting(conn, intent)))
                self.result.ended += 1
                log.warning("%s: a run left it behind; it is final now", intent.title)
            except ObzvonError as error:
                self._note(intent, error)

    async def _collecting(self, conn: psycopg.AsyncConnection, intent: Intent) -> Intent:
        if intent.state == S.COLLECTING:
            return intent
        run_id = self._collector.run_id
        moved = await move(conn, intent, S.COLLECTING, run_id=run_id, completeness="partial")
        await conn.commit()
        return moved

    async def pull(self, intents: Iterable[Intent]) -> None:
        for intent in intents:
            try:
                self.result.add(await self._collector.pull(intent, self._batch))
                self.result.pulled += 1
            except ObzvonError as error:
                self._note(intent, error)

    def _note(self, intent: Intent, error: ObzvonError) -> None:
        log.error("%s: %s", intent.title, error)
        self.problems.append(error)
