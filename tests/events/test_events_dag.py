"""The DAG that brings events into the warehouse: a worker while they come, a trigger while none do."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException, TaskDeferred
from event_bodies import ended, rung, twin_plan
from receiving import Post, inbox_of, receiver

from obzvon.warehouse.db import connect
from obzvon_provider.operators.events import EventsOperator
from obzvon_provider.triggers.events import EventsTrigger, InboxEvent

ROOT = Path(__file__).resolve().parents[2]
FACTS = "select vendor_call_id from dwh.fact_call_attempt order by 1"


@pytest.fixture
def intent(conn: psycopg.Connection, warehouse_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", warehouse_dsn)
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_PHONE_SECRET", "a secret of at least thirty-two characters")
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_ARCHIVE", str(tmp_path))
    return twin_plan(conn, 5)


def operator(minutes: float = 5) -> EventsOperator:
    return EventsOperator(task_id="move", minutes=minutes, quiet=0.05, pace=0)


async def posted(dsn: str, *bodies: bytes) -> None:
    inbox = inbox_of(dsn)
    for body in bodies:
        assert await Post(body).send(receiver(inbox)) == 200
    await inbox.close()


async def first(trigger: EventsTrigger) -> InboxEvent:
    async for event in trigger.run():
        return InboxEvent.model_validate(event.payload)
    raise AssertionError("the trigger ended without an event")


async def test_events_are_loaded_until_it_is_quiet_and_the_next_ones_wake_it(
    intent: str, conn: psycopg.Connection, warehouse_dsn: str
) -> None:
    await posted(warehouse_dsn, rung(ended(1)), rung(ended(2, 2)))
    move = operator()
    with pytest.raises(TaskDeferred) as deferred:
        await asyncio.to_thread(move.execute, {})
    assert conn.execute(FACTS).fetchall() == [("k1",), ("k2",)]
    conn.commit()
    trigger = deferred.value.trigger
    assert isinstance(trigger, EventsTrigger)
    assert (deferred.value.method_name, trigger.loaded) == ("resume", 2)
    waiting = asyncio.create_task(first(EventsTrigger(**trigger.serialize()[1])))
    await posted(warehouse_dsn, rung(ended(3, 3)))
    said = await waiting
    assert (said.status, said.loaded) == ("come", 2)
    over = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    assert await asyncio.to_thread(move.resume, {}, said.model_dump(mode="json"), deadline=over) == 3
    assert len(conn.execute(FACTS).fetchall()) == 3


async def test_a_run_without_calls_is_skipped_and_wakes_no_other_dag(intent: str, warehouse_dsn: str) -> None:
    await posted(warehouse_dsn, b'{"event":"CANDIDATE_CHANGED"}')
    with pytest.raises(AirflowSkipException):
        await asyncio.to_thread(operator(minutes=0).execute, {})
    over = await first(EventsTrigger((datetime.now(UTC) - timedelta(seconds=1)).isoformat(), 0, "warehouse_default"))
    assert over.status == "over"


async def test_a_warehouse_that_is_away_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", "postgresql://nobody@127.0.0.1:9/none")
    monkeypatch.setattr("obzvon_provider.triggers.events.LOOK_EVERY", 0.01)
    soon = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
    said = await first(EventsTrigger(soon, 0, "warehouse_default"))
    assert (said.status, said.error) == ("failed", "warehouse: OperationalError")
    with pytest.raises(AirflowException, match="warehouse: OperationalError"):
        operator().resume({}, said.model_dump(mode="json"), deadline=soon)


@pytest.mark.parametrize("event", [None, {}, {"status": "come", "extra": 1}])
def test_an_event_that_is_not_understood_never_means_success(event: Any) -> None:
    with pytest.raises(AirflowFailException):
        operator().resume({}, event, deadline="2031-01-01T00:00:00+00:00")


def test_a_page_that_cannot_be_loaded_fails_the_task_after_the_others(
    intent: str, conn: psycopg.Connection, warehouse_dsn: str
) -> None:
    asyncio.run(posted(warehouse_dsn, rung(ended(1))))
    with pytest.raises(TaskDeferred):
        operator().execute({})
    conn.execute("update ops.raw_archive set loaded_at = null, sha256 = repeat('0', 64)")
    conn.commit()
    asyncio.run(posted(warehouse_dsn, rung(ended(2, 2))))
    with pytest.raises(AirflowFailException, match="sha256 differs"):
        operator().execute({})
    assert len(conn.execute(FACTS).fetchall()) == 2


def test_two_tasks_do_not_move_at_once(intent: str, warehouse_dsn: str) -> None:
    with connect(warehouse_dsn) as other:
        other.execute("select pg_advisory_lock(hashtextextended('obzvon.events', 0))")
        with pytest.raises(AirflowException, match="another task"):
            operator().execute({})


def test_the_dag_runs_on_and_on_one_at_a_time_and_is_switched_on_by_a_person() -> None:
    bag = DagBag(ROOT / "dags" / "vendor_events.py", bundle_path=ROOT / "dags")
    assert not bag.import_errors
    dag = bag.dags["vendor_events"]
    assert (type(dag.timetable).__name__, dag.max_active_runs) == ("ContinuousTimetable", 1)
    assert dag.is_paused_upon_creation is True
    (task,) = dag.tasks
    assert (task.retries, task.owner, task.execution_timeout) == (2, "obzvon", None)
    assert [asset.name for asset in task.outlets] == ["obzvon_attempts"]
