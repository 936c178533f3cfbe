"""Every row of the list is in the warehouse with its decision; dimensions remember what was true at planning."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from launching import spec
from psycopg.types.json import Jsonb

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import LedgerError
from obzvon.ledger.keys import external_id, intent_id, plan_id
from obzvon.stages.collect import load_plan
from obzvon.stages.marts import refresh

MAY = date(2026, 5, 20)
JUNE = date(2026, 6, 22)

Row = tuple[str, str | None, str | None, str | None, str | None]
LIST: tuple[Row, ...] = (
    ("c1", "1", "Москва", None, None),
    ("c2", "2", None, None, None),
    ("c1", "1", "Калининградская область", "EXCL_DUPLICATE", "duplicate_phone"),
    ("c3", None, None, "EXCL_INVALID", "two_phones"),
    ("c4", "4", None, "EXCL_DNC", "suppressed"),
)  # fmt: skip


def planned(conn: psycopg.Connection, day: date, rows: tuple[Row, ...] = LIST, *, segment: str | None = None) -> str:
    """Store a plan: contact, phone key's digit, region, exclusion code and reason of each row."""
    plan, intent = plan_id("test_campaign", day), intent_id("test_campaign", day, "+03:00", 1)
    at = datetime(day.year, day.month, day.day, 5, tzinfo=UTC)
    conn.execute("delete from ops.campaign_plan where plan_id = %s", (plan,))
    conn.execute(
        "insert into ops.campaign_plan (plan_id, campaign_id, call_date, vendor_code, purpose, spec, plan_hash,"
        " contacts_total, contacts_to_call, planned_at)"
        " values (%s, 'test_campaign', %s, 'dialog', 'survey', %s, %s, %s, 0, %s)",
        (plan, day, Jsonb({}), "0" * 64, len(rows), at),
    )
    conn.execute(
        "insert into ops.campaign_intent (intent_id, plan_id, campaign_id, call_date, vendor_code, zone, tz_offsets,"
        " chunk_no, batch_no, contacts_planned, window_start_utc, window_end_utc, local_from, local_to)"
        " values (%s, %s, 'test_campaign', %s, 'dialog', '+03:00', '{180}', 1, 0, 2, %s, %s, '10:00', '20:00')",
        (intent, plan, day, at, at),
    )
    for number, (contact, key, region, code, reason) in enumerate(rows, 1):
        conn.execute(
            "insert into ops.plan_contact (plan_id, row_no, contact_id, phone_key, tz_offsets, tz_source, region,"
            " segment, exclusion_code, exclusion_reason, intent_id, external_id)"
            " values (%s, %s, %s, %s, '{180}', 'region', %s, %s, %s, %s, %s, %s)",
            (plan, number, contact, key and key * 64, region, segment, code, reason, None if code else intent,
             None if code else external_id(plan, number)),
        )  # fmt: skip
    conn.commit()
    return plan


def rows(conn: psycopg.Connection, query: str, *values: Any) -> list[tuple[Any, ...]]:
    found = conn.execute(query.encode(), values).fetchall()
    conn.commit()
    return found


def test_excluded_contacts_come_with_their_reason_and_are_closed_by_the_plan(conn: psycopg.Connection) -> None:
    assert load_plan(conn, spec(), planned(conn, MAY)) == 5
    query = """select row_no, contact_id, exclusion_code, exclusion_reason, final_disposition, closed_at is not null,
                      attempts
               from dwh.fact_campaign_contact join dwh.dim_contact using (contact_key) order by 1"""
    assert rows(conn, query) == [
        (1, "c1", None, None, None, False, 0),
        (2, "c2", None, None, None, False, 0),
        (3, "c1", "EXCL_DUPLICATE", "duplicate_phone", "EXCL_DUPLICATE", True, 0),
        (4, "c3", "EXCL_INVALID", "two_phones", "EXCL_INVALID", True, 0),
        (5, "c4", "EXCL_DNC", "suppressed", "EXCL_DNC", True, 0),
    ]
    refresh(conn)
    query = "select contacts_total, contacts_excluded, contacts_eligible from mart.v_campaign_funnel"
    assert rows(conn, query) == [(5, 3, 2)]
    assert rows(conn, "select sum(contacts) from mart.v_exclusions") == [(3,)]


def test_a_plan_that_calls_nobody_is_complete_in_the_warehouse(conn: psycopg.Connection) -> None:
    load_plan(conn, spec(), planned(conn, MAY, LIST[2:]))
    refresh(conn)
    query = "select contacts_total, contacts_eligible, contact_rate from mart.v_campaign_funnel"
    assert rows(conn, query) == [(3, 0, None)]


def test_loading_a_plan_again_writes_nothing(conn: psycopg.Connection) -> None:
    plan = planned(conn, MAY)
    load_plan(conn, spec(), plan)
    tables = ("dim_contact", "dim_campaign", "dim_script", "fact_campaign_contact")
    versions = [f"select ctid::text, xmin::text from dwh.{table} order by ctid" for table in tables]
    before = [rows(conn, query) for query in versions]
    assert load_plan(conn, spec(), plan) == 0
    assert [rows(conn, query) for query in versions] == before


def test_the_row_that_is_called_speaks_for_its_duplicates(conn: psycopg.Connection) -> None:
    load_plan(conn, spec(), planned(conn, MAY, LIST[2:3] + LIST[:1]))
    query = "select subject_name, tz_offset_min from dwh.dim_contact left join dwh.dim_region using (region_key)"
    assert rows(conn, query) == [("Москва", 180)]


def test_a_changed_contact_gets_a_version_and_each_plan_keeps_its_own(conn: psycopg.Connection) -> None:
    may = planned(conn, MAY, LIST[:2])
    load_plan(conn, spec(), may)
    june = planned(conn, JUNE, (("c1", "1", "Калининградская область", None, None), LIST[1]))
    load_plan(conn, spec(), june)
    query = """select subject_name, valid_from, valid_to, is_current from dwh.dim_contact
               left join dwh.dim_region using (region_key) where contact_id = 'c1' order by valid_from"""
    first, second = datetime(2026, 5, 20, 5, tzinfo=UTC), datetime(2026, 6, 22, 5, tzinfo=UTC)
    assert rows(conn, query) == [
        ("Москва", first, second, False),
        ("Калининградская область", second, None, True),
    ]
    query = """select f.call_date, subject_name from dwh.fact_campaign_contact f
               join dwh.dim_contact using (contact_key) join dwh.dim_region using (region_key) order by 1"""
    assert rows(conn, query) == [(MAY, "Москва"), (JUNE, "Калининградская область")]
    assert load_plan(conn, spec(), may) == 0
    assert rows(conn, "select count(*) from dwh.dim_contact where contact_id = 'c2'") == [(1,)]


def test_plans_loaded_in_the_wrong_order_give_versions_in_the_right_one(conn: psycopg.Connection) -> None:
    may, june = planned(conn, MAY, segment="новый"), planned(conn, JUNE, segment="старый")
    for plan in (june, may):
        load_plan(conn, spec(), plan)
    query = (
        "select segment, valid_to is null, is_current from dwh.dim_contact where contact_id = 'c2' order by valid_from"
    )
    assert rows(conn, query) == [("новый", False, False), ("старый", True, True)]
    query = """select f.call_date, segment from dwh.fact_campaign_contact f join dwh.dim_contact using (contact_key)
               where row_no = 2 order by 1"""
    assert rows(conn, query) == [(MAY, "новый"), (JUNE, "старый")]


def test_a_changed_campaign_gets_a_version(conn: psycopg.Connection) -> None:
    changed: CampaignSpec = spec(
        goal={"title": "Записался", "field": "visit", "in": ["yes"]}, window={"from": "11:00", "to": "18:00"}
    )
    load_plan(conn, spec(), planned(conn, MAY))
    load_plan(conn, changed, planned(conn, JUNE))
    query = (
        "select goal_definition, window_from::text, max_attempts, is_current from dwh.dim_campaign order by valid_from"
    )
    assert rows(conn, query) == [
        ("Согласился: confirmation = agreed", None, 1, False),
        ("Записался: visit = yes", "11:00:00", 1, True),
    ]
    query = "select vendor_code, vendor_script_id, version from dwh.dim_script"
    assert rows(conn, query) == [("dialog", "951/10", "unversioned")]


def test_an_opt_out_between_plan_and_launch_is_put_right(conn: psycopg.Connection) -> None:
    plan = planned(conn, MAY)
    load_plan(conn, spec(), plan)
    conn.execute(
        "update ops.plan_contact set exclusion_code = 'EXCL_DNC', exclusion_reason = 'suppressed_after_plan',"
        " intent_id = null where row_no = 2"
    )
    conn.commit()
    assert load_plan(conn, spec(), plan) == 1
    query = "select exclusion_reason, intent_id, final_disposition from dwh.fact_campaign_contact where row_no = 2"
    assert rows(conn, query) == [("suppressed_after_plan", None, "EXCL_DNC")]


def test_a_plan_made_anew_replaces_its_rows(conn: psycopg.Connection) -> None:
    load_plan(conn, spec(), planned(conn, MAY))
    load_plan(conn, spec(), planned(conn, MAY, LIST[3:] + LIST[:1]))
    query = """select row_no, contact_id, exclusion_code from dwh.fact_campaign_contact
               join dwh.dim_contact using (contact_key) order by 1"""
    assert rows(conn, query) == [(1, "c3", "EXCL_INVALID"), (2, "c4", "EXCL_DNC"), (3, "c1", None)]


def test_contacts_may_change_places_in_a_plan_made_anew(conn: psycopg.Connection) -> None:
    load_plan(conn, spec(), planned(conn, MAY, LIST[:2]))
    load_plan(conn, spec(), planned(conn, MAY, (LIST[1], LIST[0])))
    query = """select row_no, contact_id from dwh.fact_campaign_contact join dwh.dim_contact using (contact_key)
               order by 1"""
    assert rows(conn, query) == [(1, "c2"), (2, "c1")]


def test_a_plan_that_is_not_there_is_named(conn: psycopg.Connection) -> None:
    with pytest.raises(LedgerError, match="plan 000000000000 is not in the ledger"):
        load_plan(conn, spec(), "0" * 64)
