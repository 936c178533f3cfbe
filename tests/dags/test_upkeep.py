"""The DAGs that look after what campaigns have left: late rows, replays and retention."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.sdk.exceptions import ParamValidationError
from test_dags import parse


@pytest.fixture(scope="module")
def bag() -> DagBag:
    return parse()


@pytest.fixture(scope="module")
def late(bag: DagBag) -> DAG:
    return bag.dags["late_results"]


@pytest.fixture(scope="module")
def retention(bag: DagBag) -> DAG:
    return bag.dags["retention"]


@pytest.fixture(scope="module")
def replay(bag: DagBag) -> DAG:
    return bag.dags["replay"]


def test_late_results_come_every_morning_by_the_clock_of_moscow(late: DAG) -> None:
    assert (late.timetable.expression, str(late.timetable.timezone)) == ("40 5 * * *", "Europe/Moscow")


def test_retention_comes_every_night_and_a_failure_holds_nobody_back_who_asked(retention: DAG) -> None:
    assert (retention.timetable.expression, str(retention.timetable.timezone)) == ("20 4 * * *", "Europe/Moscow")
    assert {t.task_id: t.downstream_task_ids for t in retention.tasks} == {
        "retention": {"erased_again"},
        "erased_again": set(),
    }
    assert retention.get_task("erased_again").trigger_rule == "all_done"


def test_each_plan_is_pulled_delivered_and_audited_by_itself(late: DAG) -> None:
    assert {t.task_id: t.downstream_task_ids for t in late.tasks} == {
        "plans": {"plan.pull", "plan.deliver", "plan.audit"},
        "plan.pull": {"plan.deliver"},
        "plan.deliver": {"plan.audit"},
        "plan.audit": set(),
    }
    mapped = [late.get_task(f"plan.{name}") for name in ("pull", "deliver", "audit")]
    assert {task.max_active_tis_per_dagrun for task in mapped} == {4}
    assert all(next(iter(task.iter_mapped_task_groups())).group_id == "plan" for task in mapped)


def test_retries_and_deadlines(late: DAG, replay: DAG, retention: DAG) -> None:
    for task in (*late.tasks, *replay.tasks, *retention.tasks):
        assert task.retries == 2
        assert task.execution_timeout is not None
        assert task.execution_timeout <= timedelta(hours=12)


def test_a_replay_is_started_by_hand_with_dates(replay: DAG) -> None:
    assert replay.timetable.can_be_scheduled is False
    given = {"from": "2026-11-01", "to": "2026-11-03"}
    assert answered(replay, given) == given | {"campaign": None}
    assert answered(replay, given | {"campaign": "spring"})["campaign"] == "spring"
    for wrong in ({"from": "yesterday"}, {"to": ""}, {"to": None}, {"campaign": "No Such Name"}):
        with pytest.raises(ParamValidationError):
            answered(replay, given | wrong)
    with pytest.raises(ParamValidationError):
        answered(replay, {"from": "2026-11-01"})


def answered(dag: DAG, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a run gets whose form was filled in so."""
    params = copy.deepcopy(dag.params)
    params.update(values)
    return dict(params.validate())
