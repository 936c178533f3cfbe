"""What is in doubt about an intent, and how the doubt ends: one row in `ops.settlement`, one step of the intent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import psycopg

from obzvon.errors import LedgerError
from obzvon.ledger.contacts import mark_not_sent, mark_taken, recount
from obzvon.ledger.intents import Intent, move, reread
from obzvon.ledger.states import IntentState

__all__ = ["LOOKUP", "Doubt", "Finding", "Subject", "close", "doubt_of", "not_of_others", "number", "sent_at_of"]

LOOKUP = "lookup"
FIRST_NUMBER = 1000


class Subject(StrEnum):
    """What may or may not have reached the vendor."""

    CREATION = "creation"
    CONTACTS = "contacts"


class Finding(StrEnum):
    """How a doubt ended. ORPHAN: a campaign that dials nobody may be left at the vendor, empty or halted."""

    EXISTS = "exists"
    ABSENT = "absent"
    ORPHAN = "orphan"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Doubt:
    """An intent in doubt: `sent_at` is when the request left (UTC), `batch` how many contacts were in it.

    `before` is how many contacts the vendor's campaign held until then.
    """

    intent: Intent
    subject: Subject
    sent_at: datetime
    batch: int
    before: int = 0

    def same(self, other: Doubt) -> bool:
        """Whether both are about one request."""
        return (self.subject, self.sent_at) == (other.subject, other.sent_at)


_BATCH = """
select b.sent_at, b.contacts,
       (select coalesce(sum(accepted), 0) from ops.candidate_batch where intent_id = b.intent_id)
from ops.candidate_batch b where b.intent_id = %s and b.state in ('sending', 'in_doubt') order by b.batch_no limit 1
"""
_NUMBER = """
insert into ops.doubt (plan_id, batch_no, intent_id, subject, sent_at)
select %(plan)s, greatest(coalesce(max(batch_no), 0) + 1, %(first)s), %(intent)s, %(subject)s, %(sent)s
from ops.doubt where plan_id = %(plan)s
on conflict (intent_id, subject, sent_at) do nothing
"""
_SETTLEMENT = """
insert into ops.settlement (intent_id, subject, finding, settled_by, answered_at, vendor_task_id, evidence, dag_run_id)
values (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_CLOSE_BATCH = """
update ops.candidate_batch
set state = %(state)s, accepted = case when %(state)s = 'accepted' then contacts else 0 end, note = %(note)s
where intent_id = %(intent)s and state in ('sending', 'in_doubt')
"""
# A new campaign starts from nothing: everybody who was handed to the halted one is sent again.
_EMPTY = """
with batches as (update ops.candidate_batch set state = 'refused', accepted = 0, note = %(note)s
                 where intent_id = %(intent)s)
update ops.plan_contact set sent_state = null, vendor_reason = null where intent_id = %(intent)s
"""


async def doubt_of(conn: psycopg.AsyncConnection, intent: Intent) -> Doubt:
    """What is in doubt about an intent that is `in_doubt`."""
    cur = await conn.execute(_BATCH, (intent.intent_id,))
    batch = await cur.fetchone()
    if batch:
        return Doubt(intent, Subject.CONTACTS, batch[0], batch[1], int(batch[2]))
    if intent.submitted_at is None or intent.vendor_task_id is not None:
        raise LedgerError(f"{intent.title}: in doubt, but the ledger does not say what was sent")
    return Doubt(intent, Subject.CREATION, intent.submitted_at, intent.contacts_planned)


async def number(conn: psycopg.AsyncConnection, doubt: Doubt) -> None:
    """Give the doubt a batch number of its own, once. Does not commit; the caller holds the plan's lock."""
    intent = doubt.intent
    values = {"plan": intent.plan_id, "intent": intent.intent_id, "subject": doubt.subject, "sent": doubt.sent_at}
    await conn.execute(_NUMBER, {**values, "first": FIRST_NUMBER})


async def sent_at_of(conn: psycopg.AsyncConnection, plan_id: str, batch_no: int) -> datetime:
    """When the request of a numbered doubt left: tells it from a later doubt of the same intent."""
    query = "select sent_at from ops.doubt where plan_id = %s and batch_no = %s"
    row = await (await conn.execute(query, (plan_id, batch_no))).fetchone()
    if row is None:
        raise LedgerError(f"plan {plan_id[:8]} has no doubt {batch_no}; run the task `doubts` again")
    moment: datetime = row[0]
    return moment


async def not_of_others(conn: psycopg.AsyncConnection, intent: Intent, task_ids: Sequence[str]) -> tuple[str, ...]:
    """The ids among `task_ids` that no other intent has and that were not given up for this one."""
    cur = await conn.execute(
        "select vendor_task_id from ops.campaign_intent"
        " where vendor_code = %(vendor)s and intent_id <> %(id)s and vendor_task_id = any(%(tasks)s)"
        " union all select s.vendor_task_id from ops.settlement s join ops.campaign_intent i using (intent_id)"
        " where s.finding = 'orphan' and i.vendor_code = %(vendor)s and s.vendor_task_id = any(%(tasks)s)",
        {"vendor": intent.vendor_code, "id": intent.intent_id, "tasks": list(task_ids)},
    )
    taken = {task_id for (task_id,) in await cur.fetchall()}
    return tuple(task_id for task_id in task_ids if task_id not in taken)


async def close(
    conn: psycopg.AsyncConnection,
    doubt: Doubt,
    finding: Finding,
    *,
    run_id: str,
    evidence: str,
    by: str = LOOKUP,
    answered_at: datetime | None = None,
    vendor_task_id: str | None = None,
) -> Intent:
    """Write how the doubt ended and take the step that follows, in one transaction. LEFT moves nothing."""
    intent = doubt.intent
    task = vendor_task_id or intent.vendor_task_id
    values = (intent.intent_id, doubt.subject, finding, by, answered_at, task, evidence, run_id)
    await conn.execute(_SETTLEMENT, values)
    detail = f"{doubt.subject}: {finding}, says {by}: {evidence}"
    if finding is Finding.ORPHAN:
        await conn.execute(_EMPTY, {"intent": intent.intent_id, "note": evidence})
        await move(conn, intent, IntentState.PLANNED, run_id=run_id, detail=detail, vendor_task_id=None)
    elif finding is not Finding.LEFT:
        exists = finding is Finding.EXISTS
        await (mark_taken if exists else mark_not_sent)(conn, intent)
        batch = {"state": "accepted" if exists else "refused", "note": evidence, "intent": intent.intent_id}
        await conn.execute(_CLOSE_BATCH, batch)
        state = IntentState.CREATED if exists or doubt.subject is Subject.CONTACTS else IntentState.PLANNED
        await move(conn, intent, state, run_id=run_id, detail=detail, vendor_task_id=task)
    await recount(conn, intent)
    await conn.commit()
    return await reread(conn, intent.intent_id)
