"""The warehouse connection as a DSN."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from airflow.sdk import BaseHook, Connection

from obzvon.errors import ConfigError

__all__ = ["WarehouseHook", "dsn_of"]


def dsn_of(conn: Connection) -> str:
    """libpq URL of an Airflow connection of type postgres. A host that is a folder is a Unix socket."""
    if conn.conn_type not in {"postgres", "postgresql"}:
        raise ConfigError(f"connection {conn.conn_id} has type {conn.conn_type!r}; the warehouse is a postgres one")
    host = conn.host or ""
    options = {k: str(v) for k, v in conn.extra_dejson.items() if isinstance(v, str | int)}
    if host.startswith("/"):
        options["host"], host = host, ""
    user = quote(conn.login or "", safe="")
    secret = f":{quote(conn.password, safe='')}" if conn.password else ""
    port = f":{conn.port}" if conn.port else ""
    query = f"?{urlencode(options)}" if options else ""
    return f"postgresql://{user}{secret}@{host}{port}/{conn.schema or ''}{query}"


class WarehouseHook(BaseHook):
    """DSN of the warehouse. Own bulk load and errors: the provider's hook logs the values of rows it cannot insert."""

    conn_name_attr = "warehouse_conn_id"
    default_conn_name = "warehouse_default"

    def __init__(self, warehouse_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.warehouse_conn_id = warehouse_conn_id

    def dsn(self) -> str:
        """libpq URL, from a worker."""
        return dsn_of(self.get_connection(self.warehouse_conn_id))

    async def adsn(self) -> str:
        """libpq URL, from a trigger or an async operator."""
        return dsn_of(await self.aget_connection(self.warehouse_conn_id))
