"""The month on its way into a warehouse: ledger rows, vendors' pages into the archive, and the pipeline's own load."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from launching import forced
from month import Plan
from month_expected import Rows, Truth
from month_judged import AUDITED, MOST_POINTS, at_qolio, complaints, reviews
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from obzvon.ledger.keys import external_id, phone_key
from obzvon.reports.archive import Archive
from obzvon.stages.collect import download, load
from obzvon.vendors.base import Dialer, Order, Page, Task
from obzvon.vendors.registry import dialer_class
from obzvon.warehouse.db import connect

SECRET = b"a secret of at least thirty-two characters"
PAGE = 1000

_PLAN = """
insert into ops.campaign_plan (plan_id, campaign_id, call_date, vendor_code, purpose, spec, plan_hash, contacts_total,
    contacts_to_call, planned_at) values (%s, %s, %s, %s, %s, %s, repeat('0', 64), %s, %s, %s)
"""
_INTENT = """
insert into ops.campaign_intent (intent_id, plan_id, campaign_id, call_date, vendor_code, zone, tz_offsets, chunk_no,
    batch_no, contacts_planned, contacts_sent, contacts_accepted, contacts_rejected, window_start_utc, window_end_utc,
    local_from, local_to, state, vendor_task_id)
values (%s, %s, %s, %s, %s, '+03:00', '{180}', 1, 0, %s, %s, %s, %s, %s, %s, '10:00', '20:00', 'running', %s)
"""
_CLOSE = """
update ops.campaign_intent set state = %s, final_at = coalesce(final_at, clock_timestamp()) where intent_id = %s
"""
_CONTACTS = """
copy ops.plan_contact (plan_id, row_no, contact_id, phone_key, tz_offsets, tz_source, region, exclusion_code,
    exclusion_reason, intent_id, external_id, sent_state) from stdin
"""
_DELIVERY = """
copy ops.qa_delivery (call_uid, vendor_code, vendor_call_id, intent_id, payload_hash, state) from stdin
"""
_REVIEW = """
copy dwh.fact_qa_review (review_id, vendor_code, vendor_call_id, call_month, form_name, score, max_score,
    reviewed_at) from stdin
"""
_COMPLAINT = """
insert into ops.suppression (phone_key, purpose, reason, source, valid_from, evidence_ref)
values (%s, '*', 'жалоба', %s, %s, %s)
"""
_AUDIT = """
insert into ops.audit_check (plan_id, check_name, expected, actual, explanation, holds) values (%s, %s, 0, %s, %s, %s)
"""


async def store(conn: psycopg.Connection, dsn: str, folder: Path, plans: list[Plan]) -> None:
    """The month in the warehouse, as the pipeline loads it."""
    archive = Archive(folder)
    for plan in plans:
        _in_ledger(conn, plan)
        for number, rows in enumerate(plan.reports, 1):
            if number == 2:
                _closed(conn, plan)
            await download(dsn, archive, _reporting(plan, rows), _task(plan), f"pull-{number}")
            load(conn, archive, plan.spec, dialer_class(plan.vendor), plan.intent_id, f"pull-{number}", secret=SECRET)
        _closed(conn, plan)
    _judged(conn, plans)


def _in_ledger(conn: psycopg.Connection, plan: Plan) -> None:
    midnight = datetime.combine(plan.day, time(), UTC)
    called = [row for row in plan.rows if row["exclusion_code"] is None]
    refused = sum(row["refused"] for row in plan.rows)
    conn.execute(
        _PLAN,
        (plan.plan_id, plan.spec.name, plan.day, plan.vendor, plan.spec.purpose, Jsonb(plan.spec.canonical()),
         len(plan.rows), len(called), midnight - timedelta(hours=10) + plan.after),
    )  # fmt: skip
    forced(
        conn, _INTENT,
        (plan.intent_id, plan.plan_id, plan.spec.name, plan.day, plan.vendor, len(called), len(called),
         len(called) - refused, refused, midnight, midnight + timedelta(hours=17), f"{plan.spec.name}-{plan.day}"),
    )  # fmt: skip
    with conn.cursor() as cursor, cursor.copy(_CONTACTS) as copy:
        for row in plan.rows:
            person, out = row["person"], row["exclusion_code"] is not None
            copy.write_row((
                plan.plan_id, row["row_no"], f"c{person.number}", phone_key(SECRET, person.phone), list(person.offsets),
                "region", person.region, row["exclusion_code"], row["exclusion_reason"],
                None if out else plan.intent_id, None if out else external_id(plan.plan_id, row["row_no"]),
                None if out else "rejected" if row["refused"] else "accepted",
            ))  # fmt: skip
    conn.commit()


def _closed(conn: psycopg.Connection, plan: Plan) -> None:
    if plan.state != "running":
        forced(conn, _CLOSE, (plan.state, plan.intent_id))
        conn.commit()


def _task(plan: Plan) -> Task:
    at = datetime.combine(plan.day, time(9), UTC)
    order = Order(plan.intent_id, "name", "", plan.day, (180,), at, at, at.time(), at.time())
    return Task(order, f"{plan.spec.name}-{plan.day}", len(plan.rows))


def _reporting(plan: Plan, rows: list[dict[str, Any]]) -> Dialer:
    """The vendor's own dialer, but for its report: that is these rows."""
    own = dialer_class(plan.vendor)

    class Reporting(own):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            pass

        async def report(self, task: Task) -> AsyncIterator[Page]:
            for number, body in enumerate(_pages(plan, rows), 1):
                yield Page("calls" if plan.vendor == "twin" else "report", number, {"offset": number}, _stream(body))

    made: Dialer = Reporting()
    return made


def _pages(plan: Plan, rows: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    if plan.vendor == "twin":
        return [{"count": len(rows), "items": rows[n : n + PAGE]} for n in range(0, len(rows), PAGE)]
    return [{"columns": [], "data": rows, "total_duration": 0, "avg_duration": 0, "count": len(rows)}]


async def _stream(body: dict[str, Any]) -> AsyncIterator[bytes]:
    yield json.dumps(body, ensure_ascii=False).encode()


def _judged(conn: psycopg.Connection, plans: list[Plan]) -> None:
    """What others write: deliveries, reviews, complaints, audits."""
    heard = [(plan, dial) for plan in plans for dial in plan.dials if dial["responder"] == "human" and dial["record"]]
    with conn.cursor() as cursor:
        with cursor.copy(_DELIVERY) as copy:
            for plan, dial in heard:
                if state := at_qolio(dial["call_id"]):
                    call = (plan.vendor, dial["call_id"])
                    copy.write_row((":".join(call), *call, plan.intent_id, "0" * 64, state))
        with cursor.copy(_REVIEW) as copy:
            for plan, dial in heard:
                for number, score in enumerate(reviews(dial["call_id"])):
                    named = f"{dial['call_id']}-{number}"
                    copy.write_row(
                        (
                            named,
                            plan.vendor,
                            dial["call_id"],
                            plan.day.replace(day=1),
                            "Форма",
                            Decimal(score),
                            MOST_POINTS,
                            dial["ended"],
                        )
                    )
        for number, (phone, source, at) in enumerate(complaints(plans)):
            cursor.execute(_COMPLAINT, (phone_key(SECRET, phone), source, at, f"letter {number}"))
        for plan in plans:
            found, rules = AUDITED.get(plan.day, (0, None))
            cursor.execute(_AUDIT, (plan.plan_id, "compliance", found, rules, found == 0))
            cursor.execute(_AUDIT, (plan.plan_id, "listed", 0, None, True))
    conn.commit()


class Month:
    """A warehouse that holds the month, and its truth."""

    def __init__(self, dsn: str, folder: Path, truth: Truth) -> None:
        self.dsn, self.folder, self.truth = dsn, folder, truth

    def says(self, view: str) -> Rows:
        """The rows of a view; versions and scripts by their own names."""
        with connect(self.dsn) as conn, conn.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(f"select * from mart.{view}".encode()).fetchall()
            return [row | _named(conn, row) for row in found]


_VERSION = """
select count(*) from dwh.dim_campaign a join dwh.dim_campaign b using (campaign_id)
where a.campaign_key = %s and b.valid_from <= a.valid_from
"""
_SCRIPT = "select vendor_script_id from dwh.dim_script where script_key = %s"


def _named(conn: psycopg.Connection, row: dict[str, Any]) -> dict[str, Any]:
    named = {}
    for name, key, query in (("version", "campaign_key", _VERSION), ("script", "script_key", _SCRIPT)):
        if key in row:
            found = conn.execute(query, [row[key]]).fetchone()
            named[name] = found[0] if found else None
    return named
