"""`python -m obzvon.warehouse.migrate DSN`: bring a warehouse to the newest schema."""

from __future__ import annotations

import sys
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from obzvon.warehouse.db import connect
from obzvon.warehouse.marts import create_marts
from obzvon.warehouse.seeds import seed
from obzvon.warehouse.tables import metadata

__all__ = ["engine", "migrate", "schema_is_current"]

MIGRATIONS = Path(__file__).parent / "migrations"


def _config(dsn: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["dsn"] = dsn
    return config


def migrate(dsn: str) -> None:
    """Bring the warehouse to the newest schema: tables by Alembic, then seeds and marts, replayed each time."""
    command.upgrade(_config(dsn), "head")
    with connect(dsn) as conn:
        seed(conn)
        create_marts(conn)


def engine(dsn: str) -> sa.Engine:
    """A SQLAlchemy engine for Alembic; the pipeline itself talks psycopg."""
    return sa.create_engine("postgresql+psycopg://", creator=lambda: connect(dsn), poolclass=sa.NullPool)


def schema_is_current(dsn: str) -> bool:
    """True when the tables in the database are those of `tables.py`: no migration is missing."""
    with engine(dsn).connect() as conn:
        versions = {"version_table": "schema_version", "version_table_schema": "ops"}
        context = MigrationContext.configure(conn, opts={"include_schemas": True, "include_name": _ours, **versions})
        return not compare_metadata(context, metadata)


def _ours(name: str | None, kind: str, parents: object) -> bool:
    return kind != "schema" or name in {"ops", "pii", "dwh"}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m obzvon.warehouse.migrate postgresql://user:password@host:port/warehouse")
    migrate(sys.argv[1])
