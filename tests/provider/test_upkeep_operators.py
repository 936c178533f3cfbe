"""The operators of `replay` and `late_results`, over connections and variables as Airflow gives them."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from days import DAYS, Days, contents
from launching import forced

from obzvon.ledger.keys import plan_id
from obzvon.sandbox.process import running_sandbox
from obzvon.vendors.dialog import Dialog
from obzvon_provider.operators.late import LateOperator, LatePlansOperator
from obzvon_provider.operators.replay import ReplayOperator

SECRET = "a secret of at least thirty-two characters"
PARAMS = {"from": DAYS[0].isoformat(), "to": DAYS[1].isoformat(), "campaign": None}


def context(**params: Any) -> Any:
    run = SimpleNamespace(run_after=datetime(2026, 11, 3, 2, 40, tzinfo=UTC))
    return {"params": PARAMS | params, "run_id": "run-1", "dag_run": run}


@pytest.fixture
def days(warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
    days = Days(warehouse_dsn, conn, tmp_path)
    days.dialer = Dialog
    days.plan(DAYS[0])
    where = urlsplit(warehouse_dsn)
    extra = {name: values[0] for name, values in parse_qs(where.query).items()}
    warehouse = {"conn_type": "postgres", "login": where.username, "schema": where.path[1:], "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", json.dumps(warehouse))
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_PHONE_SECRET", SECRET)
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_ARCHIVE", str(days.archive.root))
    return days


async def test_replay_gives_sums_and_fails_when_a_plan_cannot_be_rebuilt(days: Days) -> None:
    call = {"phone_number": "+79160000001", "call_start": f"{DAYS[0]}T12:00:00+03:00", "status": "Разговор"}
    await days.pull(DAYS[0], "collect", [{"columns": [], "data": [call], "count": 1}])
    days.run("drop schema dwh cascade")
    result = ReplayOperator(task_id="replay").execute(context())
    assert result == {
        "plans": 1, "contacts": 3, "pulls": 1, "rows": 1, "inserted": 1, "updated": 0, "quarantined": 0,
    }  # fmt: skip
    assert len(contents(days.dsn)["dwh.fact_call_attempt"]) == 1
    for page in days.archive.root.glob("**/*.zst"):
        page.unlink()
    with pytest.raises(AirflowFailException, match="1 of 1 plans could not be rebuilt"):
        ReplayOperator(task_id="replay").execute(context())


def test_a_replay_of_nothing_fails_with_one_sentence(days: Days) -> None:
    with pytest.raises(AirflowFailException, match="no plan of campaign spring with a call date from 2031"):
        ReplayOperator(task_id="replay").execute(context(campaign="spring"))


def test_late_plans_are_ids_to_map_over(days: Days) -> None:
    assert LatePlansOperator(task_id="plans").execute(context()) == []
    recent = "update ops.campaign_intent set state = 'final', window_end_utc = now() - interval '1 hour'"
    forced(days.conn, recent)
    days.conn.commit()
    assert LatePlansOperator(task_id="plans").execute(context()) == [plan_id("test_campaign", DAYS[0])]


def test_a_late_pull_asks_the_vendor_through_the_plans_own_connection(
    days: Days, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sandbox refuses a report of a project it does not know; nothing is recorded."""
    recent = "update ops.campaign_intent set state = 'final', window_end_utc = %s, vendor_task_id = '77'"
    forced(days.conn, recent, (datetime.now(UTC) - timedelta(hours=1),))
    days.conn.commit()
    (tmp_path / "sandbox").mkdir()
    with running_sandbox(tmp_path / "sandbox") as sandbox:
        conn = {
            "conn_type": "dialog", "host": f"{sandbox.base_url}/dialog", "login": "robot@obzvon.example",
            "password": "sandbox-dialog-password", "extra": {"platform_timezone": "Asia/Yekaterinburg"},
        }  # fmt: skip
        monkeypatch.setenv("AIRFLOW_CONN_DIALOG_DEFAULT", json.dumps(conn))
        late = LateOperator(task_id="pull", plan_id=plan_id("test_campaign", DAYS[0]))
        with pytest.raises(AirflowException, match=r"dialog: read a report: the vendor refused it \(HTTP 422\)"):
            asyncio.run(late.aexecute(context()))
    assert days.conn.execute("select from ops.raw_archive").fetchall() == []
