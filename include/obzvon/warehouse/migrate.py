"""`python -m obzvon.warehouse.migrate DSN`: bring a warehouse to the newest schema."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from obzvon.errors import ConfigError
from obzvon.warehouse.comments import write_comments
from obzvon.warehouse.db import connect
from obzvon.warehouse.marts import create_marts
from obzvon.warehouse.partitions import guard_months
from obzvon.warehouse.readers import grant_reading
from obzvon.warehouse.seeds import seed
from obzvon.warehouse.tables import metadata

__all__ = ["engine", "migrate", "restore_dwh", "schema_is_current"]

MIGRATIONS = Path(__file__).parent / "migrations"


def _config(dsn: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["dsn"] = dsn
    return config


def migrate(dsn: str) -> None:
    """Bring the warehouse to the newest schema: tables by Alembic; seeds, comments, marts and rights each time."""
    command.upgrade(_config(dsn), "head")
    with connect(dsn) as conn:
        seed(conn)
        write_comments(conn)
        guard_months(conn)
        create_marts(conn)
        grant_reading(conn)


def restore_dwh(dsn: str) -> list[str]:
    """Make the tables of schema `dwh` that are missing, with their reference rows and all views; names of the tables.

    For a warehouse whose migrations are all there: they do not make a dropped table again. One transaction. Raises
    ConfigError when the schema is not the newest.
    """
    tables = [table for table in metadata.sorted_tables if table.schema == "dwh"]
    with engine(dsn).begin() as connection:
        connection.exec_driver_sql("select pg_advisory_xact_lock(hashtext('obzvon.migrate'))")
        _demand_newest(connection)
        there = set(sa.inspect(connection).get_table_names("dwh"))
        missing = [table for table in tables if table.name not in there]
        if missing:
            connection.exec_driver_sql("create schema if not exists dwh")
            metadata.create_all(connection, missing)
            conn = connection.connection.driver_connection
            assert isinstance(conn, psycopg.Connection)
            seed(conn)
            guard_months(conn)
            create_marts(conn)
            grant_reading(conn)
    return [str(table) for table in missing]


def _demand_newest(connection: sa.Connection) -> None:
    script = ScriptDirectory(str(MIGRATIONS))
    versions = {"version_table": "schema_version", "version_table_schema": "ops"}
    if MigrationContext.configure(connection, opts=versions).get_current_revision() != script.get_current_head():
        raise ConfigError("the warehouse has not the newest schema: run `python -m obzvon.warehouse.migrate DSN` first")


def engine(dsn: str) -> sa.Engine:
    """A SQLAlchemy engine for Alembic; the pipeline itself talks psycopg."""
    return sa.create_engine("postgresql+psycopg://", creator=lambda: connect(dsn), poolclass=sa.NullPool)


def schema_is_current(dsn: str) -> bool:
    """True when the tables in the database are those of `tables.py`, cut as they say: no migration is missing."""
    with engine(dsn).connect() as conn:
        options = {"version_table": "schema_version", "version_table_schema": "ops", "include_schemas": True}
        context = MigrationContext.configure(conn, opts=options | {"include_name": _Ours(conn).includes})
        return _cuts(conn) == _CUTS and not compare_metadata(context, metadata)


#: How tables are partitioned: what Alembic does not compare.
_CUTS = {
    str(table): cut for table in metadata.sorted_tables if (cut := table.dialect_options["postgresql"]["partition_by"])
}
_FOUND_CUTS = "select partrelid::regclass::text, pg_get_partkeydef(partrelid) from pg_partitioned_table"
_PARTITIONS = """
select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relispartition
"""
# A foreign key to a partitioned table has a shadow for each of its partitions.
_SHADOWS = """
select f.conname from pg_constraint f join pg_class c on c.oid = f.conrelid
where f.contype = 'f' and f.conparentid <> 0 and not c.relispartition
"""


def _cuts(conn: sa.Connection) -> dict[str, str]:
    return {str(table): str(cut) for table, cut in conn.exec_driver_sql(_FOUND_CUTS)}


class _Ours:
    """Our schemas without partitions: months come and go, and a partition is what its table is."""

    def __init__(self, conn: sa.Connection) -> None:
        self._partitions = {(schema, name) for schema, name in conn.exec_driver_sql(_PARTITIONS)}
        self._shadows = set(conn.exec_driver_sql(_SHADOWS).scalars())

    def includes(self, name: str | None, kind: str, parents: Mapping[str, str | None]) -> bool:
        if kind == "schema":
            return name in {"ops", "pii", "dwh", "mart"}
        if kind == "foreign_key_constraint":
            return name not in self._shadows
        return kind != "table" or (parents["schema_name"], name) not in self._partitions


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m obzvon.warehouse.migrate postgresql://user:password@host:port/warehouse")
    migrate(sys.argv[1])
