"""Three days of one campaign with a report each, and what the warehouse holds of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from launching import forced
from loading import SECRET, JsonlDialer, Line, call, spec
from psycopg.types.json import Jsonb

from obzvon.campaigns.spec import CampaignSpec
from obzvon.ledger.keys import external_id, intent_id, phone_key, plan_id
from obzvon.reports.archive import Archive
from obzvon.stages.collect import download, load
from obzvon.stages.replay import replay
from obzvon.stages.stored_plans import Rebuilt
from obzvon.vendors.base import Dialer, Order, Task
from obzvon.warehouse.db import connect
from obzvon.warehouse.load.batch import LoadResult

DAYS = (date(2031, 5, 20), date(2031, 5, 21), date(2031, 5, 22))
Contents = dict[str, list[tuple[Any, ...]]]

#: Without the two views of audits (tests audit again) and without partitions, whose rows are their tables'.
TABLES = """
select format('%I.%I', table_schema, table_name) from information_schema.tables
where table_schema in ('dwh', 'pii', 'mart') and table_name not in ('v_audit_check', 'v_compliance')
  and table_name not in (select relname from pg_class where relispartition)
   or (table_schema, table_name) in
      (('ops', 'suppression'), ('ops', 'raw_archive'), ('ops', 'quarantine'), ('ops', 'campaign_intent'))
order by 1
"""
#: Versions as they are known without their surrogate keys.
NATURAL = {
    "contact_key": "select contact_key, concat_ws('/', contact_id, phone_key, valid_from) from dwh.dim_contact",
    "campaign_key": "select campaign_key, concat_ws('/', campaign_id, valid_from) from dwh.dim_campaign",
    "script_key": "select script_key, concat_ws('/', vendor_code, vendor_script_id) from dwh.dim_script",
}


def contents(dsn: str, *, natural: bool = False, without: Sequence[str] = ()) -> Contents:
    """Every row of every table and view that loading has a hand in; with `natural` surrogates by their natural keys."""
    with connect(dsn) as conn:
        names = {key: dict(conn.execute(query.encode()).fetchall()) for key, query in NATURAL.items()}
        return {table: _rows(conn, table, names if natural else {}, without) for (table,) in conn.execute(TABLES)}


def _rows(
    conn: psycopg.Connection, table: str, names: dict[str, dict[int, str]], without: Sequence[str]
) -> list[tuple[Any, ...]]:
    cursor = conn.execute(f"select * from {table}".encode())
    columns = [column.name for column in cursor.description or ()]
    rows = [
        tuple(
            names[name].get(value, value) if name in names else value
            for name, value in zip(columns, row, strict=True)
            if name not in without
        )
        for row in cursor
    ]
    return sorted(rows, key=repr)


class Days:
    """A plan a day, each with one intent of three contacts whose reports a test writes."""

    def __init__(self, dsn: str, conn: psycopg.Connection, folder: Path) -> None:
        self.dsn, self.conn, self.archive = dsn, conn, Archive(folder / "archive")
        self.dialer: type[Dialer] = JsonlDialer
        self.specs: dict[date, CampaignSpec] = {}

    def plan(self, day: date, *, segment: str | None = None, **changes: Any) -> str:
        """Store a plan and its intent, running at the vendor; the intent's id."""
        plan, intent, at = _ids(day), _intent(day), datetime(day.year, day.month, day.day, 4, tzinfo=UTC)
        self.specs[day] = spec(**changes)
        self.conn.execute(
            "insert into ops.campaign_plan (plan_id, campaign_id, call_date, vendor_code, purpose, spec, plan_hash,"
            " contacts_total, contacts_to_call, planned_at)"
            " values (%s, 'test_campaign', %s, 'dialog', 'survey', %s, repeat('0', 64), 3, 3, %s)",
            (plan, day, Jsonb(self.specs[day].canonical()), at - timedelta(hours=20)),
        )
        forced(
            self.conn,
            "insert into ops.campaign_intent (intent_id, plan_id, campaign_id, call_date, vendor_code, zone,"
            " tz_offsets, chunk_no, batch_no, contacts_planned, contacts_sent, contacts_accepted, window_start_utc,"
            " window_end_utc, local_from, local_to, state, vendor_task_id)"
            " values (%s, %s, 'test_campaign', %s, 'dialog', '+03:00', '{180}', 1, 0, 3, 3, 3, %s, %s, '10:00',"
            " '20:00', 'running', %s)",
            (intent, plan, day, at, at + timedelta(hours=10), f"task-{day}"),
        )
        for row in (1, 2, 3):
            self.conn.execute(
                "insert into ops.plan_contact (plan_id, row_no, contact_id, phone_key, tz_offsets, tz_source, segment,"
                " intent_id, external_id, sent_state)"
                " values (%s, %s, %s, %s, '{180}', 'region', %s, %s, %s, 'accepted')",
                (plan, row, f"c{row}", phone_key(SECRET, f"+7916{row:07d}"), segment, intent, external_id(plan, row)),
            )
        self.conn.commit()
        return intent

    def call(self, day: date, number: int, contact: int, **changes: Any) -> dict[str, Any]:
        """One call of that day's report."""
        started = datetime(day.year, day.month, day.day, 9, number, tzinfo=UTC)
        named = {"id": f"{day}-{number}", "external_id": external_id(_ids(day), contact)}
        moments = {"started_at": started.isoformat(), "updated_at": (started + timedelta(minutes=5)).isoformat()}
        return call(number, contact, **named, **(moments | changes))

    async def pull(self, day: date, batch: str, lines: Sequence[Line]) -> None:
        """Archive a report and load it."""
        await self.fetch(day, batch, lines)
        self.load(self.conn, day, batch)

    async def fetch(self, day: date, batch: str, lines: Sequence[Line]) -> None:
        """Archive a report."""
        at = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
        order = Order(_intent(day), "name", "", day, (180,), at, at, at.time(), at.time())
        await download(self.dsn, self.archive, JsonlDialer([("calls", lines)]), Task(order, "task", 3), batch)

    def load(self, conn: psycopg.Connection, day: date, batch: str) -> LoadResult:
        """Load what is archived."""
        return load(conn, self.archive, self.specs[day], self.dialer, _intent(day), batch, secret=SECRET)

    def final(self, day: date) -> None:
        """The wait for that day's report is over."""
        done = "update ops.campaign_intent set state = 'final', final_at = clock_timestamp() where call_date = %s"
        forced(self.conn, done, (day,))
        self.conn.commit()

    def replay(self, first: date = DAYS[0], last: date = DAYS[-1]) -> list[Rebuilt]:
        return replay(self.dsn, self.archive, first, last, secret=SECRET, dialers=lambda code: self.dialer)

    def run(self, statement: str) -> None:
        self.conn.execute(statement.encode())
        self.conn.commit()


def _ids(day: date) -> str:
    return plan_id("test_campaign", day)


def _intent(day: date) -> str:
    return intent_id("test_campaign", day, "+03:00", 1)
