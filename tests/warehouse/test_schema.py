"""The schema in the database is the schema in `tables.py`."""

from __future__ import annotations

import psycopg

from obzvon.warehouse.migrate import migrate, schema_is_current


def test_no_migration_is_missing(warehouse_dsn: str) -> None:
    assert schema_is_current(warehouse_dsn)


def test_a_dropped_column_is_noticed(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    conn.execute("alter table ops.campaign_plan drop column plan_hash cascade")
    conn.commit()
    assert not schema_is_current(warehouse_dsn)


def test_migrating_twice_changes_nothing(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    before = conn.execute("select version_num from ops.schema_version").fetchall()
    conn.commit()
    migrate(warehouse_dsn)
    assert conn.execute("select version_num from ops.schema_version").fetchall() == before
