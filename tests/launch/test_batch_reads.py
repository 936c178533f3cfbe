"""What a batch costs the database does not depend on how many contacts come before and after it."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
import pytest
from barring import elsewhere, made_under, once_a_day, planned, suppress
from launching import CALL_DATE, NOW, PLAN, BatchDialer, spec

from obzvon.stages.launch import Launcher, launch
from obzvon.vendors.base import Acceptance, Contact
from obzvon.warehouse.db import connect_async

pytestmark = pytest.mark.stack
SIZE = 10
READ = """
select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int from pg_stat_user_tables
where relname in ('plan_contact', 'attempt_reservation', 'contact_payload')
"""
# What other campaigns hold on that day: with few rows PostgreSQL rightly reads them all.
OTHERS = """
insert into ops.attempt_reservation (phone_key, intent_id, local_date, campaign_id, purpose, max_attempts, held)
select encode(sha256(convert_to(n::text, 'UTF8')), 'hex'), %s, %s, 'other', 'survey', 1, 1
from generate_series(1, 20000) n
"""


class Counting(BatchDialer):
    """Notes how many rows the ledger's session had read when each batch left."""

    def __init__(self, conn: psycopg.AsyncConnection) -> None:
        super().__init__()
        self._conn = conn
        self.batches: list[int] = []
        self.read: list[int] = []

    async def add_contacts(self, task_id: str, order: object, contacts: Sequence[Contact]) -> Acceptance:
        await self._conn.execute("select pg_stat_force_next_flush()")
        await self._conn.commit()
        ((read,),) = await (await self._conn.execute(READ)).fetchall()
        await self._conn.commit()
        self.batches.append(len(contacts))
        self.read.append(read)
        return await super().add_contacts(task_id, order, contacts)  # type: ignore[arg-type]


async def reads(conn: psycopg.Connection, dsn: str, contacts: int) -> list[int]:
    """Rows read from one batch to the next, for a list of so many contacts, two of whom opted out."""
    planned(conn, contacts)
    made_under(conn, once_a_day())
    suppress(conn, SIZE + 1)
    suppress(conn, contacts)
    conn.execute(OTHERS, (elsewhere(conn, 0), CALL_DATE))
    conn.execute("analyze ops.plan_contact, ops.attempt_reservation, pii.contact_payload")
    conn.execute("select pg_stat_force_next_flush()")  # what the preparation read does not come in later
    conn.commit()
    async with await connect_async(dsn) as launching:
        await launching.execute("set enable_seqscan = off")  # the tables of a test are small enough to be read whole
        await launching.commit()
        dialer = Counting(launching)
        limits = {"candidate_batch": SIZE}
        await launch(Launcher(launching, dialer, spec(limits=limits), "run-1", lambda: False, lambda: NOW), PLAN, 0)
    assert sum(dialer.batches) == contacts - 2
    return [after - before for before, after in zip(dialer.read, dialer.read[1:], strict=False)]


async def test_the_last_batches_of_a_list_read_no_more_rows_than_the_first_ones(
    conn: psycopg.Connection, warehouse_dsn: str
) -> None:
    found = await reads(conn, warehouse_dsn, 40 * SIZE)
    assert len(found) == 39
    assert max(found[20:]) <= max(found[:20]) + SIZE // 2
    assert max(found) <= 12 * SIZE  # a dozen statements, each of which reads its ten rows; the whole list has 400
