"""Facts are cut by the month of the call date: made ahead, and one month a call for life."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import psycopg
import pytest
from alembic import command
from days import Days, contents
from psycopg.errors import CheckViolation, IntegrityConstraintViolation, LockNotAvailable, UniqueViolation

from obzvon.errors import ConfigError
from obzvon.warehouse import partitions
from obzvon.warehouse.db import connect
from obzvon.warehouse.migrate import _config, migrate, schema_is_current
from obzvon.warehouse.partitions import PARTITIONED, ensure_months, months_ahead
from obzvon.warehouse.tables import metadata

LAST_OF_MAY, FIRST_OF_JUNE = date(2031, 5, 31), date(2031, 6, 1)
ROW = """
insert into dwh.fact_call_attempt (vendor_code, vendor_call_id, call_month, started_at, local_started_at, date_key,
    local_hour, disposition_code, vendor_status_raw, row_hash, source_updated_at, loaded_at, batch_id)
values ('twin', 'x', %s, now(), now(), (select min(date_key) from dwh.dim_date), 1, 'BUSY', 'BUSY', repeat('0', 64),
    now(), now(), 'b')
"""
FACTS = "select call_month, count(*) from dwh.fact_call_attempt group by 1 order by 1"


@pytest.fixture
async def days(warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path) -> Days:
    """A call with a goal and a transcript on the last day of May, one on the first of June."""
    days = Days(warehouse_dsn, conn, tmp_path)
    for day in (LAST_OF_MAY, FIRST_OF_JUNE):
        days.plan(day)
        said = {"results": {"confirmation": "agreed"}, "turns": [["client", "Да", 0, 1]], "talk": 9}
        await days.pull(day, f"b-{day}", [days.call(day, 1, 1, disposition="GOAL", goal=True, **said)])
    return days


def months(conn: psycopg.Connection) -> set[date]:
    query = "select to_date(right(relname, 7), 'YYYY_MM') from pg_class where relname ~ '^fact_call_attempt_[0-9_]+$'"
    return {month for (month,) in conn.execute(query)}


def waits_for(conn: psycopg.Connection, *, lock: str) -> Callable[[], bool]:
    query = "select exists (select from pg_stat_activity where wait_event_type = 'Lock' and wait_event = %s)"
    return lambda: conn.execute(query, (lock,)).fetchone() == (True,)


def test_the_tables_that_get_partitions_are_those_that_are_cut() -> None:
    cut = {str(t) for t in metadata.sorted_tables if t.dialect_options["postgresql"]["partition_by"]}
    assert {".".join(table) for table in PARTITIONED} == cut
    # attaching locks what the table refers to and what refers to it: all of it is taken beforehand
    refers = [(str(t), str(key.referred_table)) for t in metadata.sorted_tables for key in t.foreign_key_constraints]
    touched = cut | {name for pair in refers if cut & set(pair) for name in pair}
    assert set(re.findall(r"(?:dwh|pii)\.\w+", partitions._LOCKS)) == touched


def test_each_call_is_stored_in_the_month_of_its_intent_with_what_belongs_to_it(days: Days) -> None:
    query = """
        select a.tableoid::regclass::text, g.tableoid::regclass::text, t.tableoid::regclass::text
        from dwh.fact_call_attempt a join dwh.fact_dialog_goal g using (vendor_code, vendor_call_id, call_month)
        join pii.dialog_turn t using (vendor_code, vendor_call_id, call_month) order by 1"""
    assert days.conn.execute(query).fetchall() == [
        tuple(f"{table}_2031_{month}" for table in ("dwh.fact_call_attempt", "dwh.fact_dialog_goal", "pii.dialog_turn"))
        for month in ("05", "06")
    ]


async def test_a_corrected_start_and_another_intent_leave_a_call_in_its_month(days: Days) -> None:
    # the vendor's clock was wrong by a day: the call of May was in June, and June's report has it too
    moved = {"started_at": "2031-06-01T09:00:00+00:00", "disposition": "GOAL", "goal": True, "turns": []}
    call = {**days.call(LAST_OF_MAY, 1, 1), **moved, "updated_at": "2031-06-02T00:00:00+00:00"}
    await days.pull(LAST_OF_MAY, "b2", [call])
    query = "select xmin::text, call_month, date_key from dwh.fact_call_attempt order by vendor_call_id"
    written = days.conn.execute(query).fetchall()
    assert [row[1:] for row in written] == [(date(2031, 5, 1), 20310601), (date(2031, 6, 1), 20310601)]
    await days.pull(LAST_OF_MAY, "b3", [call])
    assert days.conn.execute(query).fetchall() == written  # equal rows are not written again
    days.conn.commit()
    later = {**call, "external_id": days.call(FIRST_OF_JUNE, 1, 2)["external_id"], "updated_at": "2031-06-03T00:00:00Z"}
    await days.pull(FIRST_OF_JUNE, "b4", [later])
    went = (
        "select call_month from dwh.fact_call_attempt join ops.campaign_intent using (intent_id) where call_date = %s"
    )
    assert sorted(days.conn.execute(went, (FIRST_OF_JUNE,)).fetchall()) == [(date(2031, 5, 1),), (date(2031, 6, 1),)]
    before = contents(days.dsn, natural=True)
    days.run("drop schema dwh cascade")
    days.replay(LAST_OF_MAY, FIRST_OF_JUNE)
    assert contents(days.dsn, natural=True) == before


def test_no_month_takes_a_call_of_another(days: Days) -> None:
    conn = days.conn
    conn.execute(ROW, (date(2031, 5, 1),))
    with pytest.raises(UniqueViolation, match="twin:x is stored under 2031-05"), conn.transaction():
        conn.execute(ROW, (FIRST_OF_JUNE,))
    with pytest.raises(IntegrityConstraintViolation, match="twin:x keeps"), conn.transaction():
        conn.execute("update dwh.fact_call_attempt set call_month = '2031-06-01' where vendor_call_id = 'x'")
    with pytest.raises(CheckViolation, match="no partition"), conn.transaction():
        conn.execute(ROW, (date(2031, 7, 1),))
    assert conn.execute(FACTS).fetchall() == [(date(2031, 5, 1), 2), (date(2031, 6, 1), 1)]


def test_of_two_months_that_take_a_call_at_once_one_gets_it(days: Days) -> None:
    with connect(days.dsn) as other, ThreadPoolExecutor(1) as pool:
        days.conn.execute(ROW, (LAST_OF_MAY.replace(day=1),))
        second = pool.submit(other.execute, ROW, (FIRST_OF_JUNE,))
        with connect(days.dsn) as watcher:
            watcher.autocommit = True
            waiting = waits_for(watcher, lock="transactionid")
            while not waiting():
                assert not second.done()
        days.conn.commit()
        with pytest.raises(UniqueViolation, match="2031-05"):
            second.result()
    assert days.conn.execute("select call_month from ops.known_call where vendor_call_id = 'x'").fetchall() == [
        (date(2031, 5, 1),)
    ]


def test_partitions_are_made_once_by_two_at_once_while_others_read(days: Days) -> None:
    ahead = months_ahead(date(2032, 12, 31))
    assert ahead == [date(2032, 12, 1), date(2033, 1, 1)]
    days.conn.execute(FACTS)  # a reader, in the middle of its transaction
    start = threading.Barrier(2)

    def job(_: int) -> None:
        with connect(days.dsn) as conn:
            start.wait()
            ensure_months(conn, ahead, needed=False)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(job, range(2)))
    assert months(days.conn) == {date(2031, 5, 1), date(2031, 6, 1), *ahead}
    days.conn.commit()
    readers = "select has_table_privilege('obzvon_engineer', %s, 'select')"
    granted = [days.conn.execute(readers, (f"{s}.{t}_2032_12",)).fetchone() for s, t in PARTITIONED]
    assert granted == [(True,), (True,), (False,)]
    assert schema_is_current(days.dsn)


def test_who_writes_facts_is_waited_for_or_passed_over(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    month = date(2031, 8, 1)
    days.conn.execute("delete from dwh.fact_call_attempt")
    monkeypatch.setattr(partitions, "TRIES", 1)
    with connect(days.dsn) as other:
        ensure_months(other, [month], needed=False)
        with pytest.raises(LockNotAvailable):
            ensure_months(other, [month])
        days.conn.rollback()
        ensure_months(other, [month])
    assert month in months(days.conn)


async def test_a_partition_that_was_detached_is_named_with_the_cure(days: Days) -> None:
    days.run("alter table pii.dialog_turn detach partition pii.dialog_turn_2031_05")
    said = [["client", "Да", 0, 1]]
    calls = [days.call(LAST_OF_MAY, 2, 2, turns=said, talk=9)]
    with pytest.raises(ConfigError, match=r"^table pii\.dialog_turn_2031_05 is there but is no partition") as refused:
        await days.pull(LAST_OF_MAY, "b2", calls)
    (cure,) = re.findall("alter table .+?;", str(refused.value))
    days.run(cure)
    await days.pull(LAST_OF_MAY, "b3", calls)
    assert days.conn.execute("select count(*) from pii.dialog_turn_2031_05").fetchone() == (2,)


def test_migrating_moves_what_the_tables_had(days: Days) -> None:
    days.run(
        "insert into dwh.fact_qa_review select 'r1', vendor_code, vendor_call_id, call_month, 'f', 1, 2, 'u', now(),"
        " null from dwh.fact_call_attempt limit 1"
    )
    before, known = contents(days.dsn), "select * from ops.known_call order by 1, 2"
    calls = days.conn.execute(known).fetchall()
    # a call of nobody's intent, and a transcript whose call went with schema dwh
    days.conn.execute(ROW, (date(2031, 5, 1),))
    days.run("insert into pii.dialog_turn values ('twin', 'y', '2031-05-01', 1, 'bot', 0, 1, 'Да')")
    command.downgrade(_config(days.dsn), "0007")
    assert days.conn.execute("select count(*) from pg_partitioned_table").fetchone() == (0,)
    days.conn.commit()
    migrate(days.dsn)
    assert schema_is_current(days.dsn)
    started = "date_trunc('month', started_at at time zone 'UTC') = call_month"
    query = f"delete from dwh.fact_call_attempt where vendor_call_id = 'x' and {started}"
    assert days.conn.execute(query.encode()).rowcount == 1
    assert days.conn.execute("delete from pii.dialog_turn where vendor_call_id = 'y'").rowcount == 1
    assert [row for row in days.conn.execute(known) if row[0] == "dialog"] == calls
    days.conn.commit()
    after = contents(days.dsn)
    assert {table: after[table] for table in before} == before
