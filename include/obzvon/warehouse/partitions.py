"""Partitions of the big facts: one a month, made before the first row of the month comes.

A call is stored under one month for life, `call_month`: that of the call date of the intent whose report brought it
first. `ops.known_call` keeps it, a trigger on the facts (`known_calls.sql`) refuses a second month. There is no default
partition: a row whose month nobody made is an error, not a row in the wrong place.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from importlib.resources import files

import psycopg
from psycopg import sql
from psycopg.errors import LockNotAvailable

from obzvon.errors import ConfigError

__all__ = ["PARTITIONED", "analyze_months", "ensure_months", "guard_months", "missing_months", "months_ahead"]

log = logging.getLogger(__name__)

#: Tables by month, parents of foreign keys first.
PARTITIONED = (("dwh", "fact_call_attempt"), ("dwh", "fact_dialog_goal"), ("pii", "dialog_turn"))
#: How often a month that is needed now is tried, a second apart: no load runs longer than that.
TRIES = 300

# Read from the catalog's rows: `to_regclass` may remember what was not there before somebody else's commit.
# None where schema dwh was dropped: who plans meanwhile need not know, and a replay makes the tables first.
_MISSING = """
with found as (
    select n.nspname as s, c.relname as t, c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any(%(schemas)s::text[]) and c.relkind in ('r', 'p')
)
select p.s, p.t, m, f.oid is not null
from unnest(%(schemas)s::text[], %(tables)s::text[]) with ordinality p (s, t, n) cross join unnest(%(months)s::date[]) m
left join found f on (f.s, f.t) = (p.s, p.t || to_char(m, '_YYYY_MM'))
left join pg_inherits h on h.inhrelid = f.oid and not h.inhdetachpending
where h.inhrelid is null and exists (select from found x where x.s = 'dwh' and x.t = 'fact_call_attempt')
order by m, n
"""
_TURN = "select pg_advisory_xact_lock(hashtextextended('obzvon.partitions', 0))"
# All that attaching takes, in the order in which loading writes; who reads is not disturbed. The limit is below the
# server's own for deadlocks, so whoever takes them in another order is never the one who fails.
_LOCKS = """
set local lock_timeout = '500ms';
lock table dwh.dim_contact, dwh.dim_date, dwh.dim_disposition, dwh.fact_call_attempt, dwh.fact_dialog_goal,
    dwh.fact_qa_review, pii.dialog_turn in share row exclusive mode
"""
_MAKE = """
create table {partition} (like {table} including defaults including constraints including storage);
alter table {table} attach partition {partition} for values from ({first}) to ({last})
"""


def months_ahead(day: date) -> list[date]:
    """The first days of the day's month and of the next one."""
    first = day.replace(day=1)
    return [first, _next(first)]


def ensure_months(conn: psycopg.Connection, days: Iterable[date], *, needed: bool = True) -> None:
    """Make the partitions of the days' months that are not there yet; nothing is locked when all are.

    Partitions are made in a transaction of their own unless the caller has opened one. Who writes facts is waited for,
    half a second at a time. Raises LockNotAvailable after five minutes of that, or at once passes over months that are
    not `needed` yet: whoever comes next makes them. Raises ConfigError where a partition's table stands detached.
    """
    months = sorted({day.replace(day=1) for day in days})
    tries = TRIES if needed else 1
    while missing_months(conn, months):
        tries -= 1
        try:
            with conn.transaction():
                _make(conn, months)
        except LockNotAvailable:
            if needed and not tries:
                raise
            if not tries:
                log.info("partitions of %s are left for later: facts are being written", months[0])
                return
            time.sleep(1)


def missing_months(conn: psycopg.Connection, months: Sequence[date]) -> list[tuple[str, str, date]]:
    """Schema, table and month (its first day) of partitions that lack. ConfigError where one stands detached."""
    schemas, tables = zip(*PARTITIONED, strict=True)
    with conn.transaction():
        values = {"schemas": list(schemas), "tables": list(tables), "months": list(months)}
        rows = conn.execute(_MISSING, values).fetchall()
    for schema, table, month, detached in rows:
        if detached:
            raise ConfigError(_detached(f"{schema}.{table}", month))
    return [row[:3] for row in rows]


def _detached(table: str, month: date) -> str:
    partition = f"{table}_{month:%Y_%m}"
    return (
        f"table {partition} is there but is no partition of {table}, so its month cannot be written. Attach it:"
        f" alter table {table} attach partition {partition} for values from ('{month}') to ('{_next(month)}');"
        " or, with what it holds kept elsewhere, drop it: loading makes an empty one"
    )


def _make(conn: psycopg.Connection, months: Sequence[date]) -> None:
    conn.execute(_TURN)
    missing = missing_months(conn, months)  # somebody else may have made them meanwhile
    if missing:
        conn.execute(_LOCKS)
        conn.execute("set local lock_timeout = default")  # the rest of the caller's transaction waits as it did
    for schema, table, month in missing:
        names = {
            "table": sql.Identifier(schema, table),
            "partition": sql.Identifier(schema, f"{table}_{month:%Y_%m}"),
            "first": sql.Literal(month),
            "last": sql.Literal(_next(month)),
        }
        conn.execute(sql.SQL(_MAKE).format(**names))


def _next(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def analyze_months(conn: psycopg.Connection) -> None:
    """Count the values of the partitioned tables anew: the server's autovacuum does so for partitions only."""
    for table in PARTITIONED:
        conn.execute(sql.SQL("analyze {}").format(sql.Identifier(*table)))


def guard_months(conn: psycopg.Connection) -> None:
    """Create or replace the triggers that keep each call in its month."""
    with conn.transaction():
        conn.execute(files("obzvon.warehouse").joinpath("known_calls.sql").read_bytes())
