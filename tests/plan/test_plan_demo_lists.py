"""The lists that ship: every contact is in the warehouse, and the excluded ones say why."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import psycopg
import pytest
from plan_a_list import NoConnections
from plan_lists import EVE, FRIDAY, SECRET

from obzvon.campaigns.catalogue import load
from obzvon.contacts.prepare import prepared
from obzvon.policy.model import Policy
from obzvon.stages.plan import plan

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]
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


@pytest.mark.parametrize("name", ["demo_dialog", "demo_twin"])
@pytest.mark.parametrize(
    "day",
    [FRIDAY, date(2026, 11, 21), date(2026, 11, 22), date(2027, 1, 1)],
    ids=["workday", "saturday", "sunday", "holiday"],
)
def test_every_contact_of_a_demo_list_is_decided(
    conn: psycopg.Connection, policy: Policy, name: str, day: date
) -> None:
    spec = load(ROOT / f"include/campaigns/{name}.yaml")
    summary = plan(conn, spec, policy, day, now=EVE, chunks=prepared(spec, ROOT, NoConnections(), SECRET))
    stored = conn.execute(
        "select exclusion_code, exclusion_reason, count(*) from ops.plan_contact where exclusion_code is not null "
        "group by 1, 2"
    )
    assert {(code, reason): contacts for code, reason, contacts in stored} == EXCLUDED
    assert (summary.contacts_total, summary.contacts_to_call) == (299, 299 - sum(EXCLUDED.values()))
    assert conn.execute("select count(*) from pii.contact_payload").fetchone() == (299,)


def test_the_regions_of_the_rows_are_those_of_the_warehouse(conn: psycopg.Connection, policy: Policy) -> None:
    spec = load(ROOT / "include/campaigns/demo_dialog.yaml")
    plan(conn, spec, policy, FRIDAY, now=EVE, chunks=prepared(spec, ROOT, NoConnections(), SECRET))
    by_region = "select count(*) from ops.plan_contact where tz_source = 'region'"
    unknown = f"{by_region} and region not in (select subject_name from dwh.dim_region)"
    assert conn.execute(by_region).fetchone() != (0,)
    assert conn.execute(unknown).fetchone() == (0,)
