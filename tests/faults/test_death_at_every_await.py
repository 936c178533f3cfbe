"""A launch that dies at each of its awaits, one after the other, and is started again."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter

import psycopg
import pytest
from launching import NOW, PLAN, BatchDialer, forced, plan_of, spec

from faults.mortal import Executioner
from obzvon.errors import InDoubtError
from obzvon.local.postgres import Postgres
from obzvon.stages.launch import Launcher, launch
from obzvon.warehouse.db import connect_async

pytestmark = pytest.mark.stack
CONTACTS = 2
TABLES = (
    "ops.candidate_batch", "ops.intent_event", "ops.doubt", "pii.contact_payload", "ops.plan_contact",
    "ops.campaign_intent", "ops.campaign_plan",
)  # fmt: skip


async def launched(dsn: str, dialer: BatchDialer) -> None:
    async with await connect_async(dsn) as conn:
        await launch(Launcher(conn, dialer, spec(), "run", lambda: False, clock=lambda: NOW), PLAN, 0)


def test_a_campaign_that_has_contacts_is_started_or_in_doubt_wherever_its_launch_died(
    postgres: Postgres, warehouse_dsn: str
) -> None:
    with (
        psycopg.connect(postgres.url("postgres"), autocommit=True) as maintenance,
        psycopg.connect(warehouse_dsn, autocommit=True, application_name="faults") as conn,
    ):
        database = conn.info.dbname
        for awaits in itertools.count(1):
            for table in TABLES:
                forced(conn, f"delete from {table}")
            plan_of(conn, CONTACTS)
            dialer = BatchDialer()
            died = Executioner(maintenance, database).run_and_kill(launched(warehouse_dsn, dialer), awaits, ticks=0)
            doubts = asyncio.run(again(warehouse_dsn, dialer))
            found = conn.execute("select state, contacts_accepted from ops.campaign_intent").fetchone()
            assert doubts or found == ("running", CONTACTS), f"died at await {awaits}"
            handed = Counter(dialer.handed)
            assert max(handed.values(), default=0) <= 1, f"died at await {awaits}"
            if not died:
                return


async def again(dsn: str, dialer: BatchDialer) -> bool:
    """Launch again; whether something is in doubt."""
    try:
        await launched(dsn, dialer)
    except InDoubtError:
        return True
    async with await connect_async(dsn) as conn:
        rows = await (await conn.execute("select from ops.campaign_intent where state = 'in_doubt'")).fetchall()
        return bool(rows)
