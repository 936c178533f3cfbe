"""The views give the numbers that the smallest campaign gives by hand."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from launching import forced
from psycopg.rows import dict_row

from obzvon.warehouse.marts import create_marts

SMOKE = (Path(__file__).parent / "smoke_seed.sql").read_text(encoding="utf-8")


@pytest.fixture
def seeded(conn: psycopg.Connection) -> psycopg.Connection:
    forced(conn, SMOKE)
    return conn


def rows(conn: psycopg.Connection, query: str) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(query.encode()).fetchall()


def test_funnel_of_the_smoke_campaign(seeded: psycopg.Connection) -> None:
    (funnel,) = rows(seeded, "select * from mart.v_campaign_funnel")
    counts = ("total", "excluded", "eligible", "rejected", "dialed", "human", "rpc", "goal")
    assert [funnel[f"contacts_{name}"] for name in counts] == [6, 1, 5, 0, 5, 3, 3, 1]
    rates = ("penetration_rate", "contact_rate", "rpc_rate", "goal_rate_rpc", "goal_rate_list", "attempts_per_contact")
    assert [str(funnel[name]) for name in rates] == ["1.0000", "0.6000", "0.6000", "0.3333", "0.2000", "1.600"]
    assert funnel["attempts"] == 8
    assert funnel["cost_rub"] == Decimal("10.5")
    assert (funnel["cost_per_human"], funnel["cost_per_goal"]) == (Decimal("3.50"), Decimal("10.50"))


def test_funnel_is_final_when_every_intent_is(seeded: psycopg.Connection) -> None:
    query = "select is_final, is_partial from mart.v_campaign_funnel"
    assert rows(seeded, query) == [{"is_final": False, "is_partial": False}]
    forced(seeded, "update ops.campaign_intent set state = 'final_partial'")
    assert rows(seeded, query) == [{"is_final": True, "is_partial": True}]


def test_a_goal_reached_in_a_transferred_call_counts_as_a_goal(seeded: psycopg.Connection) -> None:
    seeded.execute("update dwh.fact_call_attempt set disposition_code = 'TRANSFERRED' where vendor_call_id = 'k5'")
    seeded.execute("insert into dwh.fact_dialog_goal values ('twin', 'k5', 'confirmed', 'да', true)")
    assert rows(seeded, "select contacts_goal from mart.v_campaign_funnel") == [{"contacts_goal": 2}]


def test_exclusions_add_up_to_the_funnel(seeded: psycopg.Connection) -> None:
    (row,) = rows(seeded, "select exclusion_code, exclusion_title, exclusion_reason, contacts from mart.v_exclusions")
    assert list(row.values()) == ["EXCL_DNC", "В стоп-листе", "suppressed", 1]


def test_daily_rates(seeded: psycopg.Connection) -> None:
    (day,) = rows(seeded, "select * from mart.v_attempt_kpi_daily")
    assert (day["attempts"], day["connected"], day["human"], day["unmapped"]) == (8, 4, 3, 0)
    names = ("connect_rate", "human_answer_rate", "machine_rate", "aht_sec", "short_call_rate", "optout_rate")
    assert [str(day[n]) for n in names] == ["0.5000", "0.3750", "0.2500", "34.0", "0.0000", "0.3333"]


def test_what_the_second_attempt_brings(seeded: psycopg.Connection) -> None:
    first, second = rows(seeded, "select * from mart.v_recall_effectiveness order by attempt_no")
    assert (first["attempts"], first["goals_at_n"], first["goals_cum"]) == (5, 0, 0)
    assert (second["attempts"], second["goals_at_n"], second["goals_cum"]) == (3, 1, 1)
    assert (first["human_rate_at_n"], second["human_rate_at_n"]) == (Decimal("0.4000"), Decimal("0.3333"))
    assert second["cost_per_goal_at_n"] == Decimal("5.25")


def test_best_time_is_cautious_about_few_calls(seeded: psycopg.Connection) -> None:
    cells = {r["local_hour"]: r for r in rows(seeded, "select * from mart.v_best_time")}
    assert set(cells) == {9, 11}
    assert (cells[11]["human_rate"], cells[11]["attempts"], cells[11]["is_enough"]) == (Decimal(1), 1, False)
    assert cells[11]["human_rate_low95"] == Decimal("0.2065")
    assert cells[11]["dow"] == 4


def test_exhaustion_splits_by_reason(seeded: psycopg.Connection) -> None:
    seeded.execute("update dwh.dim_campaign set max_attempts = 2")
    (row,) = rows(seeded, "select * from mart.v_list_exhaustion")
    assert (row["eligible"], row["closed"], row["closed_by_outcome"], row["closed_by_limit"]) == (5, 5, 4, 1)
    assert row["exhaustion_rate"] == Decimal(1)


def test_a_late_dial_after_an_opt_out_breaches_two_rules(seeded: psycopg.Connection) -> None:
    breaches = rows(seeded, "select rule, vendor_call_id, detail from mart.v_compliance_breach order by rule")
    assert [tuple(b.values()) for b in breaches] == [
        ("AFTER_OPTOUT", "k8", "отказ"),
        ("OUTSIDE_WINDOW", "k8", "2026-11-19 20:40:00"),
    ]


def test_debt_has_a_cap_of_one_a_day(seeded: psycopg.Connection) -> None:
    seeded.execute("update dwh.dim_campaign set purpose = 'debt'")
    query = "select vendor_call_id from mart.v_compliance_breach where rule = 'CAP_DAY' order by 1"
    assert [r["vendor_call_id"] for r in rows(seeded, query)] == ["k2", "k4", "k8"]


def test_an_uncertain_zone_must_be_inside_the_window_of_every_candidate(seeded: psycopg.Connection) -> None:
    seeded.execute("update ops.plan_contact set tz_offsets = '{180,600}' where row_no = 3")
    query = "select vendor_call_id from mart.v_compliance_breach where rule = 'OUTSIDE_WINDOW' order by 1"
    assert [r["vendor_call_id"] for r in rows(seeded, query)] == ["k8"]  # 09:12 Moscow is 16:12 Vladivostok
    seeded.execute("update ops.plan_contact set tz_offsets = '{120,180}' where row_no = 3")
    assert [r["vendor_call_id"] for r in rows(seeded, query)] == ["k5", "k8"]  # and 08:12 Kaliningrad


def test_a_call_nobody_of_ours_asked_for_is_an_orphan(seeded: psycopg.Connection) -> None:
    seeded.execute("update dwh.fact_call_attempt set contact_key = null where vendor_call_id = 'k1'")
    query = "select vendor_call_id, detail from mart.v_compliance_breach where rule = 'ORPHAN_CALL'"
    assert [tuple(r.values()) for r in rows(seeded, query)] == [("k1", "no contact of the list")]


def test_every_conversation_has_one_fate_at_qolio(seeded: psycopg.Connection) -> None:
    insert = (
        "insert into ops.qa_delivery (call_uid, vendor_code, vendor_call_id, payload_hash, state)"
        " values ('twin:' || %s, 'twin', %s, repeat('0', 64), %s)"
    )
    for call, state in (("k2", "SENT"), ("k5", "REJECTED")):
        seeded.execute(insert, (call, call, state))
    (row,) = rows(seeded, "select * from mart.v_qa_reconciliation")
    # k3 is a machine: its recording is not for reviewers
    assert (row["should_send"], row["delivered"], row["rejected"], row["not_sent"]) == (3, 1, 1, 1)


def test_every_rate_carries_its_formula(conn: psycopg.Connection) -> None:
    query = """
        select c.relname || '.' || a.attname as name from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
        where c.relnamespace = 'mart'::regnamespace and a.attname ~ '(_rate|_rate_|rate_|cost_per|aht|_per_)'
          and col_description(c.oid, a.attnum) is null"""
    assert rows(conn, query) == []


def test_replaying_the_marts_keeps_grants_and_changes_nothing(conn: psycopg.Connection) -> None:
    conn.execute("create role bi_reader_of_test")
    try:
        conn.execute("grant select on mart.v_campaign_funnel to bi_reader_of_test")
        create_marts(conn)
        query = "select has_table_privilege('bi_reader_of_test', 'mart.v_campaign_funnel', 'select') as may"
        assert rows(conn, query) == [{"may": True}]
    finally:
        conn.rollback()


def test_a_view_of_another_shape_is_made_anew(conn: psycopg.Connection) -> None:
    conn.execute("drop view mart.v_attempt cascade")
    conn.execute("create view mart.v_attempt as select 1 as something_else")
    conn.execute("create view mart.v_attempt_kpi_daily as select something_else from mart.v_attempt")
    create_marts(conn)
    assert rows(conn, "select count(*) as n from mart.v_campaign_funnel") == [{"n": 0}]
    assert rows(conn, "select attempts from mart.v_attempt_kpi_daily") == []
