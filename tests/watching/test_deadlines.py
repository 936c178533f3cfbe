"""A nightly run that is not over in time is told: by Airflow's deadline, its callback and our channels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.dagbag import DBDagBag
from airflow.models.dagbundle import DagBundleModel
from airflow.models.deadline import Deadline
from airflow.models.serialized_dag import SerializedDagModel
from airflow.sdk.definitions.deadline import DagRunQueuedAtDeadline
from airflow.serialization.definitions.dag import SerializedDAG
from airflow.serialization.serialized_objects import DagSerialization, LazyDeserializedDAG
from airflow.triggers.callback import CallbackTrigger
from airflow.utils import db
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select
from watching.listeners import listening

from obzvon.watching.rules import MISSED_DEADLINE

ROOT = Path(__file__).resolve().parents[2]
HOURS = {"late_results": 6, "retention": 6, "qa_scores": 5, "marts": 3}
QUEUED = datetime(2031, 5, 20, 2, 40, tzinfo=UTC)
#: What Airflow 3.3 gives the callback of a deadline.
CONTEXT = {"dag_run": {"dag_id": "late_results", "dag_run_id": "scheduled__1"}, "deadline": {"id": "1"}}


@pytest.fixture(scope="module")
def bag() -> DagBag:
    return DagBag(ROOT / "dags", bundle_path=ROOT / "dags")


@pytest.mark.parametrize(("dag_id", "hours"), HOURS.items())
def test_nightly_runs_have_deadlines_that_airflow_keeps(bag: DagBag, dag_id: str, hours: int) -> None:
    (alert,) = bag.dags[dag_id].deadline
    assert isinstance(alert.reference, DagRunQueuedAtDeadline)
    assert (alert.interval, alert.name) == (timedelta(hours=hours), MISSED_DEADLINE.name)
    kept = DagSerialization.to_dict(bag.dags[dag_id])
    assert alert.callback.path in str(kept)


def test_airflow_notes_the_deadline_of_a_run_and_hands_a_missed_one_to_the_triggerer(
    bag: DagBag, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.initdb()
    dag = LazyDeserializedDAG.from_dag(bag.dags["late_results"])
    with create_session() as session:
        session.merge(DagBundleModel(name="obzvon"))
        session.flush()
        SerializedDAG.bulk_write_to_db("obzvon", None, [dag], session=session)
        SerializedDagModel.write_dag(dag, bundle_name="obzvon", session=session)
        session.flush()
        known = DBDagBag().get_latest_version_of_dag("late_results", session=session)
        assert known is not None
        run = known.create_dagrun(
            run_id="manual__1", run_after=QUEUED, run_type=DagRunType.MANUAL, triggered_by=DagRunTriggeredByType.TEST,
            state=DagRunState.QUEUED, session=session,
        )  # fmt: skip
        session.flush()
        (deadline,) = session.scalars(select(Deadline).where(Deadline.dagrun_id == run.id)).all()
        assert deadline.deadline_time == run.queued_at + timedelta(hours=HOURS["late_results"])
        deadline.handle_miss(session)
        session.flush()
        trigger = deadline.callback.trigger
        path, kwargs = trigger.classpath, trigger.kwargs
        session.rollback()
    assert path == f"{CallbackTrigger.__module__}.{CallbackTrigger.__qualname__}"
    assert kwargs["callback_path"].endswith("missed_deadline")
    assert kwargs["callback_kwargs"]["context"]["dag_run"]["dag_id"] == "late_results"


async def test_the_triggerer_s_callback_tells_every_channel(monkeypatch: pytest.MonkeyPatch, bag: DagBag) -> None:
    (alert,) = bag.dags["late_results"].deadline
    entries = "email mail duty@example.org; telegram bot -100123; webhook pager"
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_ALERT_CHANNELS", entries)
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_DOCS_URL", "https://docs.example/obzvon/")
    async with listening(monkeypatch) as heard:
        trigger = CallbackTrigger(alert.callback.path, {**alert.callback.kwargs, "context": CONTEXT})
        events: list[Any] = [event.payload async for event in trigger.run()]
    assert [event["state"] for event in events] == ["running", "success"]
    (hook,) = heard.hooks()
    assert (hook["alert"], hook["subject"]) == (MISSED_DEADLINE.name, "late_results")
    assert hook["runbook"] == "https://docs.example/obzvon/runbooks/missed_deadline/"
    assert MISSED_DEADLINE.cure in heard.chats()[0]["text"]
    assert heard.letters() == ["[error] missed_deadline (late_results)"]


async def test_without_channels_it_is_a_line_of_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, bag: DagBag
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_ALERT_CHANNELS", "")
    (alert,) = bag.dags["late_results"].deadline
    events = [event.payload async for event in CallbackTrigger(alert.callback.path, {"context": CONTEXT}).run()]
    assert events[-1]["state"] == "success"
    assert "docs/runbooks/missed_deadline.md" in caplog.text
