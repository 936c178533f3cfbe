"""What a scheduler or a Celery worker has imported before it forks, a task need not import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: The start of one that forks in short, then the DAG file in a fork's place; prints what the DAG file brought in.
START = """
import sys
sys.argv = {argv!r}
from airflow import settings
settings.initialize()
import {executor}
before = set(sys.modules)
sys.path.insert(0, {dags!r})
import campaigns
print(*sorted(set(sys.modules) - before))
"""


@pytest.mark.parametrize(
    ("argv", "executor"),
    [
        (["airflow", "scheduler"], "airflow.executors.local_executor"),
        (["airflow", "celery", "worker"], "airflow.providers.celery.executors.celery_executor"),
    ],
    ids=["scheduler", "worker"],
)
def test_who_forks_has_imported_what_a_dag_file_needs(argv: list[str], executor: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", START.format(dags=str(ROOT / "dags"), argv=argv, executor=executor)],
        env={"PYTHONPATH": str(ROOT / "config"), "AIRFLOW_HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = done.stdout.splitlines()[-1].split()
    assert "campaigns" in imported
    assert [name for name in imported if name.startswith("obzvon")] == []
