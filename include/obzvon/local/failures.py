"""What a failed run has to say: the task's own error and where its log is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from obzvon.local.airflow_api import AirflowApi, Run, TaskInstance

__all__ = ["Failure", "error_of", "failures"]


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed task. `error` is one line, `log` the file of its last try."""

    task: str
    error: str
    log: Path


def failures(api: AirflowApi, run: Run, task_logs: Path) -> Iterator[Failure]:
    """The tasks of a run that failed themselves, not because of another."""
    for task in api.tasks(run):
        if task.state == "failed":
            name = f"{run.dag_id}.{task.task_id}" + (f"[{task.map_index}]" if task.map_index >= 0 else "")
            yield Failure(name, error_of(api.log(run, task)), _log_file(task_logs, run, task))


def error_of(lines: Sequence[Mapping[str, Any]]) -> str:
    """The error of a task's log: its last exception, else its last line of level error."""
    for line in reversed(lines):
        if detail := line.get("error_detail"):
            # the chain begins with what was raised last
            return f"{detail[0].get('exc_type', 'error')}: {detail[0].get('exc_value', '')}".strip()
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
