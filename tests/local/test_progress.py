"""Progress: mapped tasks of a stage count together; without a terminal each change is one line."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from obzvon.local.airflow_api import Run, TaskInstance
from obzvon.local.progress import Counts, Progress, Snapshot, stages

RUN = Run("campaign__demo_twin", "r", "running")


def tasks(**states: str | list[str | None] | None) -> list[TaskInstance]:
    found = []
    for stage, given in states.items():
        many = given if isinstance(given, list) else [given]
        inside = f"batch.{stage}" if stage in {"launch", "wait", "collect"} else stage
        found += [TaskInstance(inside, n if len(many) > 1 else -1, 1, state) for n, state in enumerate(many)]
    return found


@pytest.mark.parametrize(
    ("states", "look"),
    [
        ([None], "ahead"),
        (["scheduled", None], "ahead"),
        (["success", "queued"], "running"),
        (["deferred"], "running"),
        (["up_for_retry"], "running"),
        (["success", "success"], "done"),
        (["success", "skipped"], "done"),
        (["skipped"], "skipped"),
        (["success", "failed"], "failed"),
        (["upstream_failed", None], "not run"),
    ],
)
def test_a_stage_looks_as_all_its_tasks_together(states: list[str | None], look: str) -> None:
    assert stages(tasks(wait=states))[3].look == look


def test_stages_come_in_the_order_of_the_pipeline_with_their_counts() -> None:
    found = stages(tasks(audit=None, plan="success", launch=["success", "running", None]))
    assert [str(stage) for stage in found][:3] == ["plan done", "approve ahead", "launch running (1 of 3)"]
    assert [stage.name for stage in found] == ["plan", "approve", "launch", "wait", "collect", "deliver", "audit"]


def test_what_was_skipped_is_no_part_of_the_count() -> None:
    found = stages(tasks(launch=["success", "skipped", "success"], wait=["skipped", "success"], collect=["skipped"]))
    assert [str(stage) for stage in found][2:5] == ["launch done (2 of 2)", "wait done", "collect skipped"]


@pytest.mark.parametrize("state", [None, "skipped"])
def test_doubts_count_only_where_there_are_some(state: str | None) -> None:
    """Airflow shows a group that is mapped over nothing, or not yet, as one task."""
    batches = tasks(launch=["success", "success"])
    found = stages([*batches, TaskInstance("doubt.launch", -1, 0, state)])
    assert str(found[2]) == "launch done (2 of 2)"
    found = stages([*batches, TaskInstance("doubt.launch", 0, 1, "running")])
    assert str(found[2]) == "launch running (2 of 3)"


def test_without_a_terminal_a_change_is_one_line_and_no_change_is_none() -> None:
    out = io.StringIO()
    first = Snapshot("demo_twin", RUN, stages(tasks(plan="running")), Counts())
    second = Snapshot("demo_twin", RUN, stages(tasks(plan="success")), Counts(320, 250))
    with Progress(Console(file=out, width=200)) as progress:
        for seen in (first, first, second):
            progress.show([seen])
    lines = out.getvalue().splitlines()
    assert [line.split("s  ")[1] for line in lines] == [
        "demo_twin: plan running  [0 of 0 to call, 0 accepted, 0 calls, 0 at Qolio]",
        "demo_twin: plan done  [250 of 320 to call, 0 accepted, 0 calls, 0 at Qolio]",
    ]
