"""Connections become plain values; the forms and hooks of every vendor are there for Airflow."""

from __future__ import annotations

import importlib
import json

import psycopg
import pytest
from airflow.sdk import Connection

from obzvon.errors import ConfigError
from obzvon.vendors.registry import dialer_classes
from obzvon_provider.hooks.vendor import VendorHook, account_of
from obzvon_provider.hooks.warehouse import dsn_of
from obzvon_provider.provider_info import get_provider_info


def connection(**fields: object) -> Connection:
    extra = json.dumps(fields.pop("extra", {}))
    return Connection(conn_id="c", conn_type=str(fields.pop("conn_type", "dialog")), extra=extra, **fields)


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"host": "https://ai-assistant.is74.ru"}, "https://ai-assistant.is74.ru"),
        ({"host": "ai-assistant.is74.ru"}, "https://ai-assistant.is74.ru"),
        ({"host": "dialer.local", "schema": "http", "port": 8000}, "http://dialer.local:8000"),
        ({"host": "http://127.0.0.1/dialog", "port": 8000}, "http://127.0.0.1:8000/dialog"),
        ({"host": "http://127.0.0.1:8000/dialog/"}, "http://127.0.0.1:8000/dialog"),
        ({"host": "http://127.0.0.1:8000/dialog", "port": 443}, "http://127.0.0.1:8000/dialog"),
        ({"host": "http://[::1]/dialog", "port": 8000}, "http://[::1]:8000/dialog"),
    ],
)
def test_the_address_is_the_connections(fields: dict[str, object], url: str) -> None:
    assert account_of(connection(**fields)).base_url == url


def test_a_ready_token_is_not_an_option_and_never_shown() -> None:
    account = account_of(connection(host="h", extra={"token": "tok-very-secret-1", "api_path": "/api"}))
    assert account.token == "tok-very-secret-1"
    assert dict(account.options) == {"api_path": "/api"}
    assert "tok-very-secret-1" not in repr(account)


def test_the_warehouse_may_be_a_unix_socket_or_a_server() -> None:
    socket = connection(conn_type="postgres", host="/run/pg", login="u", schema="warehouse")
    server = connection(conn_type="postgres", host="db", port=5433, login="u", password="p@ss/w", schema="w",
                        extra={"sslmode": "require"})  # fmt: skip
    assert psycopg.conninfo.conninfo_to_dict(dsn_of(socket)) == {"user": "u", "dbname": "warehouse", "host": "/run/pg"}
    assert psycopg.conninfo.conninfo_to_dict(dsn_of(server)) == {
        "user": "u", "password": "p@ss/w", "dbname": "w", "host": "db", "port": "5433", "sslmode": "require",
    }  # fmt: skip


def test_another_connection_type_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="'mysql'"):
        dsn_of(connection(conn_type="mysql", host="h"))


def test_every_dialer_and_qolio_has_a_form_and_a_hook() -> None:
    types = {t["connection-type"]: t for t in get_provider_info()["connection-types"]}
    assert set(types) == {*dialer_classes(), "qolio"}
    for code, form in types.items():
        module, _, name = form["hook-class-name"].rpartition(".")
        hook = getattr(importlib.import_module(module), name)
        assert issubclass(hook, VendorHook)
        assert hook.conn_type == code
        assert form["hook-name"]


def test_an_unknown_hook_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="NobodyHook"):
        importlib.import_module("obzvon_provider.hooks.vendor").NobodyHook  # noqa: B018
