"""`ops.recording`: which calls have a copy, and why the others have none. Each write is one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import psycopg
from psycopg.rows import class_row

from obzvon.recordings.store import Call, StoredRecording

__all__ = ["Copy", "RecordingState", "Waiting", "expect", "failed", "keep_copied", "waiting_after"]


class RecordingState(StrEnum):
    """What is known of a call's recording. MISSING and REFUSED are tried again, DELETED never."""

    MISSING = "MISSING"
    REFUSED = "REFUSED"
    COPIED = "COPIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Copy:
    """What a delivery needs to know of a copy. `overdue`: it was waited for longer than the campaign allows."""

    state: RecordingState
    path: str | None = None
    sha256: str | None = None
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call with a link and without a copy."""

    vendor_code: str
    vendor_call_id: str
    intent_id: str
    call_date: date
    record_url: str

    @property
    def call(self) -> Call:
        return Call(self.vendor_code, self.vendor_call_id, self.intent_id, self.call_date)


_WAITING = """
select f.vendor_code, f.vendor_call_id, f.intent_id, i.call_date, f.record_url
from dwh.fact_call_attempt f join ops.campaign_intent i using (intent_id)
left join ops.recording r on r.call_uid = f.vendor_code || ':' || f.vendor_call_id
where f.intent_id = any(%(intents)s) and f.record_url is not null and f.vendor_call_id > %(after)s
  and coalesce(r.state, 'MISSING') in ('MISSING', 'REFUSED')
order by f.vendor_call_id limit %(limit)s
"""
# Conversations whose link is still to come, so that the deadline counts for them too.
_EXPECT = """
insert into ops.recording (call_uid, vendor_code, vendor_call_id, intent_id, state, last_error)
select f.vendor_code || ':' || f.vendor_call_id, f.vendor_code, f.vendor_call_id, f.intent_id, 'MISSING',
       'the vendor''s report has no link to it yet'
from dwh.fact_call_attempt f join dwh.dim_disposition d using (disposition_code)
where f.intent_id = any(%s) and f.record_url is null and d.disposition_group = 'HUMAN'
on conflict (call_uid) do nothing
"""
# The fact is locked: whoever erases the person waits for this row and deletes it, or was first, and none is made.
_COPIED = """
with call as (select vendor_code, vendor_call_id, intent_id from dwh.fact_call_attempt
              where vendor_code = %(vendor)s and vendor_call_id = %(call)s and record_url is not null for share)
insert into ops.recording as r (call_uid, vendor_code, vendor_call_id, intent_id, state, path, content_type, bytes,
                                sha256, tries, tried_at, copied_at)
select vendor_code || ':' || vendor_call_id, vendor_code, vendor_call_id, intent_id, 'COPIED', %(path)s, %(type)s,
       %(bytes)s, %(sha256)s, %(tries)s, now(), now()
from call
on conflict (call_uid) do update
set state = excluded.state, path = excluded.path, content_type = excluded.content_type, bytes = excluded.bytes,
    sha256 = excluded.sha256, tries = r.tries + excluded.tries, last_error = null, tried_at = now(), copied_at = now()
where r.state <> 'DELETED'
"""
_FAILED = """
insert into ops.recording as r (call_uid, vendor_code, vendor_call_id, intent_id, state, tries, tried_at, last_error)
values (%(uid)s, %(vendor)s, %(call)s, %(intent)s, %(state)s, %(tries)s, now(), %(error)s)
on conflict (call_uid) do update
set state = excluded.state, tries = r.tries + excluded.tries, tried_at = now(), last_error = excluded.last_error
where r.state in ('MISSING', 'REFUSED')
"""


async def expect(conn: psycopg.AsyncConnection, intents: Sequence[str]) -> int:
    """Note the conversations whose link is still to come; how many are new."""
    return (await conn.execute(_EXPECT, (list(intents),))).rowcount


async def waiting_after(conn: psycopg.AsyncConnection, intents: Sequence[str], after: str, limit: int) -> list[Waiting]:
    """The next calls with a link and without a copy, by call id; every call is met once, whatever becomes of it."""
    async with conn.cursor(row_factory=class_row(Waiting)) as cursor:
        await cursor.execute(_WAITING, {"intents": list(intents), "after": after, "limit": limit})
        return await cursor.fetchall()


async def keep_copied(conn: psycopg.AsyncConnection, call: Call, copy: StoredRecording, tries: int) -> bool:
    """Note a copy that is whole. False when the call's data was erased meanwhile: the file has to go."""
    values = {
        "vendor": call.vendor_code,
        "call": call.vendor_call_id,
        "path": copy.path,
        "type": copy.content_type,
        "bytes": copy.bytes,
        "sha256": copy.sha256,
        "tries": tries,
    }
    return (await conn.execute(_COPIED, values)).rowcount == 1


async def failed(conn: psycopg.AsyncConnection, call: Call, state: RecordingState, tries: int, error: str) -> None:
    """Note why there is no copy now."""
    values = {
        "uid": call.uid,
        "vendor": call.vendor_code,
        "call": call.vendor_call_id,
        "intent": call.intent_id,
        "state": state.value,
        "tries": tries,
        "error": error,
    }
    await conn.execute(_FAILED, values)
