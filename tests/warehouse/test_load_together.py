"""Loads that meet or die: each call is one fact, and rows and the loaded mark commit together."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import psycopg
import pytest
from loading import PLAN, JsonlDialer, Vendor, call, plan_of

from obzvon.campaigns.spec import CampaignSpec
from obzvon.stages.collect import LoadResult, waiting_batches
from obzvon.vendors.base import Row, Totals
from obzvon.warehouse.db import connect
from obzvon.warehouse.load import batch
from obzvon.warehouse.load.plan import load_plan

WAITS_FOR_A_LOCK = """
select count(*) from pg_locks where locktype = 'advisory' and not granted
    and database = (select oid from pg_database where datname = current_database())
"""


def loaded_at_once(jobs: list[tuple[Vendor, str]]) -> list[LoadResult]:
    start = threading.Barrier(len(jobs))

    def job(vendor: Vendor, batch: str) -> LoadResult:
        with connect(vendor.dsn) as conn:
            start.wait()
            return vendor.load(conn, batch)

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(job, *zip(*jobs, strict=True)))


async def test_intents_of_one_plan_may_be_loaded_at_once(
    conn: psycopg.Connection, warehouse_dsn: str, tmp_path: Path
) -> None:
    vendors = [Vendor(warehouse_dsn, tmp_path, intent) for intent in plan_of(conn, 2, intents=4)]
    for n, vendor in enumerate(vendors):
        await vendor.pull("b1", [call(10 * n + k, 2 * n + k) for k in (1, 2)])
    results = loaded_at_once([(vendor, "b1") for vendor in vendors])
    assert [(r.inserted, r.unmatched) for r in results] == [(2, 0)] * 4
    counts = "select (select count(*) from dwh.dim_contact), count(*), sum(attempts) from dwh.fact_campaign_contact"
    assert conn.execute(counts).fetchone() == (8, 8, 8)


async def test_a_plan_that_another_intent_brings_meanwhile_is_not_compared_again(
    conn: psycopg.Connection, warehouse_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    intent, *_ = plan_of(conn, 1, intents=2)
    conn.commit()
    vendor = Vendor(warehouse_dsn, tmp_path, intent)
    await vendor.pull("b1", [call(1)])
    with connect(warehouse_dsn) as other, ThreadPoolExecutor(1) as pool:
        with other.transaction():
            load_plan(other, vendor.spec, PLAN)
            monkeypatch.setattr(batch, "load_plan", lambda *_, **__: pytest.fail("compared again"))
            loading = pool.submit(loaded_at_once, [(vendor, "b1")])
            while conn.execute(WAITS_FOR_A_LOCK).fetchone() == (0,):
                conn.commit()  # the view is the same until the transaction ends
        assert loading.result()[0].inserted == 1


async def test_a_load_into_a_new_month_that_has_rows_knows_how_many(
    conn: psycopg.Connection, warehouse_dsn: str, tmp_path: Path
) -> None:
    known = "select reltuples from pg_class where oid = 'dwh.fact_call_attempt_2031_05'::regclass"
    for number, intent in enumerate(plan_of(conn, 1, intents=2), 1):
        vendor = Vendor(warehouse_dsn, tmp_path, intent)
        await vendor.pull("b1", [call(number, number)])
        loaded_at_once([(vendor, "b1")])
    assert conn.execute(known).fetchone() == (1,)  # as the second load found it


async def test_two_pulls_of_one_intent_loaded_at_once_end_with_the_newer_answer(
    conn: psycopg.Connection, warehouse_dsn: str, tmp_path: Path
) -> None:
    (intent,) = plan_of(conn, 3)
    vendor = Vendor(warehouse_dsn, tmp_path, intent)
    await vendor.pull("b1", [call(1, disposition="PENDING"), call(2, 2)])
    await vendor.pull("b2", [call(1, disposition="RPC_REFUSED"), call(2, 2), call(3, 3)])
    loaded_at_once([(vendor, "b1"), (vendor, "b2")])
    facts = "select vendor_call_id, disposition_code from dwh.fact_call_attempt order by 1"
    assert conn.execute(facts).fetchall() == [("k1", "RPC_REFUSED"), ("k2", "NO_ANSWER"), ("k3", "NO_ANSWER")]


class LosesTheDatabase(JsonlDialer):
    """The server drops every other connection while the second row is being read."""

    dsn = ""

    @classmethod
    def contents(cls, spec: CampaignSpec, kind: str, stream: IO[bytes]) -> Iterator[Row | Totals]:
        for number, row in enumerate(super().contents(spec, kind, stream)):
            if number == 1:
                with connect(cls.dsn) as other:
                    other.execute(
                        "select pg_terminate_backend(pid) from pg_stat_activity"
                        " where datname = current_database() and pid <> pg_backend_pid()"
                    )
            yield row


async def test_a_load_that_dies_leaves_nothing_and_the_next_one_does_it_all(
    conn: psycopg.Connection, warehouse_dsn: str, tmp_path: Path
) -> None:
    (intent,) = plan_of(conn, 3)
    vendor = Vendor(warehouse_dsn, tmp_path, intent)
    await vendor.pull("b1", [call(1), call(2, 2), call(3, 3)])
    LosesTheDatabase.dsn, vendor.dialer = warehouse_dsn, LosesTheDatabase
    with pytest.raises(psycopg.OperationalError), connect(warehouse_dsn) as doomed:
        vendor.load(doomed, "b1")
    vendor.dialer = JsonlDialer
    with connect(warehouse_dsn) as alive:
        assert alive.execute("select count(*) from dwh.fact_call_attempt").fetchone() == (0,)
        assert waiting_batches(alive, intent) == ["b1"]
        alive.commit()
        assert vendor.load(alive, "b1").inserted == 3
        assert waiting_batches(alive, intent) == []
