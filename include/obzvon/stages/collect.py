"""Collect: the vendor's report is archived byte for byte, then loaded; loading is a pure function of the archive.

`download` asks the vendor and writes `ops.raw_archive` only when every page of the pull is safe: a pull is recorded
whole or not at all. `load` reads the archive alone, so a replay is the same call.
"""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from obzvon.errors import LedgerError
from obzvon.reports.archive import Archive, Pull, StoredPage
from obzvon.vendors.base import Dialer, Page, Task
from obzvon.warehouse.db import connect_async, database_time
from obzvon.warehouse.load.batch import LoadResult, load, waiting_batches
from obzvon.warehouse.load.plan import load_plan

__all__ = ["LoadResult", "download", "load", "load_plan", "waiting_batches"]

_LOCK = "select pg_advisory_lock(hashtextextended('obzvon.download:' || %s, 0))"
_RECORDED = "select archive_id from ops.raw_archive where intent_id = %s and batch_id = %s order by archive_id"
_RECORD = """
insert into ops.raw_archive (intent_id, batch_id, kind, page_no, path, sha256, bytes, request, fetched_at)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s) returning archive_id
"""


async def download(dsn: str, archive: Archive, dialer: Dialer, task: Task, batch_id: str) -> list[int]:
    """Archive the whole report of a vendor campaign; the ids of its pages in `ops.raw_archive`, in order.

    `batch_id` names this pull. A pull that is recorded already is not asked for again: its ids come back. A report that
    breaks off, or a page that nobody can read, leaves no record, and the next call starts it anew. Raises what the
    dialer raises, ContractBreak for such a page.
    """
    pull = Pull(dialer.code, task.order.call_date, task.order.intent_id, batch_id)
    async with await connect_async(dsn) as conn:
        await conn.set_autocommit(True)
        # held until the connection ends: a second download of this pull must not write over pages that are recorded
        await conn.execute(_LOCK, (pull.folder,))
        recorded = await (await conn.execute(_RECORDED, (pull.intent_id, batch_id))).fetchall()
        if recorded:
            return [archive_id for (archive_id,) in recorded]
        fetched_at = await database_time(conn)
        pages = [(page, await _stored(archive, dialer, pull, page)) async for page in dialer.report(task)]
        async with conn.transaction():
            return [await _record(conn, pull, page, stored, fetched_at) for page, stored in pages]


async def _stored(archive: Archive, dialer: Dialer, pull: Pull, page: Page) -> StoredPage:
    """The page in the archive, once it is known to be readable: nothing asks again for a pull that is recorded."""
    stored = await archive.store(pull, page)
    await asyncio.to_thread(_read_through, archive, dialer, page.kind, stored)
    return stored


def _read_through(archive: Archive, dialer: Dialer, kind: str, stored: StoredPage) -> None:
    with archive.open(stored.path, stored.sha256) as stream:
        dialer.totals(kind, stream)


async def _record(
    conn: psycopg.AsyncConnection, pull: Pull, page: Page, stored: StoredPage, fetched_at: datetime
) -> int:
    values = (
        pull.intent_id, pull.batch_id, page.kind, page.number, stored.path, stored.sha256, stored.bytes,
        Jsonb(dict(page.request), dumps=_dumps), fetched_at,
    )  # fmt: skip
    row = await (await conn.execute(_RECORD, values)).fetchone()
    if row is None:
        raise LedgerError(f"archive page {stored.path} was not recorded; run collect again")
    return int(row[0])


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
