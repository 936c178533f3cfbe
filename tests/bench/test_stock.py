"""The stock pipelines we compare ourselves with parse, are made of stock parts, and have cases of the fault suite."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from faults.cases import every

ROOT = Path(__file__).resolve().parents[2]
DAGS = ROOT / "bench" / "stock" / "dags"
FIGURES = {"twice", "lost", "orphaned", "table_duplicates", "qolio_doubled"}
#: What happens to a whole Airflow, and a vendor that redials later than a stock pipeline looks.
ONLY_HERE = {"clear_task", "clear_run", "second_run", "two_runs", "mark_failed", "kill_scheduler", "late_redials"}
ENDS = {"success", "failed"}


@pytest.fixture(scope="module")
def bag() -> DagBag:
    sys.path.insert(0, str(DAGS))  # as Airflow does with its DAGs folder
    try:
        return DagBag(DAGS, bundle_path=DAGS)
    finally:
        sys.path.remove(str(DAGS))


@pytest.fixture(scope="module")
def cases() -> list[dict[str, str]]:
    command = [sys.executable, "-m", "bench.stock.run", "--list"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in said.splitlines()]


def test_both_pipelines_parse(bag: DagBag) -> None:
    assert not bag.import_errors
    assert set(bag.dags) == {"stock_dialog", "stock_twin"}


def test_they_are_made_of_stock_parts_with_retries(bag: DagBag) -> None:
    for dag in bag.dags.values():
        for task in dag.tasks:
            assert type(task).__module__.startswith("airflow.providers."), task.task_id
            assert task.retries == 2, task.task_id


def test_each_case_is_there_once(cases: list[dict[str, str]]) -> None:
    ids = [case["case"] for case in cases]
    assert len(ids) == len(set(ids))
    assert ids == [f"{case['vendor']}-{case['fault']}-{case['point']}" for case in cases]


def test_what_is_not_about_a_whole_airflow_is_a_case_of_the_fault_suite(cases: list[dict[str, str]]) -> None:
    ours = {case.id for case in every()}
    strangers = {case["case"] for case in cases} - ours
    assert {case["case"] for case in cases if case["fault"] in ONLY_HERE or case["point"] == "play"} == strangers


def test_the_committed_results_have_a_line_for_each_case(cases: list[dict[str, str]]) -> None:
    text = (ROOT / "bench" / "stock" / "results.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["case"] for line in lines] == [case["case"] for case in cases]
    for line in lines:
        assert all(isinstance(line[name], int) for name in FIGURES), line["case"]
        assert line["ended"] in ENDS
        assert line["measured"]


def test_without_a_fault_a_stock_pipeline_loses_and_doubles_nothing() -> None:
    text = (ROOT / "bench" / "stock" / "results.jsonl").read_text(encoding="utf-8")
    fine = [line for line in map(json.loads, text.splitlines()) if line["fault"] == "none"]
    assert [{line[name] for name in FIGURES} for line in fine] == [{0}, {0}]
