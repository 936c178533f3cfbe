"""Intents are collected two at a time; a report that comes out short is pulled again before the intent is final."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from launching import forced
from loading import PLAN, SECRET, JsonlDialer, call, plan_of, spec

from obzvon.errors import Refused
from obzvon.reports.archive import Archive
from obzvon.stages.collect_batch import Collector, CollectResult, collect
from obzvon.vendors.base import Page, Task

WHOLE = [{"totals": 3}, call(1, 1), call(2, 2), call(3, 3)]
SHIFTED = [{"totals": 3}, call(1, 1), call(2, 2), call(2, 2)]  # as many rows, but one of them twice


class Shifting(JsonlDialer):
    """The first reports are short: rows shifted while their pages were read."""

    def __init__(self, short: int) -> None:
        super().__init__()
        self.short = short

    async def report(self, task: Task) -> AsyncIterator[Page]:
        self.pages = [("calls", SHIFTED if self.asked < self.short else WHOLE)]
        async for page in super().report(task):
            yield page


async def collected(dsn: str, conn: psycopg.Connection, folder: Path, dialer: JsonlDialer) -> CollectResult:
    plan_of(conn, contacts=3)
    forced(conn, "update ops.campaign_intent set state = 'collecting', completeness = 'complete', vendor_task_id = 't'")
    conn.commit()
    return await collect(Collector(dsn, Archive(folder), dialer, spec(), SECRET, "run"), PLAN, 0)


def facts(conn: psycopg.Connection) -> list[Any]:
    query = "select vendor_call_id from dwh.fact_call_attempt order by 1"
    return [call_id for (call_id,) in conn.execute(query)]


@pytest.mark.parametrize(("short", "asked"), [(0, 1), (1, 2), (2, 3)])
async def test_a_short_report_is_pulled_again_until_it_is_whole(
    warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path, short: int, asked: int
) -> None:
    dialer = Shifting(short)
    await collected(warehouse_dsn, conn, tmp_path, dialer)
    assert (dialer.asked, facts(conn)) == (asked, ["k1", "k2", "k3"])
    assert conn.execute("select state from ops.campaign_intent").fetchall() == [("final",)]
    assert conn.execute("select count(distinct batch_id) from ops.raw_archive").fetchall() == [(asked,)]
    assert conn.execute("select bool_or(is_late) from dwh.fact_call_attempt").fetchall() == [(False,)]


async def test_a_report_that_stays_short_ends_after_three_pulls_and_is_left_to_the_audit(
    warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path
) -> None:
    dialer = Shifting(99)
    await collected(warehouse_dsn, conn, tmp_path, dialer)
    assert (dialer.asked, facts(conn)) == (3, ["k1", "k2"])


class Meeting(JsonlDialer):
    """No report comes before another one is asked for, too: one after the other, they would wait for ever."""

    def __init__(self, intents: list[str], refused: dict[str, int]) -> None:
        super().__init__()
        self._intents, self._refused, self._met = intents, refused, asyncio.Barrier(2)

    async def report(self, task: Task) -> AsyncIterator[Page]:
        await asyncio.wait_for(self._met.wait(), 60)
        if status := self._refused.get(task.order.intent_id):
            raise Refused("dialog", "read a report", "the vendor refused it", status=status)
        number = self._intents.index(task.order.intent_id) + 1
        yield Page("calls", 1, {}, _lines({"totals": 1}, call(number, number)))


async def _lines(*lines: dict[str, Any]) -> AsyncIterator[bytes]:
    for line in lines:
        yield json.dumps(line).encode() + b"\n"


async def test_two_intents_are_collected_at_once_and_the_first_problem_comes_after_all_had_their_turn(
    warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path
) -> None:
    intents = plan_of(conn, contacts=1, intents=4)
    task = "vendor_task_id = 't' || chunk_no"
    forced(conn, f"update ops.campaign_intent set state = 'collecting', completeness = 'complete', {task}")
    conn.commit()
    dialer = Meeting(intents, {intents[0]: 404, intents[3]: 410})
    with pytest.raises(Refused) as refused:
        await collect(Collector(warehouse_dsn, Archive(tmp_path), dialer, spec(), SECRET, "run"), PLAN, 0)
    assert refused.value.status == 404
    assert facts(conn) == ["k2", "k3"]
    states = conn.execute("select state from ops.campaign_intent order by chunk_no").fetchall()
    assert states == [("collecting",), ("final",), ("final",), ("collecting",)]
