"""The one git-ignored folder that holds all state of the local stack."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import obzvon

__all__ = ["Home"]


@dataclass(frozen=True, slots=True)
class Home:
    """`root` is the project's folder, `folder` the state: `.obzvon` in it, or what OBZVON_HOME names."""

    root: Path
    folder: Path

    @classmethod
    def find(cls) -> Home:
        """The home of this installation."""
        root = Path(obzvon.__file__).resolve().parents[2]
        named = os.environ.get("OBZVON_HOME")
        return cls(root, Path(named).expanduser().resolve() if named else root / ".obzvon")

    def make(self) -> None:
        """Create the folders; only their owner may enter."""
        for path in (self.folder, self.airflow, self.logs, self.archive, self.sandbox, self.run):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)

    @property
    def airflow(self) -> Path:
        return self.folder / "airflow"

    @property
    def logs(self) -> Path:
        """Logs of the processes; those of tasks are in `task_logs`."""
        return self.folder / "logs"

    @property
    def task_logs(self) -> Path:
        return self.logs / "tasks"

    @property
    def archive(self) -> Path:
        return self.folder / "archive"

    @property
    def sandbox(self) -> Path:
        return self.folder / "sandbox"

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def run(self) -> Path:
        """Pid files, and which ports are in use."""
        return self.folder / "run"

    @property
    def broker(self) -> Path:
        """The socket of the Celery workers' broker, where the stack has workers."""
        return self.run / "broker.sock"

    @property
    def passwords(self) -> Path:
        """Airflow's users and passwords, as its SimpleAuthManager reads them."""
        return self.folder / "airflow-passwords.json"
