"""Reading and moving intents: a move is one row changed from a known state plus one event, in one transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from obzvon.errors import InDoubtError, LedgerError
from obzvon.ledger.keys import marker
from obzvon.ledger.states import TRANSITIONS, IntentState
from obzvon.ledger.usage import release

__all__ = ["Intent", "in_doubt", "intents_of", "lock", "move", "note_event", "reread", "try_lock"]

_COLUMNS = (
    "intent_id, plan_id, campaign_id, call_date, vendor_code, zone, tz_offsets, chunk_no, batch_no, local_date,"
    " state,"
    " vendor_task_id, contacts_planned, contacts_sent, contacts_accepted, contacts_rejected, window_start_utc,"
    " window_end_utc, local_from, local_to, submitted_at, started_at, stop_cause, stop_outcome, completeness, note"
)


@dataclass(frozen=True, slots=True)
class Intent:
    """One row of `ops.campaign_intent`: one vendor campaign, intended or real. Moments are UTC."""

    intent_id: str
    plan_id: str
    campaign_id: str
    call_date: date
    vendor_code: str
    zone: str
    tz_offsets: Sequence[int]
    chunk_no: int
    batch_no: int
    local_date: date | None
    state: str
    vendor_task_id: str | None
    contacts_planned: int
    contacts_sent: int
    contacts_accepted: int
    contacts_rejected: int
    window_start_utc: datetime
    window_end_utc: datetime
    local_from: time
    local_to: time
    submitted_at: datetime | None
    started_at: datetime | None
    stop_cause: str | None
    stop_outcome: str | None
    completeness: str | None
    note: str | None

    @property
    def title(self) -> str:
        """How a person finds it: campaign, date, zone, chunk and the start of the id."""
        return f"{self.campaign_id} {self.call_date} {self.zone} #{self.chunk_no} (intent {self.intent_id[:8]})"


async def intents_of(
    conn: psycopg.AsyncConnection,
    plan_id: str,
    batch_no: int | None = None,
    states: Iterable[IntentState] | None = None,
) -> list[Intent]:
    """The plan's intents in a stable order, of one batch or all, in any of `states` or in all.

    A doubt is a batch of its own, numbered from 1000 (`ops.doubt`).
    """
    wanted = None if states is None else [str(s) for s in states]
    query = (
        f"select {_COLUMNS} from ops.campaign_intent where plan_id = %(plan)s"
        " and (%(batch)s::int is null or batch_no = %(batch)s or intent_id in"
        "      (select d.intent_id from ops.doubt d where d.plan_id = %(plan)s and d.batch_no = %(batch)s))"
        " and (%(states)s::text[] is null or state = any(%(states)s)) order by zone, chunk_no"
    )
    async with conn.cursor(row_factory=class_row(Intent)) as cur:
        await cur.execute(query, {"plan": plan_id, "batch": batch_no, "states": wanted})
        return await cur.fetchall()


async def reread(conn: psycopg.AsyncConnection, intent_id: str, *, for_update: bool = False) -> Intent:
    """The intent as it is now; with `for_update` nobody changes or replaces it until the caller's transaction ends."""
    tail = " for update" if for_update else ""
    async with conn.cursor(row_factory=class_row(Intent)) as cur:
        await cur.execute(f"select {_COLUMNS} from ops.campaign_intent where intent_id = %s{tail}", (intent_id,))
        row = await cur.fetchone()
    if row is None:
        raise LedgerError(f"intent {intent_id[:8]} is not in the ledger; was its plan made anew meanwhile?")
    return row


async def move(
    conn: psycopg.AsyncConnection,
    intent: Intent,
    to: IntentState,
    *,
    run_id: str,
    detail: str | None = None,
    **columns: Any,
) -> Intent:
    """Move an intent on from the state it was read in, set further columns, and note the event.

    Does not commit. Raises LedgerError when the step is not in the table of states or somebody else moved the intent.
    """
    if to not in TRANSITIONS[IntentState(intent.state)]:
        raise LedgerError(f"{intent.title}: {intent.state} → {to} is not a step of the ledger")
    values = {"state": str(to), "dag_run_id": run_id, **columns}
    if detail is not None:
        values["note"] = detail
    assignments = sql.SQL(", ").join(sql.SQL("{} = {}").format(sql.Identifier(k), sql.Placeholder(k)) for k in values)
    statement = sql.SQL(
        "update ops.campaign_intent set {} where intent_id = {} and state = {}"
        " and submitted_at is not distinct from {} returning intent_id"
    ).format(assignments, *map(sql.Placeholder, ("_id", "_from", "_sent")))
    # the moment of sending too: a worker that was thought dead must not write over a later sending
    known = {"_id": intent.intent_id, "_from": intent.state, "_sent": intent.submitted_at}
    cur = await conn.execute(statement, {**values, **known})
    if cur.rowcount != 1:
        raise LedgerError(f"{intent.title}: somebody moved it on from {intent.state} meanwhile; run the task again")
    await conn.execute(
        "insert into ops.intent_event (intent_id, from_state, to_state, dag_run_id, detail)"
        " values (%s, %s, %s, %s, %s)",
        (intent.intent_id, intent.state, str(to), run_id, detail),
    )
    if to.terminal:
        await release(conn, intent.intent_id, to)
    return await reread(conn, intent.intent_id)


def in_doubt(intent: Intent, why: str) -> InDoubtError:
    """What a person must check, with everything needed to find it."""
    return InDoubtError(
        f"{intent.title}: not known whether {intent.vendor_code} has it ({why}). Nothing was sent again. Look in the"
        f" vendor's cabinet for a campaign whose name carries {marker(intent.intent_id)}, {intent.contacts_planned}"
        f" contacts, window from {intent.window_start_utc:%Y-%m-%d %H:%M} UTC"
    )


async def note_event(conn: psycopg.AsyncConnection, intent: Intent, detail: str, run_id: str) -> None:
    """Add to the history of an intent something that does not move it. Does not commit."""
    await conn.execute(
        "insert into ops.intent_event (intent_id, from_state, to_state, dag_run_id, detail)"
        " values (%(id)s, %(state)s, %(state)s, %(run)s, %(detail)s)",
        {"id": intent.intent_id, "state": intent.state, "run": run_id, "detail": detail},
    )


@asynccontextmanager
async def lock(conn: psycopg.AsyncConnection, intent_id: str) -> AsyncIterator[None]:
    """Hold an intent for this connection until the block ends or the connection dies.

    Whoever gets the lock and finds `sending` knows that the sender is dead: no live worker keeps the lock.
    """
    await conn.execute("select pg_advisory_lock(%s)", (_key(intent_id),))
    await conn.commit()
    async with _held(conn, intent_id):
        yield


@asynccontextmanager
async def try_lock(conn: psycopg.AsyncConnection, intent_id: str) -> AsyncIterator[bool]:
    """As `lock`, but False at once where somebody else holds it."""
    rows = await (await conn.execute("select pg_try_advisory_lock(%s)", (_key(intent_id),))).fetchall()
    await conn.commit()
    if not rows[0][0]:
        yield False
        return
    async with _held(conn, intent_id):
        yield True


@asynccontextmanager
async def _held(conn: psycopg.AsyncConnection, intent_id: str) -> AsyncIterator[None]:
    try:
        yield
    finally:
        if not conn.closed:  # a lost connection has lost the lock as well, and its own error is on its way
            await conn.rollback()
            await conn.execute("select pg_advisory_unlock(%s)", (_key(intent_id),))
            await conn.commit()


def _key(intent_id: str) -> int:
    return int(intent_id[:15], 16)
