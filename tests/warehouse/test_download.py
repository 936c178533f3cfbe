"""A pull is recorded whole or not at all, and the vendor is asked once for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

import psycopg
import pytest
from loading import JsonlDialer, Vendor, call, plan_of

from obzvon.errors import ContractBreak
from obzvon.stages.collect import download, waiting_batches
from obzvon.vendors.base import Page, Task, Totals


class BreaksOff(JsonlDialer):
    """The second page never ends."""

    async def report(self, task: Task) -> AsyncIterator[Page]:
        async def cut() -> AsyncIterator[bytes]:
            yield b'{"id": '
            raise ConnectionResetError

        async for page in super().report(task):
            yield page
        yield Page("calls", 99, {}, cut())


@pytest.fixture
def vendor(conn: psycopg.Connection, warehouse_dsn: str, tmp_path: Path) -> Vendor:
    (intent,) = plan_of(conn, 3)
    return Vendor(warehouse_dsn, tmp_path, intent)


async def test_records_every_page_with_its_bytes_and_request(vendor: Vendor, conn: psycopg.Connection) -> None:
    await vendor.pull("b1", [call(1)], [call(2)], [{"part": "k1"}], kinds="calls calls sessions")
    rows = conn.execute(
        "select kind, page_no, path, request->>'offset', loaded_at, bytes > 0 from ops.raw_archive order by archive_id"
    ).fetchall()
    folder = f"vendor=dialog/call_date=2031-05-20/intent={vendor.intent_id[:8]}/batch=b1"
    assert rows == [
        ("calls", 1, f"{folder}/calls-1.zst", "1", None, True),
        ("calls", 2, f"{folder}/calls-2.zst", "2", None, True),
        ("sessions", 3, f"{folder}/sessions-3.zst", "3", None, True),
    ]


async def test_a_pull_that_is_recorded_is_not_asked_for_again(vendor: Vendor, conn: psycopg.Connection) -> None:
    dialer = JsonlDialer([("calls", [call(1)])])
    first = await download(vendor.dsn, vendor.archive, dialer, vendor.task, "b1")
    again = await download(vendor.dsn, vendor.archive, dialer, vendor.task, "b1")
    other = await download(vendor.dsn, vendor.archive, dialer, vendor.task, "b2")
    assert (again, dialer.asked) == (first, 2)
    assert set(other).isdisjoint(first)
    assert waiting_batches(conn, vendor.intent_id) == ["b1", "b2"]


async def test_a_pull_that_breaks_off_leaves_no_record_and_starts_anew(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    with pytest.raises(ConnectionResetError):
        await download(vendor.dsn, vendor.archive, BreaksOff([("calls", [call(1)])]), vendor.task, "b1")
    assert conn.execute("select count(*) from ops.raw_archive").fetchall() == [(0,)]
    conn.commit()
    result = await vendor.collect(conn, "b1", [call(1), call(2)])
    assert (result.rows, result.inserted) == (2, 2)


async def test_a_page_that_nobody_can_read_is_asked_for_again(vendor: Vendor, conn: psycopg.Connection) -> None:
    class Unreadable(JsonlDialer):
        @classmethod
        def totals(cls, kind: str, stream: IO[bytes]) -> Totals:
            raise ContractBreak("jsonl.page", "data", "is not a report")

    with pytest.raises(ContractBreak):
        await download(vendor.dsn, vendor.archive, Unreadable([("calls", [call(1)])]), vendor.task, "b1")
    assert conn.execute("select count(*) from ops.raw_archive").fetchall() == [(0,)]
    conn.commit()
    result = await vendor.collect(conn, "b1", [call(1)])
    assert result.inserted == 1


async def test_two_downloads_of_one_pull_at_once_ask_once(vendor: Vendor, conn: psycopg.Connection) -> None:
    dialers = [JsonlDialer([("calls", [call(n)])]) for n in (1, 2)]
    first, second = await asyncio.gather(
        *(download(vendor.dsn, vendor.archive, dialer, vendor.task, "b1") for dialer in dialers)
    )
    assert first == second
    assert sum(dialer.asked for dialer in dialers) == 1
    assert vendor.load(conn, "b1").inserted == 1
