"""What analysts read: one SQL file a view, replayed in name order on every migration."""

from __future__ import annotations

from importlib.resources import files

import psycopg
from psycopg import sql

__all__ = ["create_marts"]


def create_marts(conn: psycopg.Connection) -> None:
    """Drop and create every view of schema `mart`. The caller's transaction keeps readers from seeing a gap."""
    conn.execute("drop schema if exists mart cascade")
    conn.execute("create schema mart")
    scripts = sorted((f for f in files(__name__).iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    for script in scripts:
        conn.execute(sql.SQL(script.read_text(encoding="utf-8")))  # type: ignore[arg-type]
