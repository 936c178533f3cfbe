"""The ledger of deliveries: which conversations Qolio has, which it refused, which must be sent again.

A row of `ops.qa_delivery` is written as SENDING and committed before the request leaves. SENDING or IN_DOUBT after a
run means "Qolio may have it"; the call is sent again, which its `uid` makes harmless.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Self

import psycopg
from psycopg.rows import dict_row

from obzvon.qolio.payload import CallRow, TurnRow
from obzvon.recordings.ledger import Copy, RecordingState
from obzvon.warehouse.db import connect_async

__all__ = ["Conversation", "Deliveries", "DeliveryState", "Mark", "Outcome", "conversations"]


class DeliveryState(StrEnum):
    """State of one call's delivery. `settled` ones are not sent again while the content stays the same."""

    SENDING = "SENDING"
    SENT = "SENT"
    VERIFIED = "VERIFIED"
    MISSING = "MISSING"
    REJECTED = "REJECTED"
    SKIPPED = "SKIPPED"
    IN_DOUBT = "IN_DOUBT"

    @property
    def settled(self) -> bool:
        return self in {DeliveryState.SENT, DeliveryState.VERIFIED, DeliveryState.REJECTED}


@dataclass(frozen=True, slots=True)
class Conversation:
    """A call with a person, and what the ledgers say of its delivery and of the copy of its recording (None: nothing).

    `sampled`: the campaign's share of its stratum, or what is always looked at, has it.
    """

    call: CallRow
    intent_id: str
    state: DeliveryState | None
    payload_hash: str | None
    sampled: bool
    copy: Copy | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A line of the ledger before anything is sent: SENDING, or the reason why nothing will be."""

    conversation: Conversation
    payload_hash: str
    state: DeliveryState
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one call. `tries` counts requests; `reason` names fields or causes, never values."""

    uid: str
    state: DeliveryState
    tries: int
    http_status: int | None = None
    reason: str | None = None


# What may be delivered, and what of it reviewers get: opt-outs, transfers and unmapped outcomes always; of each
# other stratum, disposition x script, the share with the lowest hashes of their uids, so that every run of a plan picks
# the same calls and no stratum is left out. Calls without a recording are strata of their own.
_CONVERSATIONS = """
with talked as (
    select f.vendor_code, f.vendor_call_id, f.call_month,
           f.transferred or f.disposition_code in ('RPC_OPTOUT', 'TRANSFERRED', 'UNKNOWN')
           or row_number() over (stratum order by sha256(convert_to(f.vendor_code || ':' || f.vendor_call_id, 'UTF8')))
              <= ceil(%(share)s::numeric * count(*) over stratum) as sampled
    from dwh.fact_call_attempt f
    join ops.campaign_intent i on i.intent_id = f.intent_id
    join dwh.dim_disposition o on o.disposition_code = f.disposition_code
    left join dwh.fact_campaign_contact c on c.intent_id = f.intent_id and c.contact_key = f.contact_key
    where i.plan_id = %(plan)s
      -- what only an event told waits for the report; where the report says nothing of it, it stands in the end
      and (i.state in ('final', 'final_partial') or not exists (
           select from ops.raw_archive e
           where e.intent_id = f.intent_id and e.batch_id = f.batch_id and e.kind = 'events'))
      and (o.disposition_group = 'HUMAN' or f.disposition_code = 'UNKNOWN' and f.record_url is not null)
    window stratum as (partition by f.disposition_code, c.script_key, f.record_url is not null)
)
select f.vendor_code, f.vendor_call_id, f.started_at, f.local_started_at, f.disposition_code, f.transferred,
       f.attempt_no, f.talk_sec, f.record_url, r.subject_name as region, c.contact_id, c.phone_key,
       p.phone_e164, p.full_name, f.intent_id, d.state, d.payload_hash, s.sampled,
       k.state as copy_state, k.path as copy_path, k.sha256 as copy_sha256,
       now() >= k.first_tried_at + make_interval(secs => 3600 * %(deadline)s::float8) as copy_overdue,
       exists (select from dwh.fact_dialog_goal g
               where g.vendor_code = f.vendor_code and g.vendor_call_id = f.vendor_call_id
                 and g.call_month = f.call_month and g.is_reached) as goal,
       (select json_agg(json_build_array(t.role, t.text_redacted, t.start_sec, t.end_sec) order by t.turn_no)
        from pii.dialog_turn t
        where t.vendor_code = f.vendor_code and t.vendor_call_id = f.vendor_call_id
          and t.call_month = f.call_month) as turns
from talked s
join dwh.fact_call_attempt f using (vendor_code, vendor_call_id, call_month)
left join dwh.dim_contact c on c.contact_key = f.contact_key
left join dwh.dim_region r on r.region_key = c.region_key
left join pii.phone p on p.phone_key = c.phone_key
left join ops.qa_delivery d on d.call_uid = f.vendor_code || ':' || f.vendor_call_id
left join ops.recording k on k.call_uid = f.vendor_code || ':' || f.vendor_call_id
"""

_MARK = """
insert into ops.qa_delivery (call_uid, vendor_code, vendor_call_id, intent_id, payload_hash, state, reason)
select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
on conflict (call_uid) do update
set intent_id = excluded.intent_id, payload_hash = excluded.payload_hash, state = excluded.state,
    http_status = null, reason = excluded.reason
"""

_RECORD = """
update ops.qa_delivery d
set state = o.state, attempts = d.attempts + o.tries, http_status = o.http_status, reason = o.reason,
    sent_at = case when o.state = 'SENT' then now() else d.sent_at end
from unnest(%s::text[], %s::text[], %s::int[], %s::smallint[], %s::text[])
     as o (call_uid, state, tries, http_status, reason)
where d.call_uid = o.call_uid
"""

# Planned once, when the ledger may still be empty: read whole for each group, it would cost more with every call.
_OUTCOMES = (
    "set synchronous_commit = off; set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off"
)

_CALL_FIELDS = frozenset(field.name for field in fields(CallRow)) - {"turns"}


async def conversations(
    conn: psycopg.AsyncConnection, plan_id: str, group: int, share: float = 1.0, deadline_hours: float = 0.0
) -> AsyncGenerator[list[Conversation], None]:
    """What may be delivered of a plan, `group` at a time through a server-side cursor, in no particular order.

    Conversations with people, and recordings of calls whose outcome nobody has mapped. `share` of each stratum is
    sampled. A copy is overdue `deadline_hours` after it was first waited for.
    """
    # all of them are read: a way that is quick to begin scans the ledger, which grows meanwhile, for each call
    await conn.execute("set local cursor_tuple_fraction = 1")
    async with conn.cursor("conversations", row_factory=dict_row) as cursor:
        await cursor.execute(_CONVERSATIONS, {"plan": plan_id, "share": share, "deadline": deadline_hours})
        while rows := await cursor.fetchmany(group):
            yield [_conversation(row) for row in rows]


def _conversation(row: dict[str, Any]) -> Conversation:
    turns = tuple(TurnRow(*turn) for turn in row["turns"] or ())
    call = CallRow(turns=turns, **{key: value for key, value in row.items() if key in _CALL_FIELDS})
    state = None if row["state"] is None else DeliveryState(row["state"])
    return Conversation(call, row["intent_id"], state, row["payload_hash"], row["sampled"], _copy(row))


def _copy(row: dict[str, Any]) -> Copy | None:
    if row["copy_state"] is None:
        return None
    return Copy(RecordingState(row["copy_state"]), row["copy_path"], row["copy_sha256"], row["copy_overdue"])


class Deliveries:
    """Writes the ledger; each method is one statement and commits by itself, so a group is kept whole.

    Marks are on disk when `mark` returns. Outcomes reach the disk within a second: a database server that dies in it
    leaves SENDING, and the calls are sent again, which their `uid` makes harmless.
    """

    def __init__(self, marks: psycopg.AsyncConnection, outcomes: psycopg.AsyncConnection) -> None:
        self._marks, self._outcomes = marks, outcomes

    @classmethod
    @asynccontextmanager
    async def connected(cls, dsn: str) -> AsyncIterator[Self]:
        """The ledger on two connections of its own, closed when the block ends."""
        async with await connect_async(dsn) as marks, await connect_async(dsn) as outcomes:
            await marks.set_autocommit(True)
            await outcomes.set_autocommit(True)
            await outcomes.execute(_OUTCOMES)
            yield cls(marks, outcomes)

    async def hold(self, plan_id: str) -> None:
        """Wait until no other session delivers this plan; held until the ledger is closed."""
        await self._marks.execute("select pg_advisory_lock(hashtextextended('deliver:' || %s, 0))", [plan_id])

    async def mark(self, marks: Sequence[Mark]) -> None:
        """Commit a group's lines before its requests leave."""
        calls = [mark.conversation.call for mark in marks]
        await _execute(
            self._marks,
            _MARK,
            [call.uid for call in calls],
            [call.vendor_code for call in calls],
            [call.vendor_call_id for call in calls],
            [mark.conversation.intent_id for mark in marks],
            [mark.payload_hash for mark in marks],
            [mark.state.value for mark in marks],
            [mark.reason for mark in marks],
        )

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        """Commit what became of a group of calls."""
        await _execute(
            self._outcomes,
            _RECORD,
            [outcome.uid for outcome in outcomes],
            [outcome.state.value for outcome in outcomes],
            [outcome.tries for outcome in outcomes],
            [outcome.http_status for outcome in outcomes],
            [outcome.reason for outcome in outcomes],
        )


async def _execute(conn: psycopg.AsyncConnection, statement: str, *columns: list[Any]) -> None:
    if columns[0]:
        await conn.execute(statement, columns)
