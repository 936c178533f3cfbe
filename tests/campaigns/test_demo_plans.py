"""The demo lists as plans: every row is in the warehouse with its decision, and the counts are known."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest

from obzvon.campaigns.catalogue import load
from obzvon.contacts.prepare import prepared
from obzvon.contacts.sources.connections import Endpoint
from obzvon.errors import ConfigError
from obzvon.policy.model import load_policy
from obzvon.stages.plan import PlanSummary, plan

pytestmark = pytest.mark.stack

ROOT = Path(__file__).resolve().parents[2]
ROWS = 299
EVE = datetime(2026, 11, 19, 12, tzinfo=UTC)
#: A working day and a day off: the windows differ, the decisions about the demo lists must not.
DAYS = [date(2026, 11, 20), date(2026, 11, 22)]

EXCLUDED = {
    ("EXCL_DUPLICATE", "duplicate_phone"): 8,
    ("EXCL_INVALID", "abkhazia"): 2,
    ("EXCL_INVALID", "bad_variable"): 2,
    ("EXCL_INVALID", "empty"): 3,
    ("EXCL_INVALID", "excel_apostrophe"): 1,
    ("EXCL_INVALID", "excel_exponent"): 2,
    ("EXCL_INVALID", "excel_float"): 2,
    ("EXCL_INVALID", "foreign"): 3,
    ("EXCL_INVALID", "invalid_range"): 1,
    ("EXCL_INVALID", "kazakhstan"): 2,
    ("EXCL_INVALID", "letters"): 2,
    ("EXCL_INVALID", "plus_eight"): 2,
    ("EXCL_INVALID", "short_number"): 3,
    ("EXCL_INVALID", "toll_free"): 2,
    ("EXCL_INVALID", "too_long"): 1,
    ("EXCL_INVALID", "two_phones"): 3,
    ("EXCL_WINDOW", "unknown_zone"): 8,
    # the zone says Moscow, the region is seven hours away: no moment is inside both windows
    ("EXCL_WINDOW", "window_empty"): 1,
}


class NoConnections:
    """The demo lists are files."""

    def dsn(self, conn_id: str) -> str:
        raise ConfigError(conn_id)

    def endpoint(self, conn_id: str) -> Endpoint:
        raise ConfigError(conn_id)


def planned(conn: psycopg.Connection, name: str, call_date: date) -> PlanSummary:
    spec = load(ROOT / "include" / "campaigns" / f"{name}.yaml")
    policy = load_policy(ROOT / "include" / "policy" / "policy.yaml")
    chunks = prepared(spec, ROOT, NoConnections(), b"secret")
    return plan(conn, spec, policy, call_date, now=EVE, chunks=chunks)


@pytest.mark.parametrize("call_date", DAYS, ids=str)
@pytest.mark.parametrize("name", ["demo_dialog", "demo_twin"])
def test_every_row_is_stored_with_its_decision(conn: psycopg.Connection, name: str, call_date: date) -> None:
    summary = planned(conn, name, call_date)
    stored = conn.execute(
        "select exclusion_code, exclusion_reason, count(*) from ops.plan_contact"
        " where plan_id = %s group by 1, 2 order by 1, 2",
        [summary.plan_id],
    )
    counts = {(code, reason): number for code, reason, number in stored}
    assert counts.pop((None, None)) == ROWS - sum(EXCLUDED.values()) == summary.contacts_to_call
    assert counts == EXCLUDED


def test_the_regions_of_the_rows_are_those_of_the_warehouse(conn: psycopg.Connection) -> None:
    plan_id = planned(conn, "demo_dialog", DAYS[0]).plan_id
    unknown = conn.execute(
        "select distinct region from ops.plan_contact where plan_id = %s and tz_source = 'region'"
        " and region not in (select subject_name from dwh.dim_region)",
        [plan_id],
    )
    assert unknown.fetchall() == []
