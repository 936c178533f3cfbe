"""Alembic environment: the DSN comes from `obzvon.warehouse.migrate`, the schema from `tables.metadata`."""

from __future__ import annotations

from alembic import context

from obzvon.warehouse.migrate import engine
from obzvon.warehouse.tables import metadata

with engine(context.config.attributes["dsn"]).connect() as connection:
    connection.exec_driver_sql("create schema if not exists ops")
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_schemas=True,
        version_table="schema_version",
        version_table_schema="ops",
        # two deployments at once: the second waits for the first
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        connection.exec_driver_sql("select pg_advisory_xact_lock(hashtext('obzvon.migrate'))")
        context.run_migrations()
