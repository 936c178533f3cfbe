"""Connections to the warehouse. Light: every task start imports this module."""

from __future__ import annotations

import psycopg

__all__ = ["connect", "connect_async"]


def connect(dsn: str) -> psycopg.Connection:
    """A synchronous connection; sessions run in UTC."""
    return psycopg.connect(dsn, options="-c timezone=UTC", application_name="obzvon")


async def connect_async(dsn: str) -> psycopg.AsyncConnection:
    """An asynchronous connection; sessions run in UTC."""
    return await psycopg.AsyncConnection.connect(dsn, options="-c timezone=UTC", application_name="obzvon")
