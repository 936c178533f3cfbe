"""Sums follow the facts: what changed is computed anew, and nothing else; all plans anew give the same."""

from __future__ import annotations

import threading
from pathlib import Path

import psycopg
import pytest
from days import DAYS, Contents, Days

from obzvon.stages.marts import TABLES, refresh
from obzvon.warehouse.db import connect


@pytest.fixture
async def days(warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path) -> Days:
    """Two days with two calls each, loaded and refreshed."""
    days = Days(warehouse_dsn, conn, tmp_path)
    for day in DAYS[:2]:
        days.plan(day)
        spoken = days.call(
            day, 2, 2, disposition="GOAL", talk=30, cost="1.5", goal=True, results={"confirmation": "agreed"}
        )
        await days.pull(day, "collect", [days.call(day, 1, 1), spoken])
    refresh(conn)
    return days


def sums(dsn: str) -> Contents:
    """Every row of the three tables."""
    with connect(dsn) as conn:
        return {
            table: sorted(conn.execute(f"select * from mart.{table}".encode()).fetchall(), key=repr) for table in TABLES
        }


async def test_only_the_changed_plan_is_refreshed(days: Days) -> None:
    before = sums(days.dsn)
    await days.pull(DAYS[1], "late", [days.call(DAYS[1], 3, 3)])
    result = refresh(days.conn)
    assert (result.plans, result.changes > 0) == (1, True)
    changed = sums(days.dsn)
    assert changed != before
    assert refresh(days.conn).plans == 0
    refresh(days.conn, full=True)
    assert sums(days.dsn) == changed


async def test_a_call_that_is_corrected_is_counted_once(days: Days) -> None:
    silent = days.call(DAYS[0], 2, 2, disposition="BUSY", updated_at=f"{DAYS[0]}T12:00:00+00:00")
    await days.pull(DAYS[0], "late", [silent])
    refresh(days.conn)
    query = "select date_key, attempts, human from mart.v_attempt_kpi_daily order by 1"
    assert days.conn.execute(query).fetchall() == [(20310520, 2, 0), (20310521, 2, 1)]


def test_a_call_that_goes_over_to_another_plan_leaves_the_first(days: Days) -> None:
    days.run(
        f"update dwh.fact_call_attempt set intent_id = (select intent_id from ops.campaign_intent"
        f" where call_date = '{DAYS[1]}') where vendor_call_id = '{DAYS[0]}-1'"
    )
    assert refresh(days.conn).plans == 2
    query = "select p.call_date, sum(attempts) from mart.attempt_daily join mart.v_plan p using (plan_id) group by 1"
    assert dict(days.conn.execute(query).fetchall()) == {DAYS[0]: 1, DAYS[1]: 3}


def test_a_deletion_reaches_the_sums(days: Days) -> None:
    days.run("delete from dwh.fact_call_attempt")
    days.run("delete from dwh.fact_campaign_contact")
    assert refresh(days.conn).plans == 2
    assert sums(days.dsn) == {table: [] for table in TABLES}


def test_what_an_outcome_counts_as_reaches_every_plan(days: Days) -> None:
    goals = "select sum(contacts_goal) from mart.v_campaign_funnel"
    days.run("delete from dwh.fact_dialog_goal")
    days.run("update dwh.dim_disposition set is_goal = false where disposition_code = 'GOAL'")
    assert days.conn.execute(goals).fetchone() == (2,)
    days.conn.commit()
    assert refresh(days.conn).plans == 2
    assert days.conn.execute(goals).fetchone() == (0,)


def test_what_became_of_a_call_at_qolio_reaches_the_sums(days: Days) -> None:
    days.run(f"update dwh.fact_call_attempt set has_record = true where vendor_call_id = '{DAYS[0]}-2'")
    days.run(
        "insert into ops.qa_delivery (call_uid, vendor_code, vendor_call_id, payload_hash, state)"
        f" values ('dialog:{DAYS[0]}-2', 'dialog', '{DAYS[0]}-2', repeat('0', 64), 'SENT')"
    )
    days.run(
        "insert into dwh.fact_qa_review (review_id, vendor_code, vendor_call_id, call_month, form_name, score,"
        f" max_score, reviewed_at) values ('r1', 'dialog', '{DAYS[0]}-2', '2031-05-01', 'Опрос', 2, 3, now())"
    )
    assert refresh(days.conn).plans == 1
    query = "select conversations, sent, reviewed, qa_coverage_rate, score_rate from mart.v_qa_coverage"
    (row,) = days.conn.execute(query).fetchall()
    assert [str(value) for value in row] == ["1", "1", "1", "1.0000", "0.6667"]
    days.conn.commit()
    days.run("update dwh.fact_qa_review set score = 3, reviewed_at = now()")  # the operator appealed
    assert refresh(days.conn).plans == 1
    scores = "select score_rate from mart.v_qa_coverage"
    assert [str(rate) for (rate,) in days.conn.execute(scores)] == ["1.0000"]
    days.conn.commit()
    days.run("update ops.qa_delivery set state = 'MISSING'")
    days.run("delete from dwh.fact_qa_review")
    assert refresh(days.conn).plans == 1
    query = "select silent_drop_rate, qa_coverage_rate from mart.v_qa_coverage"
    assert [str(value) for value in days.conn.execute(query).fetchall()[0]] == ["1.0000", "0.0000"]


async def test_freshness_says_that_facts_are_newer_than_the_sums(days: Days) -> None:
    query = "select call_date, is_stale from mart.v_freshness order by 1"
    assert days.conn.execute(query).fetchall() == [(DAYS[0], False), (DAYS[1], False)]
    days.conn.commit()
    await days.pull(DAYS[1], "late", [days.call(DAYS[1], 3, 3)])
    assert days.conn.execute(query).fetchall() == [(DAYS[0], False), (DAYS[1], True)]


async def test_a_load_that_commits_while_its_plan_is_refreshed_is_not_missed(days: Days) -> None:
    """The refresh has taken the changes and waits; the load commits; its change is there for the next refresh."""
    with connect(days.dsn) as holder:
        holder.execute("select 1 from mart.attempt_daily for update")
        running = threading.Thread(target=_refresh_all, args=(days.dsn,))
        running.start()
        while not holder.execute("select from pg_locks where not granted and pid <> pg_backend_pid()").fetchall():
            pass
        await days.pull(DAYS[0], "late", [days.call(DAYS[0], 3, 3)])
        holder.rollback()
        running.join()
    refresh(days.conn)
    after = sums(days.dsn)
    refresh(days.conn, full=True)
    assert sums(days.dsn) == after
    query = "select contacts_dialed from mart.v_campaign_funnel order by call_date"
    assert days.conn.execute(query).fetchall() == [(3,), (2,)]


def _refresh_all(dsn: str) -> None:
    with connect(dsn) as conn:
        refresh(conn, full=True)


async def test_a_replay_of_dropped_facts_gives_the_same_sums(days: Days) -> None:
    before = sums(days.dsn)
    days.run("drop schema dwh cascade")
    days.replay()
    assert refresh(days.conn).plans == 2
    assert sums(days.dsn) == before
