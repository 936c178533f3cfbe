"""The exact set of DAGs, what each promises, and how a broken campaign file shows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from pytest_socket import disable_socket, enable_socket

from obzvon.ledger.keys import CANARY_BATCH

ROOT = Path(__file__).resolve().parents[2]
EXPECTED = {
    "campaign__demo_dialog": None,
    "campaign__demo_twin": None,
    "late_results": "40 5 * * *",
    "marts": None,
    "qa_scores": "20 7 * * *",
    "replay": None,
    "retention": "20 4 * * *",
    "vendor_events": None,  # @continuous
    "watch": "* * * * *",
}
BATCH, DOUBT = ("launch", "wait", "collect"), ("settle", "launch", "wait", "collect", "deliver")
ONCE = ("plan", "approve", "deliver", "doubts", "settled", "audit")
STAGES = sorted([*ONCE, *(f"batch.{t}" for t in BATCH), *(f"doubt.{t}" for t in DOUBT)])


#: Tasks whose deadline is absolute and stands in their triggers; `settled` does nothing.
DEFERRED = {"approve", "batch.wait", "doubt.wait", "doubt.settle", "settled"}


@pytest.fixture
def no_sockets() -> Iterator[None]:
    disable_socket()
    yield
    enable_socket()


def parse() -> DagBag:
    return DagBag(ROOT / "dags", bundle_path=ROOT / "dags")


@pytest.fixture(scope="module")
def bag() -> DagBag:
    return parse()


@pytest.fixture(scope="module")
def campaigns(bag: DagBag) -> list[DAG]:
    found = [dag for dag_id, dag in bag.dags.items() if dag_id.startswith("campaign__")]
    assert found
    return found


@pytest.mark.usefixtures("no_sockets")
def test_parsing_needs_no_network() -> None:
    assert not parse().import_errors


def test_the_set_of_dags_and_their_schedules_is_exactly_this(bag: DagBag) -> None:
    assert not bag.import_errors
    crons = {dag_id: getattr(dag.timetable, "expression", None) for dag_id, dag in bag.dags.items()}
    assert crons == EXPECTED


def test_every_campaign_is_the_same_pipeline(campaigns: list[DAG]) -> None:
    for dag in campaigns:
        assert sorted(dag.task_ids) == STAGES
        after = {task.task_id: task.downstream_task_ids for task in dag.tasks}
        assert after == {
            "plan": {"approve", *(f"batch.{t}" for t in BATCH)},
            "approve": {*(f"batch.{t}" for t in BATCH), "doubts", "deliver", "audit", *(f"doubt.{t}" for t in DOUBT)},
            "batch.launch": {"batch.wait", "doubts"},
            "batch.wait": {"batch.collect"},
            "batch.collect": {"deliver"},
            "deliver": {"audit"},
            "doubts": {f"doubt.{t}" for t in DOUBT[:-1]},
            "doubt.settle": {"doubt.launch"},
            "doubt.launch": {"doubt.wait"},
            "doubt.wait": {"doubt.collect"},
            "doubt.collect": {"doubt.deliver"},
            "doubt.deliver": {"settled"},
            "settled": {"audit"},
            "audit": set(),
        }


def test_nothing_after_the_approval_runs_without_it(campaigns: list[DAG]) -> None:
    for dag in campaigns:
        after = {task.task_id for task in dag.get_task("approve").get_flat_relatives(upstream=False)}
        assert after == {*STAGES} - {"plan", "approve"}
        # a skipped or failed approval decides for them: none of their rules looks past it
        told = dag.get_task("approve").get_direct_relatives(upstream=False)
        special = {task.task_id: task.trigger_rule for task in told if task.trigger_rule != "all_success"}
        assert special == dict.fromkeys(("deliver", "doubts"), "all_done_min_one_success")


def test_what_waits_for_a_person_holds_back_no_other_stage(campaigns: list[DAG]) -> None:
    for dag in campaigns:
        after_doubt = {t.task_id for t in dag.get_task("doubt.settle").get_flat_relatives(upstream=False)}
        assert after_doubt == {*(f"doubt.{t}" for t in DOUBT[1:]), "settled", "audit"}


def test_no_doubt_or_a_failed_one_does_not_skip_the_audit(campaigns: list[DAG]) -> None:
    for dag in campaigns:
        assert dag.get_task("settled").trigger_rule == "all_done"
        assert dag.get_task("audit").trigger_rule == "all_success"
        assert {dag.get_task(t).trigger_rule for t in ("deliver", "doubts")} == {"all_done_min_one_success"}


def test_every_dag_has_the_settings_of_the_house(bag: DagBag) -> None:
    for dag in bag.dags.values():
        assert dag.catchup is False
        assert dag.max_active_runs == 1
        assert dag.doc_md
        assert "obzvon" in dag.tags
        assert all(task.owner not in {"airflow", ""} for task in dag.tasks)


def test_retries_and_deadlines(campaigns: list[DAG]) -> None:
    for dag in campaigns:
        # two for whatever acts or is deferred: a deferred task can fail by a race of the scheduler and must come again
        assert {t.task_id for t in dag.tasks if t.retries == 2} == {*STAGES} - {"plan", "settled"}
        assert {t.retries for t in dag.tasks} == {0, 2}
        hours = {t.task_id: t.execution_timeout for t in dag.tasks if t.task_id not in DEFERRED}
        assert all(limit is not None and limit <= timedelta(hours=4) for limit in hours.values())
        # an execution timeout would become the time that a person has for an answer
        assert {dag.get_task(t).execution_timeout for t in DEFERRED} == {None}


def test_the_call_date_is_a_param_that_refuses_nonsense(campaigns: list[DAG]) -> None:
    for dag in campaigns:
        assert dag.params["call_date"] is None
        schema = dag.params.get_param("call_date").schema
        assert schema["format"] == "date"


def file_with(folder: Path, **changes: Any) -> None:
    """One more campaign file, `mine`."""
    mine = yaml.safe_load((folder / "demo_dialog.yaml").read_text(encoding="utf-8"))
    mine |= {"name": "mine", **changes}
    (folder / "mine.yaml").write_text(yaml.safe_dump(mine, allow_unicode=True), encoding="utf-8")


@pytest.fixture
def own_campaigns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path in (ROOT / "include" / "campaigns").glob("*.yaml"):
        shutil.copy(path, tmp_path)
    monkeypatch.setenv("OBZVON_CAMPAIGNS", str(tmp_path))
    return tmp_path


def test_a_broken_file_is_an_import_error_and_leaves_the_others_alone(own_campaigns: Path) -> None:
    broken = yaml.safe_load((own_campaigns / "demo_dialog.yaml").read_text(encoding="utf-8"))
    broken |= {"name": "broken", "purpos": "survey"}
    (own_campaigns / "broken.yaml").write_text(yaml.safe_dump(broken, allow_unicode=True), encoding="utf-8")
    bag = parse()
    assert set(bag.dags) == set(EXPECTED)
    assert list(bag.import_errors) == ["campaign_files.py"]
    said = bag.import_errors["campaign_files.py"]
    assert "broken.yaml" in said
    assert "purpos" in said
    assert "purpose" in said


def test_a_new_file_is_a_new_dag_with_its_schedule(own_campaigns: Path) -> None:
    file_with(own_campaigns, schedule={"cron": "30 2 * * *", "timezone": "Asia/Omsk"})
    timetable = parse().dags["campaign__mine"].timetable
    assert (timetable.expression, str(timetable.timezone)) == ("30 2 * * *", "Asia/Omsk")


def test_a_canary_is_called_collected_and_judged_before_anybody_else(own_campaigns: Path) -> None:
    file_with(own_campaigns, canary={"contacts": 5})
    dag = parse().dags["campaign__mine"]
    canary = {f"canary.{t}" for t in (*BATCH, "judge")}
    assert sorted(dag.task_ids) == sorted({*STAGES} | canary)
    after = {task: dag.get_task(task).downstream_task_ids for task in canary}
    assert after == {
        "canary.launch": {"canary.wait"},
        "canary.wait": {"canary.collect"},
        "canary.collect": {"canary.judge", "deliver"},
        "canary.judge": {"batch.launch"},
    }
    assert dag.get_task("canary.launch").upstream_task_ids == {"approve"}
    assert dag.get_task("canary.launch").batch_no == CANARY_BATCH
    # failed, it keeps the others from being launched; delivery and audit of what it dialled go on without it
    assert {dag.get_task(f"batch.{t}").trigger_rule for t in BATCH} == {"all_success"}
    assert "canary.judge" not in dag.get_task("deliver").upstream_task_ids | dag.get_task("audit").upstream_task_ids


def test_without_a_canary_there_is_no_task_of_one(own_campaigns: Path) -> None:
    file_with(own_campaigns, canary=None)
    assert not [task for task in parse().dags["campaign__mine"].task_ids if task.startswith("canary")]
