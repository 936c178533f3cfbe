"""Airflow connections for the readers of contact lists."""

from __future__ import annotations

from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from obzvon.contacts.sources.connections import Endpoint
from obzvon.errors import ConfigError
from obzvon_provider.hooks.vendor import account_of
from obzvon_provider.hooks.warehouse import dsn_of

__all__ = ["AirflowConnections"]


class AirflowConnections:
    """Looks up list sources: type postgres for queries, type http for endpoints."""

    def dsn(self, conn_id: str) -> str:
        """PostgreSQL connection string (libpq)."""
        return dsn_of(_connection(conn_id))

    def endpoint(self, conn_id: str) -> Endpoint:
        """Address and credentials; the extra key `headers` holds fixed headers."""
        account = account_of(_connection(conn_id))
        return Endpoint(account.base_url, account.login, account.password, account.options.get("headers") or {})


def _connection(conn_id: str) -> Connection:
    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise ConfigError(
            f"connection {conn_id!r} does not exist; create it in Airflow or correct `contacts.source.conn_id`"
        ) from None
