"""The one way to stop: a user ends a task, the deadline comes, calling is switched off, the window is over.

What was asked and what was reached is in the ledger (`stop_asked_at`, `stop_cause`, `stop_outcome`, an event). A
stopped intent stays `running`: what was dialled until then is still waited for and collected.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from enum import StrEnum

import psycopg

from obzvon.errors import LedgerError, ObzvonError
from obzvon.ledger.intents import Intent, move, note_event, reread
from obzvon.ledger.states import IntentState
from obzvon.telemetry.spans import fields
from obzvon.vendors.base import Dialer, StopOutcome

__all__ = ["StopCause", "can_be_stopped", "cancel", "stop", "under_way"]

log = logging.getLogger(__name__)
S = IntentState


class StopCause(StrEnum):
    """Who wants a vendor campaign stopped."""

    USER = "a user ended the task"
    DEADLINE = "the deadline came"
    KILL_SWITCH = "calling is switched off"
    WINDOW = "the calling window was over before the launch"


#: What each outcome means to the person who reads the log.
WORDS = {
    StopOutcome.CONFIRMED: "stopped, the vendor confirms it",
    StopOutcome.UNCONFIRMED: "told to stop, but the vendor does not confirm it: look into its cabinet",
    StopOutcome.NOT_POSSIBLE: "cannot be stopped, the vendor documents no way: it dials until its schedule ends;"
    " stop it in the vendor's cabinet",
}

NOT_KNOWN = "not known whether the vendor has it; it will not be sent, filled or started any more"

#: Nothing can be told to the vendor yet, but whoever finds out what it has must know that it was stopped.
UNKNOWN_AT_VENDOR = (S.SENDING, S.IN_DOUBT)

_ASK = """
update ops.campaign_intent set stop_asked_at = now(), stop_cause = %s, stop_outcome = null where intent_id = any(%s)
"""
_OUTCOME = "update ops.campaign_intent set stop_outcome = %s where intent_id = %s"
_UNDER_WAY = "select from ops.candidate_batch where intent_id = %s and state in ('sending', 'in_doubt') limit 1"


def can_be_stopped(intent: Intent) -> bool:
    """True when something may dial for the intent and no stop has come to an end yet."""
    at_vendor = intent.vendor_task_id is not None and intent.state in (S.CREATED, S.IN_DOUBT, S.RUNNING)
    return at_vendor and intent.stop_outcome in (None, StopOutcome.UNCONFIRMED)


async def stop(
    conn: psycopg.AsyncConnection, dialer: Dialer, intents: Sequence[Intent], cause: StopCause, *, run_id: str
) -> dict[str, StopOutcome]:
    """Stop the vendor campaigns of these intents, all at once; intent id -> what was reached. Raises no vendor error.

    That a stop was asked for is committed first, so that whoever comes next can finish what dies here. Takes no lock:
    it must also work while a launch is filling the campaign.
    """
    chosen = [intent for intent in intents if can_be_stopped(intent)]
    unknown = [i for i in intents if i.state in UNKNOWN_AT_VENDOR and i.vendor_task_id is None and not i.stop_cause]
    await conn.execute(_ASK, (cause, [intent.intent_id for intent in (*chosen, *unknown)]))
    for intent in unknown:
        log.warning("%s: %s: %s", intent.title, cause, NOT_KNOWN)
        await note_event(conn, intent, f"{cause}: {NOT_KNOWN}", run_id)
    await conn.commit()
    outcomes = await asyncio.gather(*(cancel(dialer, intent) for intent in chosen))
    for intent, outcome in zip(chosen, outcomes, strict=True):
        detail = f"{cause}: {WORDS[outcome]}"
        log.warning("%s: %s", intent.title, detail)
        await conn.execute(_OUTCOME, (outcome, intent.intent_id))
        await note_event(conn, await reread(conn, intent.intent_id), detail, run_id)
        await conn.commit()
        await _leave_created(conn, intent, outcome, detail, run_id)
    return {intent.intent_id: outcome for intent, outcome in zip(chosen, outcomes, strict=True)}


async def cancel(dialer: Dialer, intent: Intent) -> StopOutcome:
    """What one attempt to stop reached; an error of the vendor confirms nothing."""
    with fields(campaign=intent.campaign_id, plan=intent.plan_id, intent=intent.intent_id):
        try:
            return await dialer.cancel(intent.vendor_task_id or "")
        except ObzvonError as error:
            log.error("%s: %s", intent.title, error)
            return StopOutcome.UNCONFIRMED


async def _leave_created(
    conn: psycopg.AsyncConnection, intent: Intent, outcome: StopOutcome, detail: str, run_id: str
) -> None:
    """A campaign that was being filled is not filled any more: with contacts it is waited for, without it is over.

    While a batch is under way nobody knows which: it stays `created` until its sender or `doubts` says so.
    """
    fresh = await reread(conn, intent.intent_id)
    if fresh.state != S.CREATED or await under_way(conn, intent):
        return
    empty = not fresh.contacts_accepted and outcome is StopOutcome.CONFIRMED
    try:
        await move(conn, fresh, S.CANCELLED if empty else S.RUNNING, run_id=run_id, detail=detail)
        await conn.commit()
    except LedgerError:  # a launch moved it on in this very moment; the outcome is noted
        await conn.rollback()


async def under_way(conn: psycopg.AsyncConnection, intent: Intent) -> bool:
    """True while a batch of contacts may or may not have arrived."""
    cur = await conn.execute(_UNDER_WAY, (intent.intent_id,))
    return await cur.fetchone() is not None
