"""The operator of the marts, over the connection as Airflow gives it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowException
from days import DAYS, Days

from obzvon_provider.operators.marts import MartsOperator


def context(**params: Any) -> Any:
    return {"params": params, "run_id": "run-1", "dag_run": SimpleNamespace()}


def connected(monkeypatch: pytest.MonkeyPatch, dsn: str) -> None:
    where = urlsplit(dsn)
    extra = {name: values[0] for name, values in parse_qs(where.query).items()}
    warehouse = {"conn_type": "postgres", "login": where.username, "schema": where.path[1:], "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", json.dumps(warehouse))


async def test_it_refreshes_what_changed_and_all_plans_when_asked(
    warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected(monkeypatch, warehouse_dsn)
    days = Days(warehouse_dsn, conn, tmp_path)
    for day in DAYS[:2]:
        days.plan(day)
        await days.pull(day, "collect", [days.call(day, 1, 1)])
    task = MartsOperator(task_id="refresh")
    assert task.execute(context(full=False))["plans"] == 2
    assert task.execute(context(full=False)) == {"plans": 0, "changes": 0, "rows": 0}
    assert task.execute(context(full=True))["plans"] == 2
    attempts = "select sum(attempts) from mart.v_attempt_kpi_daily"
    assert conn.execute(attempts).fetchone() == (2,)


def test_a_warehouse_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch, warehouse_dsn: str) -> None:
    connected(monkeypatch, warehouse_dsn.replace("warehouse_", "nowhere_"))
    with pytest.raises(AirflowException, match=r"^warehouse: OperationalError"):
        MartsOperator(task_id="refresh").execute(context())
