"""What the scheduler has imported before it forks, a task need not import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: A scheduler's start in short, then the DAG file in a fork's place; prints what the DAG file brought in.
START = """
import sys
sys.argv = ["airflow", "scheduler"]
from airflow import settings
settings.initialize()
from airflow.executors import local_executor
before = set(sys.modules)
sys.path.insert(0, {dags!r})
import campaigns
print(*sorted(set(sys.modules) - before))
"""


def test_a_scheduler_has_imported_what_a_dag_file_needs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", START.format(dags=str(ROOT / "dags"))],
        env={"PYTHONPATH": str(ROOT / "config"), "AIRFLOW_HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = done.stdout.splitlines()[-1].split()
    assert "campaigns" in imported
    assert [name for name in imported if name.startswith("obzvon")] == []
