"""What a report says arrives in the warehouse: matched to its contact, judged, counted, without personal data."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from loading import NINE, SECRET, Vendor, call, part, plan_of, spec
from psycopg.rows import dict_row

from obzvon.errors import AuditError, LedgerError
from obzvon.ledger.keys import phone_key


@pytest.fixture
def vendor(conn: psycopg.Connection, warehouse_dsn: str, tmp_path: Path) -> Vendor:
    (intent,) = plan_of(conn, 3)
    return Vendor(warehouse_dsn, tmp_path, intent)


def rows(conn: psycopg.Connection, query: str) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cur:
        found = cur.execute(query.encode()).fetchall()
    conn.commit()
    return found


def values(conn: psycopg.Connection, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in rows(conn, query)]


def local(day: int, hour: int, minute: int) -> datetime:
    """A wall clock in May 2031."""
    return datetime(2031, 5, day, hour, minute, tzinfo=UTC).replace(tzinfo=None)


async def test_a_call_becomes_one_fact(vendor: Vendor, conn: psycopg.Connection) -> None:
    vendor.spec = spec(limits={"marking_fee_rub": "0.25"})
    said = call(7, 2, disposition="RPC_REFUSED", status="ANSWERED", talk=12.345, cost="1.5", record="https://r/7.mp3")
    result = await vendor.collect(conn, "b1", [said])
    assert (result.rows, result.inserted, result.unmatched, result.unknown) == (1, 1, 0, 0)
    (fact,) = rows(
        conn, "select f.*, c.contact_id from dwh.fact_call_attempt f join dwh.dim_contact c using (contact_key)"
    )
    expected = {
        "vendor_code": "dialog", "vendor_call_id": "k7", "intent_id": vendor.intent_id, "contact_id": "c2",
        "attempt_no": 1, "grain": "attempt", "started_at": NINE.replace(minute=7),
        "local_started_at": local(20, 12, 7), "date_key": 20310520, "local_hour": 12,
        "disposition_code": "RPC_REFUSED", "vendor_status_raw": "ANSWERED", "talk_sec": Decimal("12.35"),
        "cost_rub": Decimal("1.5"), "marking_fee_rub": Decimal("0.25"), "record_url": "https://r/7.mp3",
        "has_record": True, "source_updated_at": NINE.replace(minute=12), "is_late": False, "batch_id": "b1",
    }  # fmt: skip
    assert {name: fact[name] for name in expected} == expected


async def test_contacts_are_found_by_our_id_else_by_phone_and_strangers_stay_visible(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    pages = [call(1, 1, phone=None), call(2, 2, external_id=None), call(3, 3, external_id="foreign"), call(4, None)]
    result = await vendor.collect(conn, "b1", pages)
    assert (result.inserted, result.unmatched) == (4, 1)
    query = """select vendor_call_id, contact_id from dwh.fact_call_attempt
               left join dwh.dim_contact using (contact_key) order by 1"""
    assert values(conn, query) == [("k1", "c1"), ("k2", "c2"), ("k3", "c3"), ("k4", None)]
    query = "select vendor_call_id from mart.v_compliance_breach where rule = 'ORPHAN_CALL'"
    assert values(conn, query) == [("k4",)]


async def test_attempts_are_numbered_by_their_start_and_renumbered_when_an_earlier_one_comes_late(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    await vendor.collect(conn, "b1", [call(30), call(10), call(20, 2)])
    query = "select vendor_call_id, attempt_no from dwh.fact_call_attempt order by 1"
    assert values(conn, query) == [("k10", 1), ("k20", 1), ("k30", 2)]
    await vendor.collect(conn, "b2", [call(5)])
    assert values(conn, query) == [("k10", 2), ("k20", 1), ("k30", 3), ("k5", 1)]


async def test_local_time_is_the_contacts_or_moscows_where_the_zone_is_not_certain(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    conn.execute("update ops.plan_contact set tz_offsets = '{600}' where row_no = 1")
    conn.execute("update ops.plan_contact set tz_offsets = '{540,600,660}' where row_no = 2")
    conn.commit()
    late = datetime(2031, 5, 20, 16, 30, tzinfo=UTC).isoformat()
    await vendor.collect(conn, "b1", [call(1, 1, started_at=late), call(2, 2, started_at=late)])
    query = "select local_started_at, date_key, local_hour from dwh.fact_call_attempt order by vendor_call_id"
    assert values(conn, query) == [
        (local(21, 2, 30), 20310521, 2),
        (local(20, 19, 30), 20310520, 19),
    ]


async def test_a_date_beyond_the_calendar_is_added_with_what_is_known(vendor: Vendor, conn: psycopg.Connection) -> None:
    await vendor.collect(conn, "b1", [call(1)])
    query = "select is_ru_day_off, calendar_source like '%not published' from dwh.dim_date where date_key = 20310520"
    assert values(conn, query) == [(False, True)]


async def test_the_marking_fee_is_for_dialled_attempts_only(vendor: Vendor, conn: psycopg.Connection) -> None:
    vendor.spec = spec(limits={"marking_fee_rub": "0.25"})
    codes = ["NO_ANSWER", "PENDING", "VENDOR_BLACKLIST", "UNKNOWN"]
    await vendor.collect(conn, "b1", [call(n, disposition=code) for n, code in enumerate(codes, 1)])
    query = "select marking_fee_rub::float8 from dwh.fact_call_attempt order by vendor_call_id"
    assert values(conn, query) == [(0.25,), (0.0,), (0.0,), (0.25,)]


async def test_transcripts_are_stored_redacted_and_results_only_as_far_as_the_campaign_reads_them(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    said = call(
        1, disposition="GOAL", status="ANSWERED +79161234567", goal=True,
        results={"confirmation": "agreed", "client_name": "Иван Петров"},
        turns=[["bot", "Здравствуйте\x00", 0.0, 1.5], ["client", "мой номер 8 916 123-45-67", 2, None]],
    )  # fmt: skip
    await vendor.collect(conn, "b1", [said])
    query = "select turn_no, role, start_sec::float8, end_sec::float8, text_redacted from pii.dialog_turn order by 1"
    assert values(conn, query) == [
        (1, "bot", 0.0, 1.5, "Здравствуйте"),
        (2, "client", 2.0, None, "мой номер [phone]"),
    ]
    query = "select goal_name, goal_value, is_reached from dwh.fact_dialog_goal"
    assert values(conn, query) == [("confirmation", "agreed", True)]
    assert values(conn, "select vendor_status_raw from dwh.fact_call_attempt") == [("ANSWERED [phone]",)]


async def test_results_of_another_page_decide_the_outcome_of_a_conversation(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    vendor.spec = spec(outcomes={"RPC_REFUSED": {"field": "confirmation", "in": ["no"]}})
    calls = [call(n, n, disposition="RPC_NO_RESULT", talk=20) for n in (1, 2)] + [call(3, 3)]
    sessions = [
        part(1, results={"confirmation": "Agreed"}, turns=[["bot", "Да?", None, None]]),
        part(2, results={"confirmation": "no"}),
        part(3, results={"confirmation": "agreed"}),  # a call nobody answered stays what it was
    ]
    result = await vendor.collect(conn, "b1", calls, sessions, kinds="calls sessions")
    assert result.rows == 3
    query = "select vendor_call_id, disposition_code from dwh.fact_call_attempt order by 1"
    assert values(conn, query) == [("k1", "GOAL"), ("k2", "RPC_REFUSED"), ("k3", "NO_ANSWER")]
    query = "select vendor_call_id, is_reached from dwh.fact_dialog_goal order by 1"
    assert values(conn, query) == [("k1", True), ("k2", False), ("k3", False)]
    assert values(conn, "select vendor_call_id, text_redacted from pii.dialog_turn") == [("k1", "Да?")]


async def test_a_transcript_without_its_call_is_counted_and_left_in_the_archive(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    sessions = [part(1, turns=[["bot", "Да?", None, None]]), part(9, turns=[["bot", "Кто?", None, None]])]
    result = await vendor.collect(conn, "b1", [call(1)], sessions, kinds="calls sessions")
    assert result.orphans == 1
    assert values(conn, "select vendor_call_id from pii.dialog_turn") == [("k1",)]


async def test_an_opt_out_suppresses_the_phone_in_the_same_commit(vendor: Vendor, conn: psycopg.Connection) -> None:
    await vendor.collect(conn, "b1", [call(1, 2, disposition="RPC_OPTOUT"), call(2, 1)])
    query = "select phone_key, purpose, source, valid_from, valid_to, evidence_ref from ops.suppression"
    key = phone_key(SECRET, "+79160000002")
    assert values(conn, query) == [(key, "*", "bot", NINE.replace(minute=1), None, "dialog:k1")]
    vendor.load(conn, "b1")
    assert len(values(conn, query)) == 1


async def test_the_snapshot_of_a_contact_tells_its_way_through_the_campaign(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    calls = [
        call(1, 1), call(2, 1, disposition="RPC_CALLBACK"), call(3, 1, disposition="GOAL", goal=True),
        call(4, 1, disposition="NO_ANSWER"), call(5, 2, disposition="VENDOR_BLACKLIST"),
    ]  # fmt: skip
    await vendor.collect(conn, "b1", calls)
    query = """
        select row_no, attempts, first_attempt_at, first_human_at, first_human_attempt, rpc_at, goal_at,
               final_disposition, closed_at
        from dwh.fact_campaign_contact order by row_no"""
    at = {n: NINE.replace(minute=n) for n in range(1, 6)}
    assert values(conn, query) == [
        (1, 4, at[1], at[2], 2, at[2], at[3], "GOAL", at[3]),
        (2, 0, None, None, None, None, None, "VENDOR_BLACKLIST", at[5]),
        (3, 0, None, None, None, None, None, None, None),
    ]


async def test_a_contact_without_a_terminal_outcome_is_closed_by_the_last_allowed_attempt(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    await vendor.collect(conn, "b1", [call(1, 1)])  # the campaign allows one
    query = "select final_disposition, closed_at from dwh.fact_campaign_contact where row_no = 1"
    assert values(conn, query) == [("NO_ANSWER", NINE.replace(minute=1))]


async def test_an_unknown_status_is_loaded_and_counted(vendor: Vendor, conn: psycopg.Connection) -> None:
    result = await vendor.collect(conn, "b1", [call(1, disposition="UNKNOWN", status="НОВОЕ")])
    assert (result.inserted, result.unknown) == (1, 1)
    query = "select disposition_code, vendor_status_raw from dwh.fact_call_attempt"
    assert values(conn, query) == [("UNKNOWN", "НОВОЕ")]


async def test_rows_that_break_the_contract_are_quarantined_with_the_rule_and_the_rest_is_loaded(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    lines = [
        {"broken": "phone"}, call(2), call(3, talk=10**9), call(4, cost="-1"), {**call(5), "id": ""},
        {**call(6), "started_at": "2031-05-20T09:00:00"}, call(7, turns=[["robot", "Да?", None, None]]),
    ]  # fmt: skip
    result = await vendor.collect(conn, "b1", lines)
    assert (result.rows, result.inserted, result.quarantined, result.reported) == (1, 1, 6, 7)
    query = "select row_no, rule, field, requeued_at from ops.quarantine order by row_no"
    assert values(conn, query) == [
        (1, "jsonl.row", "phone", None), (3, "load.fits", "talk_sec", None), (4, "load.fits", "cost_rub", None),
        (5, "load.fits", "vendor_call_id", None), (6, "load.fits", "started_at", None), (7, "load.fits", "turns", None),
    ]  # fmt: skip


async def test_the_vendors_own_count_is_kept_beside_ours(vendor: Vendor, conn: psycopg.Connection) -> None:
    page = [call(1), {"broken": "phone"}, {"totals": 2, "columns": ["phone", "mood"]}]
    result = await vendor.collect(conn, "b1", page)
    assert (result.reported, result.control_count, result.reconciles) == (2, 2, True)
    assert values(conn, "select rows, control_count from ops.raw_archive") == [(2, 2)]
    short = await vendor.collect(conn, "b2", [call(1), {"totals": 2}])
    assert (short.reported, short.control_count, short.reconciles) == (1, 2, False)


async def test_pages_of_one_request_share_their_count(vendor: Vendor, conn: psycopg.Connection) -> None:
    pages = [[call(1), call(2), {"totals": 3}], [call(3), {"totals": 3}], [part(1), {"totals": 900}]]
    result = await vendor.collect(conn, "b1", *pages, kinds="calls calls sessions")
    assert (result.reported, result.control_count) == (3, 3)
    query = "select sum(control_count) from ops.raw_archive where kind = 'calls'"
    assert values(conn, query) == [(3,)]


async def test_a_call_that_comes_on_two_pages_is_one_fact(vendor: Vendor, conn: psycopg.Connection) -> None:
    newer = call(1, disposition="RPC_REFUSED", updated_at="2031-05-20T10:00:00+00:00")
    result = await vendor.collect(conn, "b1", [newer, call(2)], [call(1)])
    assert (result.rows, result.inserted) == (3, 2)
    query = "select disposition_code from dwh.fact_call_attempt where vendor_call_id = 'k1'"
    assert values(conn, query) == [("RPC_REFUSED",)]


async def test_an_id_that_was_made_from_a_phone_is_keyed_before_it_is_stored(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    await vendor.collect(conn, "b1", [call(1, derived=True)])
    assert values(conn, "select vendor_call_id from dwh.fact_call_attempt") == [(phone_key(SECRET, "k1"),)]


async def test_an_empty_report_is_loaded_as_empty(vendor: Vendor, conn: psycopg.Connection) -> None:
    result = await vendor.collect(conn, "b1", [])
    assert (result.rows, result.inserted, result.reconciles) == (0, 0, True)
    assert values(conn, "select loaded_at is not null, rows from ops.raw_archive") == [(True, 0)]


def cut_short(folder: Path) -> None:
    (page,) = folder.rglob("*.zst")
    page.write_bytes(page.read_bytes()[:-4])


async def test_a_damaged_archive_changes_nothing(vendor: Vendor, conn: psycopg.Connection, tmp_path: Path) -> None:
    await vendor.pull("b1", [call(1)])
    cut_short(tmp_path)
    with pytest.raises(AuditError):
        vendor.load(conn, "b1")
    assert values(conn, "select count(*) from dwh.fact_call_attempt") == [(0,)]
    assert values(conn, "select loaded_at from ops.raw_archive") == [(None,)]


async def test_a_batch_that_is_not_archived_is_named(vendor: Vendor, conn: psycopg.Connection) -> None:
    with pytest.raises(LedgerError, match="nothing is archived as batch b9; run collect again"):
        vendor.load(conn, "b9")


async def test_no_phone_of_the_list_is_outside_the_pii_schema(vendor: Vendor, conn: psycopg.Connection) -> None:
    await vendor.collect(conn, "b1", [call(n, n, status="79160000001", talk=3) for n in (1, 2, 3)])
    tables = values(
        conn, "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('ops', 'dwh')"
    )
    for (table,) in tables:
        assert values(conn, f"select count(*) from {table} t where t::text like '%916000000%'") == [(0,)], table
