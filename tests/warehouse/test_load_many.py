"""A report of many calls with transcripts is loaded in bounded time and memory; `make bench` loads a million."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from loading import PLAN, JsonlDialer, Vendor, call, plan_of

from obzvon.stages.collect import download
from obzvon.vendors.base import Page, Task

CONTACTS = 20_000
#: Seconds of this process for four calls to each of them; it needs four.
CPU_SECONDS = 18

_CONTACTS = """
insert into ops.plan_contact (plan_id, row_no, contact_id, phone_key, tz_offsets, tz_source, intent_id, external_id)
select plan_id, n, 'c' || n, lpad(n::text, 64, '0'), '{180}', 'region', intent_id, left(plan_id, 12) || '-' || n
from ops.plan_contact, generate_series(2, %s) n where row_no = 1
"""


class ManyCalls(JsonlDialer):
    """Four calls to each contact, every fourth call a conversation of four turns."""

    def __init__(self, contacts: int) -> None:
        super().__init__()
        self._contacts = contacts

    async def report(self, task: Task) -> AsyncIterator[Page]:
        yield Page("calls", 1, {}, self._lines())

    async def _lines(self) -> AsyncIterator[bytes]:
        turns = [["bot" if n % 2 else "client", "Здравствуйте, вам удобно говорить? " * 3, n, n + 1] for n in range(4)]
        silent = call(1, 1, phone=None, cost="1.25", record="https://records.example.org/1.mp3")
        spoken = {**silent, "disposition": "RPC_NO_RESULT", "talk": 35, "turns": turns}
        for contact in range(1, self._contacts + 1):
            for n, line in enumerate((silent, silent, silent, spoken)):
                own = {"id": f"k{contact}-{n}", "external_id": f"{PLAN[:12]}-{contact}"}
                yield json.dumps({**line, **own}, ensure_ascii=False).encode() + b"\n"


async def pulled(conn: psycopg.Connection, dsn: str, folder: Path, contacts: int) -> Vendor:
    """A vendor whose report of four calls a contact is in the archive."""
    (intent,) = plan_of(conn, 1)
    conn.execute(_CONTACTS, (contacts,))
    conn.commit()
    vendor = Vendor(dsn, folder, intent)
    await download(dsn, vendor.archive, ManyCalls(contacts), vendor.task, "b1")
    return vendor


@pytest.mark.timeout(900)
async def test_many_calls_load_in_bounded_time(conn: psycopg.Connection, warehouse_dsn: str, tmp_path: Path) -> None:
    vendor = await pulled(conn, warehouse_dsn, tmp_path, CONTACTS)
    started = time.process_time()
    result = vendor.load(conn, "b1")
    assert time.process_time() - started < CPU_SECONDS
    assert (result.inserted, result.unmatched) == (4 * CONTACTS, 0)
    counts = "select count(*), sum(attempts) from dwh.fact_campaign_contact where plan_id = %s"
    assert conn.execute(counts, (PLAN,)).fetchone() == (CONTACTS, 4 * CONTACTS)
    assert conn.execute("select count(*) from pii.dialog_turn").fetchone() == (4 * CONTACTS,)


async def test_memory_does_not_grow_with_the_report(
    conn: psycopg.Connection, warehouse_dsn: str, tmp_path: Path
) -> None:
    vendor = await pulled(conn, warehouse_dsn, tmp_path, 6_000)
    tracemalloc.start()
    result = vendor.load(conn, "b1")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert result.inserted == 24_000
    assert peak < 20_000_000
