"""Every row of the list is stored with its decision; what may be called becomes intents."""

from __future__ import annotations

import json
import traceback
from datetime import UTC, datetime, time, timedelta
from typing import Any

import psycopg
import pytest
from plan_lists import EVE, FRIDAY, Planner, bad, campaign, digest, row, same_phone

from obzvon.errors import ConfigError
from obzvon.ledger.keys import ALL_OFFSETS
from obzvon.policy.model import Policy
from obzvon.stages.planning.summary import ExcludedCount, ZoneCount
from obzvon.warehouse.partitions import months_ahead

pytestmark = pytest.mark.stack
PLAN_ID = digest(f"autumn|{FRIDAY}")


def decisions(conn: psycopg.Connection) -> list[tuple[Any, ...]]:
    return conn.execute(
        "select row_no, exclusion_code, exclusion_reason, intent_id is not null from ops.plan_contact order by row_no"
    ).fetchall()


def suppress(conn: psycopg.Connection, number: int, **given: Any) -> None:
    values = {"purpose": "*", "valid_from": EVE - timedelta(days=9), "valid_to": None, **given}
    conn.execute(
        "insert into ops.suppression (phone_key, purpose, reason, source, valid_from, valid_to) "
        "values (%(key)s, %(purpose)s, 'asked', 'crm', %(valid_from)s, %(valid_to)s)",
        values | {"key": row(number)["phone_key"]},
    )


def test_every_row_is_stored_with_its_decision(conn: psycopg.Connection, planned: Planner) -> None:
    suppress(conn, 3)
    spec = campaign(contacts=campaign().contacts.model_copy(update={"max_reject_share": 0.5}))
    rows = [
        row(1),
        bad(2, "short_number"),
        row(3),
        row(4, **same_phone(1)),
        row(5, tz_offsets=list(ALL_OFFSETS), tz_source="unknown"),
        row(6, tz_offsets=[600]),
        bad(7, "two_phones"),
        row(8, **same_phone(3)),
    ]
    summary = planned(rows, spec=spec)
    assert decisions(conn) == [
        (1, None, None, True),
        (2, "EXCL_INVALID", "short_number", False),
        (3, "EXCL_DNC", "suppressed", False),
        (4, "EXCL_DUPLICATE", "duplicate_phone", False),
        (5, "EXCL_WINDOW", "unknown_zone", False),
        (6, None, None, True),
        (7, "EXCL_INVALID", "two_phones", False),
        (8, "EXCL_DNC", "suppressed", False),
    ]
    assert summary.excluded == (
        ExcludedCount("EXCL_DNC", "suppressed", 2),
        ExcludedCount("EXCL_DUPLICATE", "duplicate_phone", 1),
        ExcludedCount("EXCL_INVALID", "short_number", 1),
        ExcludedCount("EXCL_INVALID", "two_phones", 1),
        ExcludedCount("EXCL_WINDOW", "unknown_zone", 1),
    )
    assert (summary.contacts_total, summary.contacts_to_call, summary.worst_case_attempts) == (8, 2, 4)
    assert summary.zones == (ZoneCount("+10:00", 1, 1), ZoneCount("+03:00", 1, 1))


def test_what_a_row_says_is_kept(conn: psycopg.Connection, planned: Planner) -> None:
    first = row(1, region="Москва", segment="vip", full_name=None, variables='{"сумма": 12.5}')
    planned([first, bad(2, "empty"), *(row(n) for n in range(3, 50))])
    stored = conn.execute(
        "select contact_id, phone_key, tz_offsets, tz_source, region, segment, external_id, sent_state "
        "from ops.plan_contact where row_no = 1"
    ).fetchone()
    key = row(1)["phone_key"]
    assert stored == ("c1", key, [180], "declared", "Москва", "vip", f"{PLAN_ID[:12]}-1", None)
    payload = "select phone_raw, phone_e164, full_name, variables from pii.contact_payload where row_no = %s"
    assert conn.execute(payload, [1]).fetchone() == ("+79160000001", "+79160000001", None, {"сумма": 12.5})
    assert conn.execute(payload, [2]).fetchone() == ("??", None, "Person 2", {"sum": 1})
    assert conn.execute("select count(*) from pii.phone").fetchone() == (48,)


def test_the_plan_and_its_intents_carry_the_business_keys(conn: psycopg.Connection, planned: Planner) -> None:
    summary = planned([row(1), row(2, tz_offsets=[600]), row(3, tz_offsets=[600, 540])], dag_run_id="run-7")
    assert summary.plan_id == PLAN_ID
    stored = conn.execute(
        "select campaign_id, call_date, vendor_code, purpose, plan_hash, dag_run_id, planned_at from ops.campaign_plan"
    ).fetchone()
    assert stored == ("autumn", FRIDAY, "two_tries", "survey", summary.plan_hash, "run-7", EVE)
    intents = conn.execute(
        "select intent_id, zone, tz_offsets, chunk_no, batch_no, state, contacts_planned, local_from, local_to, "
        "window_start_utc, window_end_utc from ops.campaign_intent order by batch_no"
    ).fetchall()
    hours = (time(10), time(20))

    def at(hour: int) -> datetime:
        return datetime(2026, 11, 20, hour, tzinfo=UTC)

    def key(zone: str) -> str:
        return digest(f"autumn|{FRIDAY}|{zone}|1")

    assert intents == [
        (key("+10:00"), "+10:00", [600], 1, 0, "planned", 1, *hours, at(0), at(10)),
        (key("+09:00/+10:00"), "+09:00/+10:00", [540, 600], 1, 1, "planned", 1, *hours, at(1), at(10)),
        (key("+03:00"), "+03:00", [180], 1, 2, "planned", 1, *hours, at(7), at(17)),
    ]
    assert (summary.window_start, summary.window_end) == (at(0), at(17))


def test_zones_are_cut_into_chunks_in_list_order_and_batches_are_contiguous(
    conn: psycopg.Connection, planned: Planner
) -> None:
    spec = campaign(limits={"chunk_size": 3, "max_batches": 2})
    rows = [row(n, tz_offsets=[180 if n % 2 else 300]) for n in range(1, 17)]
    summary = planned(rows, spec=spec)
    chunks = conn.execute(
        "select i.zone, i.chunk_no, i.batch_no, i.contacts_planned, array_agg(c.row_no order by c.row_no) "
        "from ops.campaign_intent i join ops.plan_contact c using (intent_id) "
        "group by 1, 2, 3, 4 order by i.batch_no, i.zone desc, i.chunk_no"
    ).fetchall()
    assert chunks == [
        ("+05:00", 1, 0, 3, [2, 4, 6]),
        ("+05:00", 2, 0, 3, [8, 10, 12]),
        ("+05:00", 3, 0, 2, [14, 16]),
        ("+03:00", 1, 1, 3, [1, 3, 5]),
        ("+03:00", 2, 1, 3, [7, 9, 11]),
        ("+03:00", 3, 1, 2, [13, 15]),
    ]
    assert (summary.batches, summary.intents) == ((0, 1), 6)


def test_each_contact_to_call_reserves_its_worst_case(conn: psycopg.Connection, planned: Planner) -> None:
    planned([row(1), row(2, **same_phone(1))])
    reserved = conn.execute("select phone_key, local_date, max_attempts, released_at from ops.attempt_reservation")
    assert reserved.fetchall() == [(row(1)["phone_key"], FRIDAY, 2, None)]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "suppressed"),
        ({"purpose": "survey"}, "suppressed"),
        ({"purpose": "debt"}, None),
        ({"valid_to": EVE - timedelta(hours=1)}, None),
        ({"valid_to": EVE + timedelta(hours=1)}, "suppressed"),
        ({"valid_from": datetime(2026, 11, 20, 16, tzinfo=UTC)}, "suppressed"),  # begins before the last call
        ({"valid_from": datetime(2026, 11, 20, 18, tzinfo=UTC)}, None),
    ],
)
def test_a_suppression_counts_for_its_purpose_while_it_holds(
    conn: psycopg.Connection, planned: Planner, given: dict[str, Any], reason: str | None
) -> None:
    suppress(conn, 1, **given)
    planned([row(1), row(2)])
    assert [found for _, _, found, _ in decisions(conn)] == [reason, None]


def test_the_first_row_of_a_phone_is_called_even_when_another_row_names_another_zone(
    conn: psycopg.Connection, planned: Planner
) -> None:
    planned([row(1, tz_offsets=[180]), row(2, **same_phone(1, tz_offsets=[600]))])
    assert decisions(conn)[1][1:3] == ("EXCL_DUPLICATE", "duplicate_phone")
    assert conn.execute("select zone from ops.campaign_intent").fetchall() == [("+03:00",)]


def test_a_valid_phone_without_any_zone_may_be_anywhere(conn: psycopg.Connection, planned: Planner) -> None:
    planned([row(1), row(2, tz_offsets=None, tz_source=None)], spec=campaign(purpose="debt"))
    zones = conn.execute("select zone, local_from, local_to from ops.campaign_intent order by batch_no").fetchall()
    assert zones[0][0].startswith("+02:00/+03:00")
    assert zones[1] == ("+03:00", time(8, 10), time(21, 50))


def test_late_in_the_day_only_the_zones_with_time_left_are_called(conn: psycopg.Connection, planned: Planner) -> None:
    noon_in_moscow = datetime(2026, 11, 20, 9, 31, 20, tzinfo=UTC)
    summary = planned([row(1), row(2, tz_offsets=[600])], now=noon_in_moscow)
    assert decisions(conn)[1] == (2, "EXCL_WINDOW", "window_over", False)
    assert summary.window_start == datetime(2026, 11, 20, 9, 42, tzinfo=UTC)


def test_known_names_are_refreshed_and_never_lost(conn: psycopg.Connection, planned: Planner) -> None:
    old = "insert into pii.phone (phone_key, phone_e164, full_name, erase_after) values (%s, %s, %s, '2026-12-01')"
    for number in (1, 2):
        conn.execute(old, [row(number)["phone_key"], row(number)["phone_e164"], "Old name"])
    planned([row(1), row(2, full_name=None)])
    names = conn.execute("select full_name, erase_after from pii.phone order by phone_e164").fetchall()
    assert names == [("Person 1", None), ("Old name", None)]


def test_another_secret_of_phone_keys_is_named(conn: psycopg.Connection, planned: Planner) -> None:
    conn.execute("insert into pii.phone (phone_key, phone_e164) values (%s, %s)", ["0" * 64, row(1)["phone_e164"]])
    with pytest.raises(ConfigError, match="secret of the phone keys") as refused:
        planned([row(1)])
    assert "7916" not in "".join(traceback.format_exception(refused.value))


def test_outside_pii_there_is_no_phone_and_no_name(conn: psycopg.Connection, planned: Planner) -> None:
    planned([row(n) for n in range(1, 30)])
    tables = ("campaign_plan", "campaign_intent", "plan_contact", "attempt_reservation")
    text = json.dumps([conn.execute(f"select t::text from ops.{table} t").fetchall() for table in tables])
    assert "7916" not in text
    assert "Person" not in text


def asking_for_consent(policy: Policy) -> Policy:
    rules = {name: rules.model_copy(update={"consent": "required"}) for name, rules in policy.purposes.items()}
    return policy.model_copy(update={"purposes": rules})


def test_of_who_said_no_or_never_said_yes_nothing_but_the_hash_is_kept(
    conn: psycopg.Connection, planned: Planner, policy: Policy
) -> None:
    conn.execute(
        "insert into ops.suppression (phone_key, reason, source, valid_from) values (%s, 'asked', 'erasure', %s)",
        [row(1)["phone_key"], EVE],
    )
    rows = [row(1), row(2, consent_ref=None, consent_date=None), *(row(n) for n in range(3, 50)), bad(50, "empty")]
    planned(rows, policy=asking_for_consent(policy))
    codes = "select row_no, exclusion_code from ops.plan_contact where exclusion_code is not null order by 1"
    assert conn.execute(codes).fetchall() == [(1, "EXCL_DNC"), (2, "EXCL_NO_CONSENT"), (50, "EXCL_INVALID")]
    kept = conn.execute("select array_agg(row_no order by row_no) from pii.contact_payload").fetchone()
    assert kept == (list(range(3, 51)),)
    known = {phone for (phone,) in conn.execute("select phone_e164 from pii.phone")}
    assert known == {row(n)["phone_e164"] for n in range(3, 50)}


def test_a_plan_makes_room_for_the_facts_of_its_month_and_of_the_next(
    conn: psycopg.Connection, planned: Planner
) -> None:
    planned([row(1)])
    found = "select relname from pg_class where relispartition and relname ~ '^fact_call_attempt_[0-9]+_[0-9]+$'"
    made = {name for (name,) in conn.execute(found)}
    assert {f"fact_call_attempt_{month:%Y_%m}" for month in months_ahead(FRIDAY)} <= made
