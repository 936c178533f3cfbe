"""Copies of recordings go with the calls of a person, or with those of a plan whose time is over.

The facts have lost their links in the same transaction, before this: a copy that is being made notes itself only while
its fact has one, so it is noted before and found here, or never.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import psycopg
from psycopg.rows import class_row

from obzvon.recordings.store import Call, RecordingStore, folder_of
from obzvon.reports.archive import Archive

__all__ = ["erase_copies", "erase_copies_of_plan"]

# The calls of `pg_temp.erased_call`. A call without a copy gets its line too: none is to be made of it later.
_CALLS = """
select f.vendor_code, f.vendor_call_id, i.intent_id, i.call_date
from pg_temp.erased_call c join dwh.fact_call_attempt f using (vendor_code, vendor_call_id, call_month)
join ops.campaign_intent i using (intent_id) join ops.campaign_plan p using (plan_id)
where p.spec #>> '{recordings,mode}' = 'copy'
   or exists (select from ops.recording r where r.call_uid = f.vendor_code || ':' || f.vendor_call_id)
"""
_DELETED = """
insert into ops.recording as r (call_uid, vendor_code, vendor_call_id, intent_id, state, deleted_at)
select * , 'DELETED', now() from unnest(%s::text[], %s::text[], %s::text[], %s::text[])
on conflict (call_uid) do update
set state = 'DELETED', deleted_at = now(), last_error = null where r.state <> 'DELETED'
"""
_OF_PLAN = """
update ops.recording set state = 'DELETED', deleted_at = now(), last_error = null
where intent_id = any(%s) and state <> 'DELETED'
"""
_COPIES = "select count(*) from ops.recording where call_uid = any(%s) and state = 'COPIED'"
_COPIES_OF_PLAN = "select count(*) from ops.recording where intent_id = any(%s) and state = 'COPIED'"


def erase_copies(conn: psycopg.Connection, archive: Archive) -> int:
    """Delete the copies of the calls in `pg_temp.erased_call`; how many. Inside the caller's transaction.

    Files go before the commit, so none is forgotten; what was broken off, or was never noted, goes with them.
    """
    with conn.cursor(row_factory=class_row(Call)) as cursor:
        calls = cursor.execute(_CALLS).fetchall()
    if not calls:
        return 0
    uids = [call.uid for call in calls]
    copies = _count(conn, _COPIES, uids)
    conn.execute(
        _DELETED,
        (uids, [c.vendor_code for c in calls], [c.vendor_call_id for c in calls], [c.intent_id for c in calls]),
    )
    stems = frozenset(call.stem for call in calls)
    _delete(archive, {call.folder for call in calls}, stems)
    return copies


def erase_copies_of_plan(conn: psycopg.Connection, archive: Archive, intents: Sequence[tuple[str, str, date]]) -> int:
    """Delete every copy of some intents (id, vendor, call date); how many. Inside the caller's transaction."""
    ids = [intent for intent, _, _ in intents]
    copies = _count(conn, _COPIES_OF_PLAN, ids)
    conn.execute(_OF_PLAN, (ids,))
    _delete(archive, {folder_of(vendor, day, intent) for intent, vendor, day in intents})
    return copies


def _count(conn: psycopg.Connection, query: str, keys: list[str]) -> int:
    return int(conn.execute(query.encode(), (keys,)).fetchall()[0][0])


def _delete(archive: Archive, folders: Iterable[str], stems: frozenset[str] | None = None) -> None:
    store = RecordingStore(archive)
    for folder in sorted(folders):
        for path in store.leftovers(folder, stems):
            store.remove(path)
