"""Connections to the warehouse. Light: every task start imports this module."""

from __future__ import annotations

from datetime import datetime

import psycopg

__all__ = ["connect", "connect_async", "database_time"]


def connect(dsn: str) -> psycopg.Connection:
    """A synchronous connection; sessions run in UTC."""
    return psycopg.connect(dsn, options="-c timezone=UTC", application_name="obzvon")


async def connect_async(dsn: str) -> psycopg.AsyncConnection:
    """An asynchronous connection; sessions run in UTC."""
    return await psycopg.AsyncConnection.connect(dsn, options="-c timezone=UTC", application_name="obzvon")


async def database_time(conn: psycopg.AsyncConnection) -> datetime:
    """The database's clock (UTC): it orders the events of different workers."""
    rows = await (await conn.execute("select clock_timestamp()")).fetchall()
    now: datetime = rows[0][0]
    return now
