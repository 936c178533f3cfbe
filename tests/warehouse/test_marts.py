"""The views give the numbers that the smallest campaign gives by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from launching import forced
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from obzvon.ledger.states import IntentState
from obzvon.stages.marts import refresh
from obzvon.warehouse.marts import create_marts
from obzvon.warehouse.partitions import ensure_months

SMOKE = (Path(__file__).parent / "smoke_seed.sql").read_text(encoding="utf-8")

#: Another batch of the smoke campaign, which calls nobody of its list.
SECOND_INTENT = """
insert into ops.campaign_intent (intent_id, plan_id, campaign_id, call_date, vendor_code, zone, tz_offsets, chunk_no,
    batch_no, state, vendor_task_id, contacts_planned, contacts_sent, contacts_accepted, window_start_utc,
    window_end_utc, local_from, local_to)
select repeat('b', 64), plan_id, campaign_id, call_date, vendor_code, zone, tz_offsets, 1, 1, 'running', 't-2', 0, 0, 0,
    window_start_utc, window_end_utc, local_from, local_to
from ops.campaign_intent
"""


@pytest.fixture
def seeded(conn: psycopg.Connection) -> psycopg.Connection:
    ensure_months(conn, [date(2026, 11, 19)])
    forced(conn, SMOKE)
    return conn


def rows(conn: psycopg.Connection, query: str) -> list[dict[str, Any]]:
    """What a view says once the sums below it are up to date."""
    conn.commit()
    refresh(conn, full=True)
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
    by_hour = "select distinct is_final, is_partial from mart.v_attempt_by_hour"
    forced(seeded, SECOND_INTENT)
    assert rows(seeded, query) == [{"is_final": False, "is_partial": False}]
    forced(seeded, "update ops.campaign_intent set state = 'final_partial' where batch_no = 1")
    assert rows(seeded, query) == rows(seeded, by_hour) == [{"is_final": False, "is_partial": True}]
    forced(seeded, "update ops.campaign_intent set state = 'final' where batch_no = 0")
    assert rows(seeded, query) == rows(seeded, by_hour) == [{"is_final": True, "is_partial": True}]


@pytest.mark.parametrize("state", IntentState)
def test_contacts_are_at_the_vendor_from_its_answer_to_the_end(seeded: psycopg.Connection, state: IntentState) -> None:
    forced(seeded, f"update ops.campaign_intent set state = '{state}'")
    (plan,) = seeded.execute("select contacts_at_vendor from mart.v_campaign_status").fetchall()
    assert plan == (5 if state in {"created", "running", "collecting"} else 0,)


def test_a_goal_reached_in_a_transferred_call_counts_as_a_goal(seeded: psycopg.Connection) -> None:
    seeded.execute("update dwh.fact_call_attempt set disposition_code = 'TRANSFERRED' where vendor_call_id = 'k5'")
    seeded.execute("insert into dwh.fact_dialog_goal values ('twin', 'k5', '2026-11-01', 'confirmed', 'да', true)")
    assert rows(seeded, "select contacts_goal from mart.v_campaign_funnel") == [{"contacts_goal": 2}]
    assert rows(seeded, "select sum(goals_at_n) as goals from mart.v_recall_effectiveness") == [{"goals": 2}]
    calls = rows(seeded, "select vendor_call_id from mart.v_attempt where is_goal order by 1")
    assert [call["vendor_call_id"] for call in calls] == ["k2", "k5"]
    seeded.execute("update dwh.fact_dialog_goal set is_reached = false")
    assert rows(seeded, "select contacts_goal from mart.v_campaign_funnel") == [{"contacts_goal": 1}]


def test_a_strangers_call_is_in_the_bill_of_the_funnel_too(seeded: psycopg.Connection) -> None:
    """Somebody dialled by hand in the vendor's campaign: paid for, and reaching nobody of the list."""
    seeded.execute(
        "update dwh.fact_call_attempt set contact_key = null, attempt_no = null, cost_rub = 5"
        " where vendor_call_id = 'k8'"
    )
    spent = [
        rows(seeded, f"select cost_rub, cost_per_human, cost_per_goal from mart.{view}")
        for view in ("v_campaign_funnel", "v_cost")
    ]
    expected = {"cost_rub": Decimal("15.5"), "cost_per_human": Decimal("5.17"), "cost_per_goal": Decimal("15.50")}
    assert spent == [[expected], [expected]]
    assert rows(seeded, "select cost_rub from mart.v_campaign_status") == [{"cost_rub": Decimal("15.5")}]


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


def policy(conn: psycopg.Connection, **rules: Any) -> None:
    """The smoke campaign was planned under these rules of its purpose, and these keys of the policy."""
    general = {key: rules.pop(key) for key in ("one_campaign_a_day", "region_days_off") if key in rules}
    window = {"workday": ["09:00:00", "20:00:00"], "dayoff": ["10:00:00", "18:00:00"]}
    value = {"purposes": {"service": {"window": window, "consent": "not_required", **rules}}, **general}
    conn.execute("insert into ops.policy values (repeat('1', 64), '2026-11-01', %s)", [Jsonb(value)])
    conn.execute("update ops.campaign_plan set policy_hash = repeat('1', 64)")


def breaches(conn: psycopg.Connection, rule: str) -> list[tuple[str, str]]:
    found = conn.execute(
        "select vendor_call_id, detail from mart.v_compliance_breach where rule = %s and plan_id = repeat('f', 64)"
        " order by 1", [rule]
    ).fetchall()  # fmt: skip
    return [(call, detail) for call, detail in found]


CAP = {"day": 1, "week": 9, "month": 9, "week_kind": "calendar", "count": "attempts", "scope": ["phone"]}


def test_every_purpose_has_the_caps_of_its_plans_policy(seeded: psycopg.Connection) -> None:
    policy(seeded, cap=CAP)
    assert breaches(seeded, "CAP_DAY") == [("k2", "2"), ("k4", "2"), ("k8", "2")]
    assert breaches(seeded, "CAP_WEEK") == []


def test_only_answered_calls_count_where_the_policy_says_so(seeded: psycopg.Connection) -> None:
    policy(seeded, cap=CAP | {"count": "answered"})
    assert breaches(seeded, "CAP_DAY") == []
    seeded.execute("update dwh.fact_call_attempt set disposition_code = 'RPC_REFUSED' where vendor_call_id = 'k1'")
    assert breaches(seeded, "CAP_DAY") == [("k2", "2")]


@pytest.mark.parametrize(("scope", "broken"), [(["phone"], []), (["phone", "person"], [("k5", "2")])])
def test_two_phones_of_one_person_count_together(
    seeded: psycopg.Connection, scope: list[str], broken: list[tuple[str, str]]
) -> None:
    policy(seeded, cap=CAP | {"scope": scope})
    seeded.execute("delete from dwh.fact_call_attempt where vendor_call_id in ('k2', 'k4', 'k8')")
    seeded.execute("update ops.plan_contact set person_key = repeat('a', 64) where row_no in (2, 3)")
    assert breaches(seeded, "CAP_DAY") == broken


@pytest.mark.parametrize(("kind", "broken"), [("calendar", []), ("rolling", [("k2", "2")])])
def test_a_rolling_week_reaches_over_monday(
    seeded: psycopg.Connection, kind: str, broken: list[tuple[str, str]]
) -> None:
    policy(seeded, cap=CAP | {"week": 1, "week_kind": kind})
    seeded.execute("delete from dwh.fact_call_attempt where vendor_call_id in ('k4', 'k8')")
    sunday = "started_at - interval '4 days', local_started_at - interval '4 days'"
    seeded.execute(
        f"update dwh.fact_call_attempt set (started_at, local_started_at) = ({sunday}) where vendor_call_id = 'k1'"
    )
    assert breaches(seeded, "CAP_WEEK") == broken


def test_the_hours_of_a_day_off_hold_whatever_was_planned(seeded: psycopg.Connection) -> None:
    policy(seeded, region_days_off=[{"region": "Москва", "offset": "+03:00", "days": ["2026-11-19"]}])
    assert [call for call, _ in breaches(seeded, "OUTSIDE_WINDOW")] == ["k1", "k3", "k5", "k6", "k8"]
    assert dict(breaches(seeded, "OUTSIDE_WINDOW"))["k1"] == "2026-11-19 09:10:00 (policy)"


def test_a_person_who_asked_not_to_be_called_is_not_called_on_another_phone(seeded: psycopg.Connection) -> None:
    seeded.execute("update ops.plan_contact set person_key = repeat('a', 64) where row_no in (1, 5)")
    seeded.execute("update ops.suppression set person_key = repeat('a', 64) where phone_key = lpad('5', 64, '0')")
    seeded.execute("update ops.suppression set valid_from = '2026-11-19 08:05Z' where person_key is not null")
    assert [call for call, _ in breaches(seeded, "AFTER_OPTOUT")] == ["k2", "k8"]  # k1 had begun before
    seeded.execute("update ops.suppression set purpose = 'debt' where person_key is not null")
    assert breaches(seeded, "AFTER_OPTOUT") == []


@pytest.mark.parametrize(("alone", "broken"), [(True, [("k5", "C1")]), (False, [])])
def test_one_person_is_called_by_one_campaign_a_day(
    seeded: psycopg.Connection, alone: bool, broken: list[tuple[str, str]]
) -> None:
    policy(seeded, one_campaign_a_day=alone)
    seeded.execute("update ops.plan_contact set person_key = repeat('a', 64) where row_no in (2, 3)")
    seeded.execute(
        "insert into dwh.dim_campaign (campaign_id, name, purpose, goal_definition, valid_from, is_current)"
        " values ('C2', 'Другой', 'service', 'x', '2026-11-01Z', true)"
    )
    seeded.execute(
        "update dwh.fact_campaign_contact set campaign_key = (select max(campaign_key) from dwh.dim_campaign)"
        " where row_no = 3"
    )
    assert breaches(seeded, "OTHER_CAMPAIGN") == broken


def test_a_call_without_a_consent_where_the_policy_asks_for_one(seeded: psycopg.Connection) -> None:
    policy(seeded, consent="required")
    seeded.execute("update ops.plan_contact set consent_date = '2026-01-01', consent_ref = 'form' where row_no <> 4")
    assert breaches(seeded, "NO_CONSENT") == [("k6", "none on file")]


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
    conn.execute("drop view mart.v_plan cascade")
    conn.execute("create view mart.v_plan as select 1 as something_else")
    conn.execute("create view mart.v_attempt_kpi_daily as select something_else from mart.v_plan")
    create_marts(conn)
    assert rows(conn, "select count(*) as n from mart.v_campaign_funnel") == [{"n": 0}]
    assert rows(conn, "select attempts from mart.v_attempt_kpi_daily") == []


def test_a_rolling_week_counts_the_phones_of_one_person(seeded: psycopg.Connection) -> None:
    policy(seeded, cap=CAP | {"week": 1, "week_kind": "rolling", "scope": ["person"]})
    seeded.execute("delete from dwh.fact_call_attempt where vendor_call_id in ('k2', 'k4', 'k8')")
    sunday = "started_at - interval '4 days', local_started_at - interval '4 days'"
    seeded.execute(
        f"update dwh.fact_call_attempt set (started_at, local_started_at) = ({sunday}) where vendor_call_id = 'k3'"
    )
    assert breaches(seeded, "CAP_WEEK") == []
    seeded.execute("update ops.plan_contact set person_key = repeat('a', 64) where row_no in (2, 3)")
    assert breaches(seeded, "CAP_WEEK") == [("k5", "2")]


@pytest.mark.parametrize(("days", "broken"), [(18, [("k2", "2")]), (19, [])])
def test_the_cap_of_a_month_begins_anew_on_the_first(
    seeded: psycopg.Connection, days: int, broken: list[tuple[str, str]]
) -> None:
    policy(seeded, cap=CAP | {"month": 1})
    seeded.execute("delete from dwh.fact_call_attempt where vendor_call_id in ('k4', 'k8')")
    earlier = f"started_at - interval '{days} days', local_started_at - interval '{days} days'"
    seeded.execute(
        f"update dwh.fact_call_attempt set (started_at, local_started_at) = ({earlier}) where vendor_call_id = 'k1'"
    )
    assert breaches(seeded, "CAP_MONTH") == broken


@pytest.mark.parametrize(
    ("reference", "broken"), [(None, ["k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8"]), ("L-7", [])]
)
def test_where_lawyers_decide_their_reference_stands_for_a_consent(
    seeded: psycopg.Connection, reference: str | None, broken: list[str]
) -> None:
    policy(seeded, consent="legal_review")
    seeded.execute("update ops.campaign_plan set spec = %s", [Jsonb({"legal_approval_ref": reference})])
    assert [call for call, _ in breaches(seeded, "NO_CONSENT")] == broken


def test_a_plan_sees_what_other_plans_called_of_its_people(seeded: psycopg.Connection) -> None:
    policy(seeded, cap=CAP | {"scope": ["phone", "person"]})
    seeded.execute("delete from dwh.fact_call_attempt where vendor_call_id not in ('k3', 'k5')")
    seeded.execute("update ops.plan_contact set person_key = repeat('a', 64) where row_no in (2, 3)")
    other = (
        "jsonb_build_object('plan_id', repeat('e', 64), 'intent_id', repeat('b', 64), 'call_date', '2026-11-18',"
        " 'vendor_task_id', 't-2')"
    )
    for table in ("campaign_plan", "campaign_intent"):
        copied = f"select (jsonb_populate_record(t, {other})).* from ops.{table} t"
        forced(seeded, f"insert into ops.{table} {copied}")
    for table in ("ops.plan_contact", "dwh.fact_campaign_contact"):
        moved = "plan_id = repeat('e', 64), intent_id = repeat('b', 64)"
        forced(seeded, f"update {table} set {moved} where row_no = 2")
    seeded.execute("update dwh.fact_call_attempt set intent_id = repeat('b', 64) where vendor_call_id = 'k3'")
    assert breaches(seeded, "CAP_DAY") == [("k5", "2")]  # its person was called by the other plan before
    everything = "select vendor_call_id from mart.v_compliance_breach where rule = 'CAP_DAY'"
    assert rows(seeded, everything) == [{"vendor_call_id": "k5"}]


def test_a_call_on_another_local_date_than_the_planned_one(seeded: psycopg.Connection) -> None:
    forced(seeded, "update ops.campaign_intent set local_date = '2026-11-20'")
    assert len(breaches(seeded, "OTHER_DATE")) == 8
    forced(seeded, "update ops.campaign_intent set local_date = null")
    assert breaches(seeded, "OTHER_DATE") == []
    seeded.execute("update ops.plan_contact set tz_offsets = '{180,720}' where row_no = 5")
    assert breaches(seeded, "OTHER_DATE") == [
        ("k8", "2026-11-20")
    ]  # 20:40 in Moscow, 05:40 of the next day in Kamchatka
    seeded.execute(
        "insert into ops.attempt_reservation"
        " (phone_key, intent_id, local_date, campaign_id, purpose, max_attempts, held)"
        " values (lpad('5', 64, '0'), repeat('a', 64), '2026-11-20', 'C1', 'service', 0, 0)"
    )
    # the load makes such a row for a dial that nobody planned
    assert [call for call, _ in breaches(seeded, "OTHER_DATE")] == ["k8"]
    seeded.execute("update ops.attempt_reservation set max_attempts = 1")
    assert breaches(seeded, "OTHER_DATE") == []


@pytest.mark.parametrize(("decision", "broken"), [("approved", 0), ("rejected", 8), ("timed_out", 8), (None, 8)])
def test_a_plan_that_needed_a_yes_and_was_called_without_one(
    seeded: psycopg.Connection, decision: str | None, broken: int
) -> None:
    assert breaches(seeded, "NOT_APPROVED") == []
    seeded.execute("update ops.campaign_plan set approval = 'needed'")
    assert len(breaches(seeded, "NOT_APPROVED")) == 8
    seeded.execute(
        "insert into ops.plan_approval (plan_id, plan_hash, intents, decision)"
        " values (repeat('f', 64), repeat('0', 64), '{}', %s)",
        [decision],
    )
    assert len(breaches(seeded, "NOT_APPROVED")) == broken


@pytest.mark.parametrize(("given", "broken"), [("2026-11-19", []), ("2026-11-20", [("k6", "dated 2026-11-20")])])
def test_a_consent_dated_after_the_call_is_none(
    seeded: psycopg.Connection, given: str, broken: list[tuple[str, str]]
) -> None:
    policy(seeded, consent="required")
    seeded.execute("update ops.plan_contact set consent_date = '2026-01-01', consent_ref = 'form'")
    seeded.execute("update ops.plan_contact set consent_date = %s where row_no = 4", [given])
    assert breaches(seeded, "NO_CONSENT") == broken


@pytest.mark.parametrize(
    ("last", "broken"), [("2026-11-19", []), ("2026-11-18", [("k6", "ended 2026-11-18")]), (None, [])]
)
def test_a_consent_that_had_ended_before_the_call(
    seeded: psycopg.Connection, last: str | None, broken: list[tuple[str, str]]
) -> None:
    policy(seeded, consent="required")
    seeded.execute("update ops.plan_contact set consent_date = '2026-01-01', consent_ref = 'form'")
    insert = (
        "insert into ops.consent (phone_key, purpose, given_on, valid_to, proof_ref, source)"
        " values (lpad('4', 64, '0'), %s, '2026-01-01', %s, %s, 'crm')"
    )
    seeded.execute(insert, ["service", last, "form"])
    assert breaches(seeded, "NO_CONSENT") == broken
    seeded.execute(insert, ["debt", None, "another"])
    assert breaches(seeded, "NO_CONSENT") == broken
    seeded.execute(insert, ["*", None, "third"])
    assert breaches(seeded, "NO_CONSENT") == []


@pytest.mark.parametrize(("said", "broken"), [("06:14Z", []), ("06:12Z", [("k6", "ended 2026-11-18")])])
def test_a_consent_withdrawn_later_on_the_day_of_the_call_held_until_then(
    seeded: psycopg.Connection, said: str, broken: list[tuple[str, str]]
) -> None:
    """The register writes the day before as its last one; the call was at 06:13Z."""
    policy(seeded, consent="required")
    seeded.execute("update ops.plan_contact set consent_date = '2026-01-01', consent_ref = 'form'")
    seeded.execute(
        "insert into ops.consent (phone_key, purpose, given_on, valid_to, proof_ref, source)"
        " values (lpad('4', 64, '0'), '*', '2026-01-01', '2026-11-18', 'form', 'crm')"
    )
    seeded.execute(
        "insert into ops.suppression (phone_key, reason, source, valid_from)"
        " values (lpad('4', 64, '0'), 'x', 'crm', %s)",
        [f"2026-11-19 {said}"],
    )
    assert breaches(seeded, "NO_CONSENT") == broken


def test_a_suppression_that_was_over_before_the_call_is_none(seeded: psycopg.Connection) -> None:
    seeded.execute("update ops.suppression set valid_to = '2026-11-19 17:39Z' where phone_key = lpad('5', 64, '0')")
    assert breaches(seeded, "AFTER_OPTOUT") == []
    seeded.execute("update ops.suppression set valid_to = '2026-11-19 17:41Z' where phone_key = lpad('5', 64, '0')")
    assert [call for call, _ in breaches(seeded, "AFTER_OPTOUT")] == ["k8"]


def test_the_month_of_a_person_counts_all_phones(seeded: psycopg.Connection) -> None:
    policy(seeded, cap=CAP | {"day": 9, "month": 1, "scope": ["person"]})
    seeded.execute("delete from dwh.fact_call_attempt where vendor_call_id not in ('k3', 'k5')")
    assert breaches(seeded, "CAP_MONTH") == []
    seeded.execute("update ops.plan_contact set person_key = repeat('a', 64) where row_no in (2, 3)")
    assert breaches(seeded, "CAP_MONTH") == [("k5", "2")]
