"""Wait: look at the reports of a batch until each is complete or the deadline has come. Only looks.

What is asked of the vendor in a round, and when that is a report, is in `looking.py`.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Literal

from obzvon.campaigns.spec import CampaignSpec, Waiting
from obzvon.errors import LedgerError
from obzvon.ledger.intents import Intent
from obzvon.stages.launch import order_of
from obzvon.stages.looking import Looker, Watched
from obzvon.stages.standings import Standings
from obzvon.telemetry.spans import staged
from obzvon.vendors.base import Dialer, Task

__all__ = ["Completeness", "deadline_of", "task_of", "watch"]

log = logging.getLogger(__name__)
Completeness = Literal["complete", "partial"]
#: While a round is under way nobody is asked more often than that whether it is to be cut off, seconds.
ASKED_AGAIN = 0.5


def task_of(intent: Intent, spec: CampaignSpec) -> Task:
    """The vendor campaign of an intent that was launched."""
    if intent.vendor_task_id is None:
        raise LedgerError(f"{intent.title}: {intent.state}, but without the vendor's id")
    order = order_of(intent, spec, intent.window_start_utc)
    return Task(order, intent.vendor_task_id, intent.contacts_accepted, intent.started_at, intent.submitted_at)


def deadline_of(intents: Sequence[Intent], rule: Waiting) -> datetime:
    """The moment (UTC) at which waiting ends whatever the reports say; from the ledger, so a retry gets the same."""
    return max(i.window_end_utc for i in intents) + timedelta(hours=rule.deadline_hours)


@staged("wait", lambda dialer, tasks, *_, **__: {"vendor": dialer.code})
async def watch(
    dialer: Dialer,
    tasks: Sequence[Task],
    rule: Waiting,
    *,
    deadline: datetime,
    poll_seconds: float,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    standings: Standings | None = None,
    interrupted: Callable[[], Awaitable[bool]] | None = None,
    place: AbstractAsyncContextManager[object] | None = None,
    turned: Callable[[], Collection[str]] = tuple,
) -> dict[str, Completeness]:
    """How the wait ended for each intent id. Sleeps before every round, the first included; jitter spreads the load.

    A look that fails is no statement about the report and is tried again next round. AuthRefused ends the wait.
    `standings`: the account's list of tasks, where others wait with it too; without it the wait reads its own.
    `interrupted` is asked before every round; when it says yes, only what has ended by then comes back. While a round
    takes long it is asked once a poll; its yes cuts the round off, as the deadline does, and a look under way then has
    seen nothing. No other look is ever cut off: a large report takes its time.
    `place`: held by every look, to bound them. `turned`: ids of what the vendor told of since the last round.
    """

    async def over() -> bool:
        return clock() >= deadline or (interrupted is not None and await interrupted())

    def left() -> float:
        return max(ASKED_AGAIN, min(poll_seconds, (deadline - clock()).total_seconds()))

    listed = standings or Standings(poll_seconds / 2, lambda: clock().timestamp())
    looker, watched = Looker(dialer, rule, listed, poll_seconds, clock, place), [Watched(task) for task in tasks]
    ended: dict[str, Completeness] = {}
    told = ""
    with listed.waiting(min((task.created_at for task in tasks if task.created_at), default=None)):
        while len(ended) < len(tasks):
            await sleep(poll_seconds * random.uniform(0.8, 1.2))  # noqa: S311
            if interrupted is not None and await interrupted():
                return ended
            waiting = [one for one in watched if one.task.order.intent_id not in ended]
            if clock() >= deadline:
                log.warning("deadline reached: %d of %d reports are not complete", len(waiting), len(tasks))
                return ended | {one.task.order.intent_id: "partial" for one in waiting}
            await _until(over, left, looker.round(waiting, turned()))
            ended |= _complete(waiting)
            says = f"{len(ended)} of {len(tasks)} reports complete; {_summary(watched)}{_why(waiting)}"
            if says != told:  # a look that saw nothing new has nothing to tell
                log.info("%s", says)
                told = says
    return ended


async def _until(
    over: Callable[[], Awaitable[bool]], pause: Callable[[], float], work: Coroutine[None, None, None]
) -> None:
    """Do the work to its end, or until `over` says yes, which is asked again after each `pause` (seconds)."""
    doing = asyncio.create_task(work)
    try:
        while doing not in (await asyncio.wait([doing], timeout=pause()))[0]:
            if await over():
                log.warning("a round of looks is cut off: the deadline has come, or the wait is interrupted")
                return
        await doing
    finally:
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)


def _complete(waiting: Sequence[Watched]) -> dict[str, Completeness]:
    found = [one for one in waiting if one.judgement.complete]
    for one in found:
        log.info("intent %s: report complete: %s", one.task.order.intent_id[:8], one.judgement.why)
    return {one.task.order.intent_id: "complete" for one in found}


def _why(waiting: Sequence[Watched]) -> str:
    left = [one.judgement.why for one in waiting if not one.judgement.complete]
    return f"; the next waits: {left[-1]}" if left else ""


def _summary(watched: Sequence[Watched]) -> str:
    """Calls of the tasks that the list shows, outcomes of those whose report was the last to be seen."""
    told, listed = list[str](), [one.listed.calls for one in watched if one.listed and one.listed.calls is not None]
    if listed:
        told.append(f"{sum(listed):,} calls of {len(listed)} tasks so far")
    read = [one for one in watched if one.listed is None]
    if read:
        last = [one.looks[-1] for one in read if one.looks]
        terminal, rows = sum(p.contacts_terminal for p in last), sum(p.rows for p in last)
        contacts = sum(one.task.contacts for one in read)
        told.append(f"{terminal} of {contacts} contacts have a terminal outcome, {rows} report rows")
    return "; ".join(told) or "the vendor lists them without calls"
