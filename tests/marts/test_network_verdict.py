"""What failed connections are in the light of the other calls, while the facts keep what the vendor said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

START = datetime(2031, 5, 20, 9, tzinfo=UTC)
CALLER = "74950000001"


class Calls:
    """Attempts written as loading would write them: one campaign, contacts by number."""

    def __init__(self, conn: psycopg.Connection) -> None:
        self.conn, self._number = conn, 0
        conn.execute("set session_replication_role = replica")
        for number in range(1, 61):
            conn.execute(
                "insert into dwh.dim_contact (contact_key, contact_id, phone_key, tz_source, valid_from, is_current)"
                " overriding system value values (%s, %s, repeat(%s, 32), 'region', now(), true)",
                (number, f"c{number}", f"{number:02d}"),
            )
        conn.execute(
            "insert into ops.campaign_plan (plan_id, campaign_id, call_date, vendor_code, purpose, spec, plan_hash,"
            " contacts_total, contacts_to_call) values (repeat('p', 64), 'spring', '2031-05-20', 'twin', 'survey', %s,"
            " repeat('0', 64), 60, 60)",
            (Jsonb({"caller_ids": [CALLER]}),),
        )
        conn.execute(
            "insert into ops.campaign_intent (intent_id, plan_id, campaign_id, call_date, vendor_code, zone,"
            " tz_offsets, chunk_no, batch_no, contacts_planned, window_start_utc, window_end_utc, local_from, local_to)"
            " values (repeat('i', 64), repeat('p', 64), 'spring', '2031-05-20', 'twin', '+03:00', '{180}', 1, 0, 60,"
            " now(), now(), '10:00', '20:00')"
        )

    def add(
        self, contact: int, status: str, *, day: int = 0, minute: int = 0, code: str = "NETWORK_ERROR",
        vendor: str = "twin", caller: str | None = None,
    ) -> None:  # fmt: skip
        """One attempt on a day after START."""
        self._number += 1
        started = START + timedelta(days=day, minutes=minute)
        self.conn.execute(
            "insert into dwh.fact_call_attempt (vendor_code, vendor_call_id, call_month, intent_id, contact_key,"
            " started_at, local_started_at, date_key, local_hour, disposition_code, vendor_status_raw, caller_id,"
            " row_hash, source_updated_at, loaded_at, batch_id)"
            " values (%s, %s, '2031-05-01', repeat('i', 64), %s, %s, %s, 20310520, 12, %s,"
            " %s, %s, repeat('0', 64), now(), now(), 'b')",
            (vendor, f"k{self._number:03d}", contact, started, (started + timedelta(hours=3)).replace(tzinfo=None),
             code, status, caller),
        )  # fmt: skip

    def said(self, columns: str = "disposition_code, bad_days") -> list[tuple[Any, ...]]:
        query = f"select {columns} from mart.v_network_verdict order by vendor_call_id"
        return self.conn.execute(query.encode()).fetchall()


@pytest.fixture
def calls(conn: psycopg.Connection) -> Iterator[Calls]:
    yield Calls(conn)
    conn.rollback()


def test_a_number_that_fails_on_three_days_does_not_exist_from_the_third_on(calls: Calls) -> None:
    for day, minute in ((0, 0), (0, 30), (1, 0), (4, 0), (5, 0)):
        calls.add(1, "CONGESTION", day=day, minute=minute)
    assert calls.said() == [
        ("NETWORK_ERROR", 1), ("NETWORK_ERROR", 1), ("NETWORK_ERROR", 2), ("INVALID_NUMBER", 3), ("INVALID_NUMBER", 4),
    ]  # fmt: skip
    facts = "select distinct disposition_code from dwh.fact_call_attempt"
    assert calls.conn.execute(facts).fetchall() == [("NETWORK_ERROR",)]


@pytest.mark.parametrize(
    ("code", "status"), [("BUSY", "BUSY"), ("VOICEMAIL", "ANSWERED"), ("UNAVAILABLE", "UNAVAILABLE")]
)
def test_an_outcome_that_proves_the_number_begins_the_count_anew(calls: Calls, code: str, status: str) -> None:
    for day in (0, 1):
        calls.add(1, "CONGESTION", day=day)
    calls.add(1, status, day=1, minute=60, code=code)
    for day in (2, 3, 4):
        calls.add(1, "CONGESTION", day=day)
    assert [bad for _, bad in calls.said()] == [1, 2, 1, 2, 3]


@pytest.mark.parametrize("status", ["CHANUNAVAIL", "FAILED", "REJECTED", "EXPIRED", "EMPTY_AON"])
def test_other_errors_of_the_network_say_nothing_about_the_number(calls: Calls, status: str) -> None:
    for day in (0, 1, 2):
        calls.add(1, status, day=day)
    assert calls.said() == []
    for day in (3, 4, 5):
        calls.add(1, "congestion", day=day)
    calls.add(1, status, day=5, minute=1)
    assert calls.said() == [("NETWORK_ERROR", 1), ("NETWORK_ERROR", 2), ("INVALID_NUMBER", 3)]


def test_where_statuses_belong_to_the_project_any_network_error_may_be_one(calls: Calls) -> None:
    for day in (0, 1, 2):
        calls.add(1, "Сбой соединения", day=day, vendor="dialog")
    assert calls.said() == [("NETWORK_ERROR", 1), ("NETWORK_ERROR", 2), ("INVALID_NUMBER", 3)]


def test_an_hour_in_which_most_calls_of_a_caller_id_fail_is_a_block_and_no_proof_against_numbers(calls: Calls) -> None:
    for day in (0, 1, 2):
        for contact in range(1, 21):
            calls.add(contact, "CONGESTION", day=day, minute=contact)
        for contact in range(21, 40):
            calls.add(contact, "BUSY", day=day, minute=contact, code="BUSY")
    found = calls.said("disposition_code, caller_id, hour_dials, hour_failures, bad_days")
    assert found == [("CARRIER_BLOCK", CALLER, 39, 20, None)] * 60


@pytest.mark.parametrize(("failures", "others", "blocked"), [(20, 19, True), (20, 20, False), (19, 0, False)])
def test_a_block_is_twenty_failures_and_more_than_half(calls: Calls, failures: int, others: int, blocked: bool) -> None:
    for contact in range(1, failures + 1):
        calls.add(contact, "CONGESTION", minute=1)
    for contact in range(1, others + 1):
        calls.add(contact, "NOANSWER", minute=2, code="NO_ANSWER")
    code = "CARRIER_BLOCK" if blocked else "NETWORK_ERROR"
    assert {said[0] for said in calls.said()} == {code}


def test_hours_and_numbers_shown_are_judged_apart(calls: Calls) -> None:
    for contact in range(1, 31):
        calls.add(contact, "CONGESTION", minute=contact * 4)
    assert {said[0] for said in calls.said()} == {"NETWORK_ERROR"}
    for contact in range(31, 60):
        calls.add(contact, "CONGESTION", day=1, caller=f"7495000000{contact % 2}")
    assert {said[0] for said in calls.said()} == {"NETWORK_ERROR"}
