"""Who wakes the marts, and how they run."""

from __future__ import annotations

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.common.sql.operators.sql import SQLTableCheckOperator
from airflow.sdk import DAG
from test_dags import parse

ATTEMPTS = "obzvon_attempts"
#: Every task that writes attempts or what became of them at Qolio.
WAKES = {
    "campaign__demo_dialog": {"batch.collect", "doubt.collect", "deliver", "doubt.deliver"},
    "campaign__demo_twin": {"batch.collect", "doubt.collect", "deliver", "doubt.deliver"},
    "late_results": {"plan.pull", "plan.deliver"},
    "qa_scores": {"account.reviews", "missing", "resend"},
    "replay": {"replay"},
    "vendor_events": {"move"},
}


@pytest.fixture(scope="module")
def bag() -> DagBag:
    return parse()


@pytest.fixture(scope="module")
def marts(bag: DagBag) -> DAG:
    return bag.dags["marts"]


def test_marts_follow_the_attempts(marts: DAG) -> None:
    assert [asset.name for asset in marts.timetable.asset_condition.objects] == [ATTEMPTS]
    # it dials nobody and writes sums only, so nobody has to switch it on first
    assert marts.is_paused_upon_creation is False


def test_every_task_that_writes_attempts_wakes_the_marts(bag: DagBag) -> None:
    wakes = {
        dag_id: {task.task_id for task in dag.tasks if ATTEMPTS in {outlet.name for outlet in task.outlets}}
        for dag_id, dag in bag.dags.items()
    }
    assert {dag_id: tasks for dag_id, tasks in wakes.items() if tasks} == WAKES


def test_one_refresh_at_a_time_that_is_tried_again(marts: DAG) -> None:
    task = marts.get_task("refresh")
    assert (task.task_id, task.retries, marts.max_active_runs) == ("refresh", 2, 1)
    assert task.execution_timeout is not None
    assert marts.params["full"] is False


def test_the_contracts_are_checked_after_every_refresh(marts: DAG) -> None:
    assert {task.task_id: task.downstream_task_ids for task in marts.tasks} == {"refresh": {"check"}, "check": set()}
    check = marts.get_task("check")
    assert isinstance(check, SQLTableCheckOperator)
    assert (check.trigger_rule, check.retries, check.days) == ("all_success", 2, 35)
