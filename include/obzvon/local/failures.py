"""What a failed run has to say: the task's own error and where its log is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from obzvon.local.airflow_api import AirflowApi, Run, TaskInstance

__all__ = ["Failure", "error_of", "failures"]


#: Exceptions that only carry a sentence; their names tell the reader nothing.
_CARRIERS = frozenset({"AirflowException", "AirflowFailException"})


@dataclass(frozen=True, slots=True)
class Failure:
    """What failed: mapped tasks that say the same count as one. `error` is one line, `log` the file of a last try."""

    task: str
    error: str
    log: Path


def failures(api: AirflowApi, run: Run, task_logs: Path) -> list[Failure]:
    """The tasks of a run that failed themselves, not because of another, in the order in which they ended."""
    failed = sorted((task for task in api.tasks(run) if task.state == "failed"), key=lambda task: task.ended or "")
    found: dict[tuple[str, str], list[TaskInstance]] = {}
    for task in failed:
        found.setdefault((task.task_id, error_of(api.log(run, task))), []).append(task)
    return [
        Failure(_name(run, tasks), error, _log_file(task_logs, run, tasks[0])) for (_, error), tasks in found.items()
    ]


def _name(run: Run, tasks: Sequence[TaskInstance]) -> str:
    indexes = ", ".join(str(task.map_index) for task in tasks if task.map_index >= 0)
    return f"{run.dag_id}.{tasks[0].task_id}" + (f"[{indexes}]" if indexes else "")


def error_of(lines: Sequence[Mapping[str, Any]]) -> str:
    """The error of a task's log: its last exception, else its last line of level error."""
    for line in reversed(lines):
        if detail := line.get("error_detail"):
            # the chain begins with what was raised last
            name, said = str(detail[0].get("exc_type", "error")), str(detail[0].get("exc_value", ""))
            return said if name in _CARRIERS and said else f"{name}: {said}"
    for line in reversed(lines):
        if str(line.get("level")).lower() in {"error", "critical"}:
            return str(line.get("event", ""))
    return "the log names no error (the process was killed?)"


def _log_file(folder: Path, run: Run, task: TaskInstance) -> Path:
    """Airflow's default `log_filename_template`."""
    path = folder / f"dag_id={run.dag_id}" / f"run_id={run.run_id}" / f"task_id={task.task_id}"
    if task.map_index >= 0:
        path /= f"map_index={task.map_index}"
    return path / f"attempt={task.try_number}.log"
