"""The DAG of what comes back from Qolio."""

from __future__ import annotations

import copy
from datetime import timedelta

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import ParamValidationError
from test_dags import parse


@pytest.fixture(scope="module")
def scores() -> DAG:
    return parse().dags["qa_scores"]


def test_it_comes_every_morning_after_the_late_results(scores: DAG) -> None:
    assert (scores.timetable.expression, str(scores.timetable.timezone)) == ("20 7 * * *", "Europe/Moscow")


def test_each_connection_is_looked_at_by_itself_and_what_is_missing_is_sent_again(scores: DAG) -> None:
    of_account = {f"account.{name}" for name in ("operators", "verify", "reviews")}
    assert {task.task_id: task.downstream_task_ids for task in scores.tasks} == {
        "accounts": of_account,
        **{name: {"missing", "closed"} for name in of_account},
        "missing": {"resend"},
        "resend": {"closed"},
        "closed": set(),
    }
    for name in of_account:
        assert next(iter(scores.get_task(name).iter_mapped_task_groups())).group_id == "account"
    assert scores.get_task("resend").max_active_tis_per_dagrun == 4


def test_a_finding_keeps_nothing_from_being_sent_again_and_leaves_the_run_red(scores: DAG) -> None:
    assert scores.get_task("missing").trigger_rule == "all_done"
    # nothing to send again, or no connection with a login, is skipped: that is no failure
    assert scores.get_task("closed").trigger_rule == "none_failed"
    assert [task.task_id for task in scores.leaves] == ["closed"]


def test_retries_and_deadlines(scores: DAG) -> None:
    for task in scores.tasks:
        assert task.retries == 2
        if task.task_id != "closed":
            assert task.execution_timeout is not None
            assert task.execution_timeout <= timedelta(hours=4)


def test_the_days_of_reviews_are_a_param_that_refuses_nonsense(scores: DAG) -> None:
    assert scores.params["days"] == 30
    assert answered(scores, 365) == 365
    for wrong in (0, 4000, "ten", None):
        with pytest.raises(ParamValidationError):
            answered(scores, wrong)


def answered(dag: DAG, days: object) -> object:
    """The days that a run gets whose form was filled in so."""
    params = copy.deepcopy(dag.params)
    params.update({"days": days})
    return params.validate()["days"]
