"""Every rule of the contracts holds of what loading writes, and is broken by the damage that it is there to find."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from days import DAYS, Days
from loading import Line

from obzvon.checks.contracts import contracts
from obzvon.errors import AuditError
from obzvon.local.postgres import Postgres
from obzvon.stages.checks import CheckReport, evaluate, run_checks
from obzvon.stages.marts import refresh
from obzvon.warehouse.db import connect

#: The morning after the last day; nothing here looks at the clock.
NOW = datetime(2031, 5, 23, 5, tzinfo=UTC)
FACT, CONTACT, INTENT = "dwh.fact_call_attempt", "dwh.fact_campaign_contact", "ops.campaign_intent"
ONE = "vendor_call_id = '2031-05-20-1'"


def lines(days: Days, day: date) -> list[Line]:
    human = {
        "disposition": "GOAL",
        "status": "Разговор",
        "talk": 30,
        "goal": True,
        "results": {"confirmation": "agreed"},
    }
    turns = [["bot", "Здравствуйте!", 0, 1.5], ["client", "Да", 2, 3]]
    calls = [
        days.call(day, 1, 1), days.call(day, 2, 1, record="https://r.example/1.mp3", turns=turns, **human),
        days.call(day, 3, 2, disposition="BUSY", status="Занято"),
    ]  # fmt: skip
    return [*calls, {"totals": len(calls), "columns": ["phone_number", "call_start", "status"]}]


@pytest.fixture(scope="module")
def loaded(postgres: Postgres, warehouse_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Three days that went through plan, load and marts as they should; one call was delivered and reviewed."""
    name = "warehouse_checks"
    postgres.create_database(name, template=warehouse_template)
    dsn = postgres.url(name)
    with connect(dsn) as conn:
        days = Days(dsn, conn, tmp_path_factory.mktemp("days"))
        for day in DAYS:
            days.plan(day)
            asyncio.run(days.pull(day, "collect", lines(days, day)))
            days.final(day)
        conn.execute(PAST.encode())
        conn.execute(DELIVERED.encode())
        conn.commit()
        refresh(conn)
    yield dsn
    postgres.drop_database(name)


#: Loading carries the moment of the test; the figures of the contracts are about the days of the calls.
PAST = """
update ops.raw_archive r set fetched_at = '2031-05-23 03:00+00', loaded_at = '2031-05-23 03:01+00'
from ops.campaign_intent i where i.intent_id = r.intent_id;
update ops.campaign_intent set final_at = window_end_utc;
update dwh.fact_call_attempt set loaded_at = started_at + interval '8 hours';
update dwh.fact_campaign_contact set loaded_at = call_date + interval '20 hours'
"""
DELIVERED = """
insert into ops.qa_delivery (call_uid, vendor_code, vendor_call_id, payload_hash, state, sent_at)
values ('dialog:2031-05-20-2', 'dialog', '2031-05-20-2', repeat('0', 64), 'SENT', '2031-05-21');
insert into dwh.fact_qa_review (review_id, vendor_code, vendor_call_id, call_month, form_name, score, max_score,
    reviewed_at)
values ('r1', 'dialog', '2031-05-20-2', '2031-05-01', 'Форма', 8, 10, '2031-05-22');
insert into ops.recording (call_uid, vendor_code, vendor_call_id, intent_id, state, path, content_type, bytes, sha256,
                           first_tried_at, copied_at)
select 'dialog:2031-05-20-2', 'dialog', '2031-05-20-2', intent_id, 'COPIED', 'recordings/1.wav', 'audio/wav', 44,
       repeat('0', 64), '2031-05-20 20:00+00', '2031-05-20 20:01+00'
from ops.campaign_intent where call_date = '2031-05-20'
"""


def broken(dsn: str, damage: str = "") -> dict[str, tuple[int, int, tuple[str, ...]]]:
    """The rules that do not hold after some damage, which is taken back: checked, failed, examples."""
    with connect(dsn) as conn, conn.transaction(force_rollback=True):
        conn.execute("set session_replication_role = replica")
        conn.execute(damage.encode())
        results = list(evaluate(conn, contracts(), now=NOW))
        return {f"{r.table} {r.rule}": (r.checked, r.failed, r.examples) for r in results if not r.holds}


def test_of_sound_days_every_rule_holds_and_has_something_to_look_at(loaded: str) -> None:
    assert broken(loaded) == {}
    with connect(loaded) as conn:
        results = list(evaluate(conn, contracts(), now=NOW))
    idle = {r.rule for r in results if not r.checked}
    # days too few and too small to be compared
    assert idle == {"disposition_mix", "attempt_volume"}
    assert len(results) > 60


def fact(column: str, value: str, where: str = ONE) -> str:
    return f"update {FACT} set {column} = {value} where {where}"


def open_(table: str, column: str) -> str:
    return f"alter table {table} alter column {column} drop not null; "


def contact(what: str, row: int = 3) -> str:
    return f"update {CONTACT} set {what} where row_no = {row} and call_date = '2031-05-20'"


DAMAGES: dict[str, str] = {
    f"{FACT} intent_id_relation": fact("intent_id", "repeat('e', 64)"),
    f"{FACT} contact_key_relation": fact("contact_key", "-1"),
    f"{FACT} disposition_code_not_null": open_(FACT, "disposition_code") + fact("disposition_code", "null"),
    f"{FACT} disposition_code_relation": fact("disposition_code", "'MAYBE'"),
    f"{FACT} date_key_relation": fact("date_key", "19991231"),
    f"{FACT} grain_accepted": fact("grain", "'month'"),
    f"{FACT} local_hour_range": fact("local_hour", "24"),
    f"{FACT} attempt_no_range": fact("attempt_no", "0"),
    f"{FACT} talk_sec_range": fact("talk_sec", "14401"),
    f"{FACT} cost_rub_range": fact("cost_rub", "-1"),
    f"{FACT} cost_rub_not_null": open_(FACT, "cost_rub") + fact("cost_rub", "null"),
    f"{FACT} marking_fee_rub_range": fact("marking_fee_rub", "-1"),
    f"{FACT} marking_fee_rub_not_null": open_(FACT, "marking_fee_rub") + fact("marking_fee_rub", "null"),
    f"{FACT} date_key_not_null": open_(FACT, "date_key") + fact("date_key", "null"),
    f"{FACT} local_hour_not_null": open_(FACT, "local_hour") + fact("local_hour", "null"),
    f"{FACT} batch_id_relation": fact("batch_id", "'nobody'"),
    f"{FACT} date_is_local": fact("date_key", "20310521"),
    f"{FACT} hour_is_local": fact("local_hour", "3"),
    f"{FACT} local_is_russian": fact("local_started_at", "local_started_at + interval '10 hours'"),
    f"{FACT} record_has_link": fact("has_record", "true"),
    f"{FACT} numbered_with_contact": fact("attempt_no", "null"),
    f"{FACT} not_from_the_future": fact("loaded_at", "started_at - interval '2 days'"),
    f"{CONTACT} contact_key_relation": contact("contact_key = -1"),
    f"{CONTACT} campaign_key_relation": contact("campaign_key = -1"),
    f"{CONTACT} script_key_relation": contact("script_key = -1"),
    f"{CONTACT} plan_id_relation": contact("plan_id = repeat('e', 64)"),
    f"{CONTACT} intent_id_relation": contact("intent_id = repeat('e', 64)"),
    f"{CONTACT} final_disposition_relation": contact("final_disposition = 'MAYBE'"),
    f"{CONTACT} attempts_range": contact("attempts = -1"),
    f"{CONTACT} called_or_excluded": contact("exclusion_code = 'EXCL_DNC'"),
    f"{CONTACT} excluded_is_not_dialled": contact("exclusion_code = 'EXCL_DNC', intent_id = null", 1),
    f"{CONTACT} moments_in_order": contact("first_human_at = '2030-01-01'", 1),
    f"{CONTACT} attempts_have_a_first": contact("first_attempt_at = null", 1),
    f"{CONTACT} contact_key_not_null": open_(CONTACT, "contact_key") + f"update {CONTACT} set contact_key = null",
    f"{CONTACT} campaign_key_not_null": open_(CONTACT, "campaign_key") + f"update {CONTACT} set campaign_key = null",
    f"{CONTACT} script_key_not_null": open_(CONTACT, "script_key") + f"update {CONTACT} set script_key = null",
    f"{CONTACT} attempts_not_null": open_(CONTACT, "attempts") + f"update {CONTACT} set attempts = null",
    f"{CONTACT} plan_rows": f"delete from {CONTACT} where row_no = 3 and call_date = '2031-05-21'",
    f"{CONTACT} snapshot_attempts": contact("attempts = 3", 1),
    "dwh.fact_dialog_goal no_person_in_results": "update dwh.fact_dialog_goal set goal_value = 'на 79161234567'",
    "dwh.fact_qa_review score_range": "update dwh.fact_qa_review set score = -1",
    "dwh.fact_qa_review max_score_range": "update dwh.fact_qa_review set max_score = -1, score = -2",
    "dwh.fact_qa_review score_within_form": "update dwh.fact_qa_review set score = 11",
    "dwh.fact_qa_review reviewed_at_not_null": open_("dwh.fact_qa_review", "reviewed_at")
    + "update dwh.fact_qa_review set reviewed_at = null",
    "dwh.dim_contact contact_id_not_null": open_("dwh.dim_contact", "contact_id")
    + "update dwh.dim_contact set contact_id = null where contact_id = 'c1'",
    "dwh.dim_contact region_key_relation": "update dwh.dim_contact set region_key = -1 where contact_id = 'c1'",
    "dwh.dim_contact tz_source_accepted": "update dwh.dim_contact set tz_source = 'guess' where contact_id = 'c1'",
    "dwh.dim_contact tz_source_not_null": open_("dwh.dim_contact", "tz_source")
    + "update dwh.dim_contact set tz_source = null where contact_id = 'c1'",
    "dwh.dim_contact tz_offset_min_range": "update dwh.dim_contact set tz_offset_min = 60 where contact_id = 'c1'",
    "dwh.dim_contact current_is_open": "update dwh.dim_contact set is_current = false where contact_id = 'c1'",
    "dwh.dim_contact version_has_length": "update dwh.dim_contact set valid_to = valid_from, is_current = false",
    "dwh.dim_contact contact_versions": "insert into dwh.dim_contact (contact_id, phone_key, tz_source, valid_from,"
    " is_current) select contact_id, phone_key, tz_source, valid_from + interval '1 hour', true from dwh.dim_contact",
    "dwh.dim_campaign goal_definition_not_null": open_("dwh.dim_campaign", "goal_definition")
    + "update dwh.dim_campaign set goal_definition = null",
    "dwh.dim_campaign max_attempts_range": "update dwh.dim_campaign set max_attempts = 0",
    "dwh.dim_campaign current_is_open": "update dwh.dim_campaign set is_current = false",
    "dwh.dim_campaign version_has_length": "update dwh.dim_campaign set valid_to = valid_from, is_current = false",
    f"{INTENT} contacts_accepted_range": f"update {INTENT} set contacts_accepted = -1",
    f"{INTENT} known_to_the_vendor": f"update {INTENT} set vendor_task_id = null",
    f"{INTENT} answered_at_most_sent": f"update {INTENT} set contacts_rejected = 1",
    "ops.raw_archive sha256_not_null": open_("ops.raw_archive", "sha256") + "update ops.raw_archive set sha256 = null",
    "ops.raw_archive rows_range": "update ops.raw_archive set rows = -1",
    "ops.raw_archive bytes_range": "update ops.raw_archive set bytes = 0",
    "ops.raw_archive no_person_in_requests": """update ops.raw_archive set request = '{"phone": "+79161234567"}'""",
    "ops.raw_archive reports_loaded": "update ops.raw_archive set loaded_at = null",
    "ops.raw_archive late_results_come": "update ops.raw_archive set fetched_at = '2031-05-20'",
    "ops.raw_archive control_counts": "update ops.raw_archive set control_count = 4",
    "ops.mart_change marts_follow": "insert into ops.mart_change (plan_id, changed_at)"
    " values (repeat('e', 64), '2031-05-20')",
    f"{FACT} report_rows": f"delete from {FACT} where {ONE}",
    "mart.attempt_daily mart_attempts": "delete from mart.attempt_daily where date_key = 20310520",
    "ops.qa_delivery payload_hash_not_null": open_("ops.qa_delivery", "payload_hash")
    + "update ops.qa_delivery set payload_hash = null",
    "ops.qa_delivery attempts_range": "update ops.qa_delivery set attempts = -1",
    "ops.qa_delivery uid_is_the_call": "update ops.qa_delivery set call_uid = '1'",
    "ops.qa_delivery sent_has_a_moment": "update ops.qa_delivery set sent_at = null",
    "ops.qa_delivery delivered_calls": "update ops.qa_delivery set vendor_call_id = '0', call_uid = 'dialog:0'",
    "ops.recording recordings_come": "update ops.recording set state = 'MISSING'",
    "ops.recording copies_of_calls": "update ops.recording set vendor_call_id = '0'",
    "pii.dialog_turn role_accepted": "alter table pii.dialog_turn drop constraint ck_dialog_turn_role;"
    " update pii.dialog_turn set role = 'robot'",
    "pii.dialog_turn redacted": "update pii.dialog_turn set text_redacted = 'это 9161234567'",
    "pii.dialog_turn transcripts_of_calls": "update pii.dialog_turn set vendor_call_id = '0'"
    " where vendor_call_id = '2031-05-20-2'",
    f"{FACT} disposition_mix": "update mart.attempt_daily set attempts = 100 * attempts;"
    " update mart.attempt_daily set disposition_code = 'VOICEMAIL'"
    " where date_key = 20310522 and disposition_code = 'NO_ANSWER'",
    f"{FACT} attempt_volume": """
        create temp table p on commit drop as select * from ops.campaign_plan where call_date = '2031-05-20';
        create temp table m on commit drop as select * from mart.attempt_daily where plan_id = (select plan_id from p);
        update p set plan_id = repeat('a', 64), call_date = '2031-05-10';
        update m set plan_id = repeat('a', 64);
        insert into ops.campaign_plan select * from p;
        insert into mart.attempt_daily select * from m;
        update mart.attempt_daily set attempts = 10 where date_key = 20310522""",
    "ops.status_alert drift_alerts": "insert into ops.status_alert select intent_id, 'TELEPORTED', 'unknown', 2, now()"
    f" from {INTENT} limit 1",
    "ops.report_column drift_columns": "insert into ops.report_column"
    " values ('dialog', '1', 'test_campaign', 'mood', '', '', false, true, now(), now())",
}


def test_every_rule_has_its_damage() -> None:
    book = contracts()
    names = {f"{table} {rule.name}" for table, of in book.tables.items() for rule in of.rules}
    names |= {f"{rule.table} {name}" for name, rule in book.sets.items()}
    assert set(DAMAGES) == names


@pytest.mark.parametrize("rule", DAMAGES)
def test_a_damage_is_found_counted_and_shown_by_its_keys(loaded: str, rule: str) -> None:
    found = broken(loaded, DAMAGES[rule])
    assert rule in found, found
    checked, failed, examples = found[rule]
    assert 0 < failed <= checked
    assert 0 < len(examples) <= 3
    assert "7916" not in " ".join(examples)


def failing(conn: psycopg.Connection) -> list[tuple[Any, ...]]:
    found = conn.execute(
        "select table_name, rule, failed, examples, failing_since from mart.v_check_result"
        " where not holds and severity = 'error' order by 1, 2"
    ).fetchall()
    conn.commit()
    return found


def checked(conn: psycopg.Connection, run: str, hours: int = 0, **options: Any) -> CheckReport:
    return run_checks(conn, run_id=run, now=NOW + timedelta(hours=hours), **options)


def test_results_are_rows_and_a_failure_says_since_when(loaded: str, caplog: pytest.LogCaptureFixture) -> None:
    with connect(loaded) as conn:
        rules = len(checked(conn, "one").require().results)
        assert failing(conn) == []
        conn.execute(fact("attempt_no", "null"))
        conn.commit()
        with caplog.at_level(logging.WARNING, "obzvon.stages.checks"):
            report = checked(conn, "two", hours=1)
        assert [(r.table, r.rule, r.failed) for r in report.errors] == [(FACT, "numbered_with_contact", 1)]
        said = (
            "dwh.fact_call_attempt.attempt_no: numbered_with_contact: calls of our list have a number, and no others;"
            " 1 of 9 do not hold, such as dialog:2031-05-20-1"
        )
        assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [said]
        with pytest.raises(AuditError, match=r"^data contract fails at dwh\.fact_call_attempt\.attempt_no: numbered"):
            report.require()
        checked(conn, "three", hours=2)
        row = (FACT, "numbered_with_contact", 1, "dialog:2031-05-20-1", NOW + timedelta(hours=1))
        assert failing(conn) == [row]
        checked(conn, "three", hours=2)  # a task that is tried again
        assert conn.execute("select count(*) from ops.check_result").fetchone() == (3 * rules,)
        conn.execute(fact("attempt_no", "1"))
        refresh_after(conn)
        assert checked(conn, "four", hours=3).errors == ()
        assert failing(conn) == []
        checked(conn, "much later", hours=24 * 181)
        assert conn.execute("select array_agg(distinct run_id) from ops.check_result").fetchone() == (["much later"],)


def refresh_after(conn: psycopg.Connection) -> None:
    conn.commit()
    refresh(conn)


def test_a_run_may_look_at_new_rows_only(loaded: str) -> None:
    with connect(loaded) as conn, conn.transaction(force_rollback=True):
        conn.execute("set session_replication_role = replica")
        conn.execute(fact("cost_rub", "-1", "true").encode())
        since = datetime(2031, 5, 22, tzinfo=UTC)
        found = {r.rule: r for r in evaluate(conn, contracts(), now=NOW, since=since) if r.table == FACT}
    assert (found["cost_rub_range"].checked, found["cost_rub_range"].failed) == (3, 3)
