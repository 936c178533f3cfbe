"""Connections of list sources from the environment, as JSON and as URI."""

from __future__ import annotations

import pytest

from obzvon.contacts.sources.environment import EnvironmentConnections
from obzvon.errors import ConfigError


def of(value: str) -> EnvironmentConnections:
    return EnvironmentConnections({"AIRFLOW_CONN_CRM": value})


@pytest.mark.parametrize(
    ("value", "dsn"),
    [
        (
            '{"conn_type": "postgres", "host": "db", "port": 5433, "login": "me", "password": "a/b", "schema": "crm"}',
            "postgresql://me:a%2Fb@db:5433/crm",
        ),
        ("postgresql://me:a%2Fb@db:5433/crm?sslmode=require", "postgresql://me:a%2Fb@db:5433/crm?sslmode=require"),
        (
            '{"conn_type": "postgres", "host": "/run/pg", "login": "me", "extra": "{\\"sslmode\\": \\"disable\\"}"}',
            "postgresql://me@/?sslmode=disable&host=%2Frun%2Fpg",
        ),
        ("postgres://me@%2Frun%2Fpg/crm", "postgresql://me@/crm?host=%2Frun%2Fpg"),
    ],
)
def test_a_database(value: str, dsn: str) -> None:
    assert of(value).dsn("crm") == dsn


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ('{"conn_type": "http", "host": "https://crm.example/api/"}', "https://crm.example/api"),
        ('{"conn_type": "http", "host": "crm.example", "schema": "http", "port": 8080}', "http://crm.example:8080"),
        ('{"conn_type": "http", "host": "crm.example/v1", "port": "8080"}', "https://crm.example:8080/v1"),
        ("http://me:pw@crm.example:8080/http", "http://crm.example:8080"),
    ],
)
def test_an_endpoint(value: str, address: str) -> None:
    assert of(value).endpoint("crm").base_url == address


def test_credentials_and_headers_of_an_endpoint() -> None:
    found = of(
        '{"conn_type": "http", "host": "c", "login": "me", "password": "pw", "extra": {"headers": {"X-Key": "k"}}}'
    ).endpoint("crm")
    assert (found.login, found.password, found.headers) == ("me", "pw", {"X-Key": "k"})


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "is not in the environment; set AIRFLOW_CONN_CRM"),
        ("{no json", "AIRFLOW_CONN_CRM is neither a JSON object nor a URI"),
        ("no uri", "AIRFLOW_CONN_CRM is neither a JSON object nor a URI"),
        ("mysql://me:secret@db/crm", "connection crm has type 'mysql'; a list that is a query needs a postgres one"),
    ],
)
def test_what_cannot_be_used_is_named_without_its_value(value: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        of(value).dsn("crm")
    assert said in str(error.value)
    assert "secret" not in str(error.value)
