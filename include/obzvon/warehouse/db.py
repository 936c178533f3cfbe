"""Connections to the warehouse and its migrations."""

from __future__ import annotations

from pathlib import Path

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from obzvon.warehouse.marts import create_marts
from obzvon.warehouse.seeds import seed
from obzvon.warehouse.tables import metadata

__all__ = ["connect", "connect_async", "migrate", "schema_is_current"]

MIGRATIONS = Path(__file__).parent / "migrations"


def connect(dsn: str) -> psycopg.Connection:
    """A synchronous connection; sessions run in UTC."""
    return psycopg.connect(dsn, options="-c timezone=UTC", application_name="obzvon")


async def connect_async(dsn: str) -> psycopg.AsyncConnection:
    """An asynchronous connection; sessions run in UTC."""
    return await psycopg.AsyncConnection.connect(dsn, options="-c timezone=UTC", application_name="obzvon")


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
