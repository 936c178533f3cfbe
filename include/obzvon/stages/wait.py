"""Wait: look at the reports of a batch until each is complete or the deadline has come. Only looks."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from obzvon.campaigns.spec import CampaignSpec, Waiting
from obzvon.errors import AuthRefused, ContractBreak, LedgerError, VendorError
from obzvon.ledger.intents import Intent
from obzvon.reports.completeness import Judgement, judge
from obzvon.stages.launch import order_of
from obzvon.vendors.base import Dialer, Progress, Task

__all__ = ["Completeness", "deadline_of", "task_of", "watch"]

log = logging.getLogger(__name__)
Completeness = Literal["complete", "partial"]


def task_of(intent: Intent, spec: CampaignSpec) -> Task:
    """The vendor campaign of an intent that was launched."""
    if intent.vendor_task_id is None:
        raise LedgerError(f"{intent.title}: {intent.state}, but without the vendor's id")
    order = order_of(intent, spec, intent.window_start_utc)
    return Task(order, intent.vendor_task_id, intent.contacts_accepted, intent.started_at)


def deadline_of(intents: Sequence[Intent], rule: Waiting) -> datetime:
    """The moment (UTC) at which waiting ends whatever the reports say; from the ledger, so a retry gets the same."""
    return max(i.window_end_utc for i in intents) + timedelta(hours=rule.deadline_hours)


async def watch(
    dialer: Dialer,
    tasks: Sequence[Task],
    rule: Waiting,
    *,
    deadline: datetime,
    poll_seconds: float,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    interrupted: Callable[[], Awaitable[bool]] | None = None,
) -> dict[str, Completeness]:
    """How the wait ended for each intent id. Sleeps before every round, the first included; jitter spreads the load.

    A look that fails is no statement about the report and is tried again next round. AuthRefused ends the wait.
    `interrupted` is asked before every round; when it says yes, only what has ended by then comes back.
    """
    looks: dict[str, list[Progress]] = {t.order.intent_id: [] for t in tasks}
    ended: dict[str, Completeness] = {}
    told = ""
    while len(ended) < len(tasks):
        await sleep(poll_seconds * random.uniform(0.8, 1.2))  # noqa: S311
        if interrupted is not None and await interrupted():
            return ended
        waiting = [t for t in tasks if t.order.intent_id not in ended]
        if clock() >= deadline:
            log.warning("deadline reached: %d of %d reports are not complete", len(waiting), len(tasks))
            return ended | {t.order.intent_id: "partial" for t in waiting}
        why = ""
        for task in waiting:
            judgement = await _look(dialer, task, looks[task.order.intent_id], rule)
            if judgement.complete:
                ended[task.order.intent_id] = "complete"
                log.info("intent %s: report complete: %s", task.order.intent_id[:8], judgement.why)
            else:
                why = f"; the next waits: {judgement.why}"
        says = f"{len(ended)} of {len(tasks)} reports complete; {_summary(looks, tasks)}{why}"
        if says != told:  # a look that saw nothing new has nothing to tell
            log.info("%s", says)
            told = says
    return ended


async def _look(dialer: Dialer, task: Task, looks: list[Progress], rule: Waiting) -> Judgement:
    try:
        progress = await dialer.look(task)
    except AuthRefused:
        raise
    except (VendorError, ContractBreak) as error:
        log.warning("intent %s: look failed, trying again: %s", task.order.intent_id[:8], error)
        return Judgement(False, "look failed")
    if looks and looks[-1].fingerprint != progress.fingerprint:
        looks.clear()  # only equal looks prove anything
    looks.append(progress)
    return judge(task, looks, rule)


def _summary(looks: dict[str, list[Progress]], tasks: Sequence[Task]) -> str:
    last = [seen[-1] for seen in looks.values() if seen]
    terminal, rows = sum(p.contacts_terminal for p in last), sum(p.rows for p in last)
    return f"{terminal} of {sum(t.contacts for t in tasks)} contacts have a terminal outcome, {rows} report rows"
