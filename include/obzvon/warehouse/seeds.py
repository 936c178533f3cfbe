"""Reference rows (owned by WAREHOUSE, being written)."""

from __future__ import annotations

import psycopg


def seed(conn: psycopg.Connection) -> None:
    """Upsert the reference rows."""
