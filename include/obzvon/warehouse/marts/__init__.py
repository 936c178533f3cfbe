"""What analysts read: one SQL file a view, replayed in name order on every migration.

A file is named `<order>_<view>.sql`, creates `mart.<view>` with `create or replace view`, and says in the comment of
each column its label, unit and formula. Grants survive a replay; a view whose columns were renamed, removed or
reordered is dropped and made anew, and its readers have their rights from `alter default privileges`
(`warehouse/readers.py`).

What would be slow over years of attempts reads the sums of `mart.attempt_daily`, `caller_daily` and `contact_outcome`,
which `obzvon.stages.marts.refresh` keeps; `refresh/` has its statements, and the triggers that tell it what changed.
"""

from __future__ import annotations

from importlib.resources import files

import psycopg
from psycopg import sql
from psycopg.errors import InvalidTableDefinition

__all__ = ["create_marts"]


def create_marts(conn: psycopg.Connection) -> None:
    """Create or replace every view of schema `mart`, all in one transaction. Running it again changes nothing."""
    scripts = sorted((f for f in files(__name__).iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    with conn.transaction():
        conn.execute("create schema if not exists mart")
        conn.execute(files(__name__).joinpath("refresh", "changes.sql").read_bytes())
        for script in scripts:
            view = script.name.removesuffix(".sql").split("_", 1)[1]
            _create(conn, view, script.read_text(encoding="utf-8"))


def _create(conn: psycopg.Connection, view: str, script: str) -> None:
    # sql.SQL wants a literal because it is not escaped; the files are part of this package
    statements = sql.SQL(script)
    try:
        with conn.transaction():
            conn.execute(statements)
    except InvalidTableDefinition:
        # the views built on this one come later in the order and are made again
        conn.execute(sql.SQL("drop view {} cascade").format(sql.Identifier("mart", view)))
        conn.execute(statements)
