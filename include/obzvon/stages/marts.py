"""Marts: the sums that analysts' views read are brought up to date, plan by plan, where facts have changed.

Triggers on the facts leave the ids of changed plans in `ops.mart_change`, in the commit of the change. A refresh takes
those ids away and computes the sums of these plans anew, so it depends on facts alone: a plan that is refreshed twice,
or whose archive was replayed, has the same rows.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import psycopg
from psycopg import sql

from obzvon.telemetry.spans import staged

__all__ = ["TABLES", "MartResult", "refresh"]

log = logging.getLogger(__name__)

TABLES = ("attempt_daily", "caller_daily", "contact_outcome")

_LOCK = "select pg_advisory_lock(hashtextextended('obzvon.marts', 0))"
_UNLOCK = "select pg_advisory_unlock(hashtextextended('obzvon.marts', 0))"
# a plan that is gone from the ledger may still have sums
_EVERY_PLAN = """
insert into ops.mart_change (plan_id)
select plan_id from ops.campaign_plan union select plan_id from dwh.fact_campaign_contact
union select plan_id from mart.contact_outcome
"""
_CHANGED = "select plan_id from ops.mart_change group by plan_id order by min(change_id)"
# Taken before the facts are read: what is committed in between is read now and refreshed once more, never missed.
_TAKE = "delete from ops.mart_change where plan_id = %(plan)s"
_NOTE = """
insert into ops.mart_refresh (plan_id, refreshed_at) values (%(plan)s, clock_timestamp())
on conflict (plan_id) do update set refreshed_at = excluded.refreshed_at
"""


@dataclass(slots=True)
class MartResult:
    """What a refresh did: plans whose sums were computed anew, changes they had, rows that were written."""

    plans: int = 0
    changes: int = 0
    rows: int = 0


@staged("marts", lambda conn, *, full=False: {})
def refresh(conn: psycopg.Connection, *, full: bool = False) -> MartResult:
    """Compute the sums of every plan whose facts changed since the last refresh, or of all plans with `full`.

    Each plan is committed by itself, so a refresh that dies leaves whole plans, and the next one goes on. Two refreshes
    at once: the second waits and finds what is left. Takes a connection without an open transaction.
    """
    was, conn.autocommit = conn.autocommit, True
    conn.execute(_LOCK)
    try:
        if full:
            conn.execute(_EVERY_PLAN)
        result = MartResult()
        for (plan,) in conn.execute(_CHANGED).fetchall():
            _refresh_plan(conn, plan, result)
    finally:
        conn.execute(_UNLOCK)
        conn.autocommit = was
    log.info("marts: %d plans refreshed after %d changes, %d rows", result.plans, result.changes, result.rows)
    return result


def _refresh_plan(conn: psycopg.Connection, plan: str, result: MartResult) -> None:
    values = {"plan": plan}
    with conn.transaction():
        # right after a load no statistics know its rows, and a loop over all of them would be chosen
        conn.execute("set local work_mem = '64MB'; set local jit = off; set local enable_nestloop = off")
        result.changes += conn.execute(_TAKE, values).rowcount
        for table in TABLES:
            target = sql.Identifier("mart", table)
            conn.execute(sql.SQL("delete from {} where plan_id = %(plan)s").format(target), values)
            result.rows += conn.execute(_statement(table), values).rowcount
        conn.execute(_NOTE, values)
    result.plans += 1


@cache
def _statement(table: str) -> bytes:
    return files("obzvon.warehouse.marts.refresh").joinpath(f"{table}.sql").read_bytes()
