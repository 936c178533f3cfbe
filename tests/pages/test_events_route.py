"""The receiver where Airflow mounts it: no login, a warehouse of a connection, and a secret that no log shows."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

SECRET = "a-secret-of-the-address-0123456789-abcdef"


@pytest.fixture
def client(airflow_app: Any, warehouse_dsn: str, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    twin = {"conn_type": "twin", "host": "https://twin24.ai", "extra": {"webhook_secret": SECRET}}
    monkeypatch.setenv("AIRFLOW_CONN_TWIN_EVENTS", json.dumps(twin))
    monkeypatch.setenv("AIRFLOW_CONN_NOT_A_VENDOR", json.dumps({**twin, "conn_type": "http"}))
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", warehouse_dsn)
    return TestClient(airflow_app, client=("87.251.83.190", 5000), raise_server_exceptions=False)


class Lines:
    """Airflow's log of requests, kept."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []

    def info(self, text: str, **values: Any) -> None:
        self.said.append(values)


def test_an_event_needs_no_login_and_leaves_no_secret_in_the_log(
    client: TestClient, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Lines()
    monkeypatch.setattr("airflow.api_fastapi.common.http_access_log.logger", log)
    with client:
        assert client.post(f"/obzvon-events/twin_events/{SECRET}", content=b'{"event":"X"}').status_code == 200
        assert client.post(f"/obzvon-events/twin_events/{SECRET}x", content=b"{}").status_code == 404
        assert client.post(f"/obzvon-events/not_a_vendor/{SECRET}", content=b"{}").status_code == 404
        assert client.get(f"/obzvon-events/twin_events/{SECRET}").status_code == 404
    assert conn.execute("select vendor_code, conn_id, body from pii.vendor_event").fetchall() == [
        ("twin", "twin_events", b'{"event":"X"}')
    ]
    assert [line["path"] for line in log.said][:2] == ["/obzvon-events/twin_events/***"] * 2
    assert SECRET not in str(log.said)
    assert len(log.said) == 4
