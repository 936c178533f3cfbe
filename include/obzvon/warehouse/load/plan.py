"""A plan in the warehouse: dimensions, and one row of `fact_campaign_contact` for every row of the list."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import LedgerError
from obzvon.warehouse.load import statement

__all__ = ["clock", "load_plan", "lock_dimensions"]

#: Neither vendor tells which version of a script talked.
SCRIPT_VERSION = "unversioned"

_PLAN = """
select plan_id, campaign_id, call_date, vendor_code as vendor, purpose, planned_at
from ops.campaign_plan where plan_id = %s
"""
_CAMPAIGN_KEY = """
select campaign_key from dwh.dim_campaign
where campaign_id = %(campaign_id)s and valid_from <= %(planned_at)s and (valid_to is null or valid_to > %(planned_at)s)
"""
_SCRIPT_KEY = """
select script_key from dwh.dim_script
where vendor_code = %(vendor)s and vendor_script_id = %(script_id)s and version = %(script_version)s
"""
# Dimensions belong to all plans: one writer at a time, or two would both find a version missing.
_LOCK = "select pg_advisory_xact_lock(hashtextextended('obzvon.dimensions', 0))"


def lock_dimensions(conn: psycopg.Connection) -> None:
    """Wait until nobody else brings a plan in; held until the transaction ends."""
    conn.execute(_LOCK)


def clock(conn: psycopg.Connection) -> datetime:
    """The database's clock (UTC), now and not at the start of the transaction."""
    moment: datetime = conn.execute("select clock_timestamp()").fetchall()[0][0]
    return moment


def load_plan(conn: psycopg.Connection, spec: CampaignSpec, plan_id: str, *, loaded_at: datetime | None = None) -> int:
    """Bring the warehouse's copy of a plan up to date; the number of rows that were written.

    Excluded contacts come with their reason and are closed by the plan, so a plan that calls nobody is complete after
    this. Running it again writes only what changed. Dimension versions count from `planned_at`, so a replay gives the
    same ones; it gives `loaded_at` too, the moment that written rows carry, else it is now. Committed here unless the
    caller has opened a transaction. LedgerError when there is no such plan.
    """
    with conn.transaction():
        lock_dimensions(conn)
        conn.execute("set local work_mem = '64MB'; set local jit = off")
        values = _values(conn, spec, plan_id) | {"loaded_at": loaded_at or clock(conn)}
        for name in ("campaign_closed", "campaign_earlier", "campaign", "script"):
            conn.execute(statement(name), values)
        values["campaign_key"] = _key(conn, _CAMPAIGN_KEY, values)
        values["script_key"] = _key(conn, _SCRIPT_KEY, values)
        conn.execute(statement("people"))
        conn.execute(statement("people_of"), values)
        conn.execute("analyze people")
        for name in ("contacts_closed", "contacts_earlier", "contacts", "plan_contacts_gone"):
            conn.execute(statement(name), values)
        return conn.execute(statement("plan_contacts"), values).rowcount


def _values(conn: psycopg.Connection, spec: CampaignSpec, plan_id: str) -> dict[str, Any]:
    with conn.cursor(row_factory=dict_row) as cursor:
        plan = cursor.execute(_PLAN, (plan_id,)).fetchone()
    if plan is None:
        raise LedgerError(f"plan {plan_id[:12]} is not in the ledger; run the plan stage of its campaign first")
    window = spec.window
    return plan | {
        "name": spec.title,
        "owner": spec.owner,
        "goal_definition": f"{spec.goal.title}: {spec.goal.field} = {' | '.join(spec.goal.values)}",
        "max_attempts": spec.vendor.max_attempts,
        "window_from": window.start if window else None,
        "window_to": window.end if window else None,
        "script_id": spec.vendor.script_id,
        "script_version": SCRIPT_VERSION,
    }


def _key(conn: psycopg.Connection, query: str, values: dict[str, Any]) -> int:
    row = conn.execute(query, values).fetchone()
    if row is None:
        raise LedgerError(
            f"the warehouse has no version of campaign {values['campaign_id']} for its plan; load it again"
        )
    key: int = row[0]
    return key
