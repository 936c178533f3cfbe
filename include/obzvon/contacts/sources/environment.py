"""Connections of list sources and vendors from `AIRFLOW_CONN_<ID>` variables, read without Airflow."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from obzvon.contacts.sources.connections import Endpoint
from obzvon.errors import ConfigError
from obzvon.vendors.account import Account

__all__ = ["EnvironmentConnections"]

_POSTGRES = {"postgres", "postgresql"}


@dataclass(frozen=True, slots=True)
class _Connection:
    """The parts of an Airflow connection; `kind` is its type."""

    conn_id: str
    kind: str
    host: str
    login: str | None
    password: str | None
    schema: str | None
    port: int | None
    extra: Mapping[str, Any]


class EnvironmentConnections:
    """Looks connections up in the environment. A value is a JSON object or a URI, as Airflow takes both."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment

    def dsn(self, conn_id: str) -> str:
        """PostgreSQL connection string (libpq). A host that is a folder is a Unix socket."""
        conn = self._find(conn_id)
        if conn.kind not in _POSTGRES:
            raise ConfigError(
                f"connection {conn_id} has type {conn.kind!r}; a list that is a query needs a postgres one"
            )
        options = {key: str(value) for key, value in conn.extra.items() if isinstance(value, str | int)}
        host = conn.host
        if host.startswith("/"):
            options["host"], host = host, ""
        secret = f":{quote(conn.password, safe='')}" if conn.password else ""
        port = f":{conn.port}" if conn.port else ""
        query = f"?{urlencode(options)}" if options else ""
        return f"postgresql://{quote(conn.login or '', safe='')}{secret}@{host}{port}/{conn.schema or ''}{query}"

    def endpoint(self, conn_id: str) -> Endpoint:
        """Address and credentials; the extra key `headers` holds fixed headers."""
        conn = self._find(conn_id)
        address = conn.host.rstrip("/")
        if "://" not in address:
            address = f"{conn.schema or 'https'}://{address}"
        if conn.port:
            scheme, _, rest = address.partition("://")
            name, slash, path = rest.partition("/")
            address = f"{scheme}://{name}:{conn.port}{slash}{path}"
        return Endpoint(address, conn.login, conn.password, conn.extra.get("headers") or {})

    def account(self, conn_id: str) -> Account:
        """A vendor's account. The extra key `token` is a ready token that replaces a login."""
        conn, address = self._find(conn_id), self.endpoint(conn_id).base_url
        options = dict(conn.extra)
        token = options.pop("token", None)
        return Account(address, conn.login, conn.password, token, options, conn_id)

    def _find(self, conn_id: str) -> _Connection:
        name = f"AIRFLOW_CONN_{conn_id.upper()}"
        value = self._environment.get(name)
        if not value:
            raise ConfigError(
                f"connection {conn_id!r} is not in the environment; set {name}, or plan in Airflow, which knows its "
                "own connections"
            )
        try:
            return _of_json(conn_id, json.loads(value)) if value.lstrip().startswith("{") else _of_uri(conn_id, value)
        except (ValueError, AttributeError):  # not `from error`: its text may quote the value
            raise ConfigError(f"{name} is neither a JSON object nor a URI of a connection; correct it") from None


def _of_json(conn_id: str, given: Mapping[str, Any]) -> _Connection:
    extra = given.get("extra") or {}
    return _Connection(
        conn_id,
        str(given.get("conn_type") or ""),
        str(given.get("host") or ""),
        given.get("login"),
        given.get("password"),
        given.get("schema"),
        int(given["port"]) if given.get("port") else None,
        json.loads(extra) if isinstance(extra, str) else extra,
    )


def _of_uri(conn_id: str, uri: str) -> _Connection:
    parts = urlsplit(uri)
    if not parts.scheme:
        raise ValueError("no scheme")
    query = dict(parse_qsl(parts.query))
    extra = json.loads(query["__extra__"]) if "__extra__" in query else query
    return _Connection(
        conn_id,
        parts.scheme.replace("-", "_"),
        unquote(parts.hostname or ""),
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        unquote(parts.path.removeprefix("/")) or None,
        parts.port,
        extra,
    )
