"""OpenLineage sees one way from the contact list to the marts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.openlineage.extractors.manager import ExtractorManager
from airflow.sdk import TaskInstanceState

from obzvon.warehouse.tables import metadata
from obzvon_provider.lineage import FLOWS
from obzvon_provider.operators.audit import AuditOperator
from obzvon_provider.operators.collect import CollectOperator
from obzvon_provider.operators.deliver import DeliverOperator
from obzvon_provider.operators.late import LateOperator
from obzvon_provider.operators.launch import LaunchOperator
from obzvon_provider.operators.marts import MartsOperator
from obzvon_provider.operators.plan import PlanOperator

DATABASE = "postgres://warehouse.example:5433"
OPERATORS: list[Any] = [
    PlanOperator(task_id="plan", campaign="demo_twin"),
    LaunchOperator(task_id="launch", plan_id="p", batch_no=0),
    CollectOperator(task_id="collect", plan_id="p", batch_no=0),
    LateOperator(task_id="pull", plan_id="p"),
    DeliverOperator(task_id="deliver", plan_id="p"),
    AuditOperator(task_id="audit", plan_id="p"),
    MartsOperator(task_id="refresh"),
]


@pytest.fixture(autouse=True)
def _warehouse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_WAREHOUSE_DEFAULT", "postgresql://robot:secret-password@warehouse.example:5433/house"
    )


def lineage(operator: Any) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Inputs and outputs as Airflow's provider extracts them."""
    found = ExtractorManager().extract_metadata(
        SimpleNamespace(run_id="run-1"), operator, TaskInstanceState.SUCCESS, SimpleNamespace()
    )
    pairs = [{(dataset.namespace, dataset.name) for dataset in side} for side in (found.inputs, found.outputs)]
    return pairs[0], pairs[1]


def test_the_way_from_the_list_to_the_marts_is_connected() -> None:
    reached, grew = set(lineage(OPERATORS[0])[0]), True
    assert [(space, name.rpartition("/include/")[2]) for space, name in reached] == [
        ("file", "campaigns/lists/demo_twin.csv")
    ]
    flows = [lineage(operator) for operator in OPERATORS]
    while grew:
        new = {output for inputs, outputs in flows if inputs & reached for output in outputs} - reached
        reached, grew = reached | new, bool(new)
    marts = {(DATABASE, f"house.mart.{name}") for name in ("attempt_daily", "caller_daily", "contact_outcome")}
    assert marts <= reached
    assert {(DATABASE, "house.ops.qa_delivery"), (DATABASE, "house.ops.audit_check")} <= reached


def test_every_flow_has_its_operator_and_names_tables_that_exist() -> None:
    assert {type(operator).__name__ for operator in OPERATORS} == set(FLOWS)
    for flow in FLOWS.values():
        assert {*flow.reads, *flow.writes} <= set(metadata.tables)


def test_no_secret_is_in_the_lineage() -> None:
    assert "secret-password" not in str([lineage(operator) for operator in OPERATORS])
