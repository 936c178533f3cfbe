"""The sensor believes only an event that is exactly as expected; the trigger carries ids and an absolute deadline."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowException, TaskDeferred
from launching import PLAN, forced, plan_of

from obzvon_provider.sensors.report import WaitSensor
from obzvon_provider.triggers.report import ReportTrigger

CONTEXT: Any = {"run_id": "run-1"}


@pytest.fixture
def sensor(warehouse_dsn: str, monkeypatch: pytest.MonkeyPatch) -> WaitSensor:
    info = psycopg.conninfo.conninfo_to_dict(warehouse_dsn)
    uri = {"conn_type": "postgres", "host": info["host"], "login": info["user"], "schema": info["dbname"]}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", json.dumps(uri))
    return WaitSensor(task_id="wait", plan_id=PLAN, batch_no=0)


@pytest.fixture
def running(conn: psycopg.Connection) -> list[str]:
    keys = plan_of(conn, contacts=1, intents=2)
    forced(conn, "update ops.campaign_intent set state = 'running', vendor_task_id = intent_id")
    conn.commit()
    return keys


def test_nothing_to_wait_for_is_success_at_once(sensor: WaitSensor, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=1)
    assert sensor.execute(CONTEXT) == {"complete": 0, "partial": 0}


def test_the_deferral_carries_ids_and_a_deadline_from_the_ledger(sensor: WaitSensor, running: list[str]) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute(CONTEXT)
    _, kwargs = deferred.value.trigger.serialize()
    deadline = datetime(2031, 5, 20, 23, tzinfo=UTC)  # six hours after the window's end
    assert kwargs == {
        "plan_id": PLAN,
        "batch_no": 0,
        "deadline": deadline.isoformat(),
        "warehouse_conn_id": "warehouse_default",
    }
    assert isinstance(deferred.value.timeout, timedelta)
    assert ReportTrigger(**kwargs).serialize() == deferred.value.trigger.serialize()


def test_verdicts_are_noted_in_the_ledger(
    sensor: WaitSensor, running: list[str], conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = {"conn_type": "dialog", "host": "http://127.0.0.1:9", "extra": {"token": "t"}}
    monkeypatch.setenv("AIRFLOW_CONN_DIALOG_DEFAULT", json.dumps(dialog))
    event = {"version": 1, "status": "done", "verdicts": {running[0]: "complete", running[1]: "partial"}, "error": None}
    assert sensor.resume(CONTEXT, event) == {"complete": 1, "partial": 1}
    rows = conn.execute("select state, completeness from ops.campaign_intent order by chunk_no").fetchall()
    assert rows == [("collecting", "complete"), ("collecting", "partial")]
    stops = conn.execute("select stop_cause, stop_outcome from ops.campaign_intent order by chunk_no").fetchall()
    assert stops == [(None, None), ("the deadline came", "not_possible")]
    conn.commit()
    assert sensor.resume(CONTEXT, event)  # resuming twice changes nothing


@pytest.mark.parametrize(
    "event",
    [
        None,
        {},
        {"status": "success"},
        {"version": 2, "status": "done", "verdicts": {}},
        {"status": "done", "verdicts": {"a": "probably"}},
        {"status": "done", "verdicts": {}, "phone": "x"},
        {"status": "failed", "error": "dialog: log in: login or password is wrong"},
    ],
)
def test_any_other_event_fails_and_moves_nothing(
    sensor: WaitSensor, running: list[str], conn: psycopg.Connection, event: dict[str, Any] | None
) -> None:
    with pytest.raises(AirflowException):
        sensor.resume(CONTEXT, event)
    assert conn.execute("select distinct state from ops.campaign_intent").fetchall() == [("running",)]


async def test_the_trigger_notices_that_its_own_campaign_is_stopped(
    sensor: WaitSensor, running: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = {"conn_type": "dialog", "host": "http://127.0.0.1:9", "extra": {"token": "t", "poll_seconds": 0.5}}
    monkeypatch.setenv("AIRFLOW_CONN_DIALOG_DEFAULT", json.dumps(dialog))
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_KILL_SWITCH", "only other_campaign, test_campaign")
    trigger = ReportTrigger(PLAN, 0, datetime(2031, 5, 20, 23, tzinfo=UTC).isoformat(), "warehouse_default")
    (event,) = [event async for event in trigger.run()]
    assert event.payload == {"version": 1, "status": "kill_switch", "verdicts": {}, "error": None}
