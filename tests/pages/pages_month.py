"""A warehouse with a month of calls: four campaigns, thirty call dates, runs in every stage on the last of them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import psycopg

from obzvon.stages.marts import refresh
from obzvon.warehouse.db import connect
from obzvon.warehouse.partitions import ensure_months

__all__ = ["LAST", "SIZE", "make_month"]

LAST = date(2026, 11, 20)
#: Contacts a campaign and day that come to 200,000 dials.
SIZE = 1110
SCRIPT = (Path(__file__).parent / "pages_month.sql").read_text(encoding="utf-8")


def make_month(dsn: str, size: int = SIZE) -> int:
    """Fill an empty warehouse and refresh its marts; the number of dials."""
    with connect(dsn) as conn:
        ensure_months(conn, [LAST - timedelta(days=31), LAST])
        with conn.transaction():
            conn.execute("set local session_replication_role = replica")  # states are set, not stepped to
            for statement in SCRIPT.split(";\n"):
                _run(conn, statement, {"last": LAST, "size": size})
        conn.execute("analyze")  # as autovacuum does soon after a load
        conn.commit()
        refresh(conn, full=True)
        row = conn.execute("select count(*) from dwh.fact_call_attempt").fetchone()
    return int(row[0]) if row else 0


def _run(conn: psycopg.Connection, statement: str, values: dict[str, object]) -> None:
    psycopg.ClientCursor(conn).execute(statement.encode(), values)
