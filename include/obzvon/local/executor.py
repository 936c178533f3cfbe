"""Who carries the tasks out: children of the scheduler, or Celery workers that take them from a broker.

The first is the local stack's. The second is how a production runs; `make e2e-celery` takes it, and docs/distributed.md
says which of its settings matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["CELERY", "LOCAL", "Executor"]


@dataclass(frozen=True, slots=True)
class Executor:
    """Airflow's executor by its name, and how many of its processes there are. Without workers there is no broker."""

    name: str
    schedulers: int = 1
    triggerers: int = 1
    workers: int = 0

    @property
    def processes(self) -> dict[str, tuple[str, ...]]:
        """Process -> arguments of `airflow`. The first of several has the plain name, the others have a number.

        Log servers are left out: they listen on every address, and the web server reads the same folder anyway.
        """
        found: dict[str, tuple[str, ...]] = {name: (name,) for name in ("api-server", "dag-processor")}
        found |= dict.fromkeys(_names("scheduler", self.schedulers), ("scheduler", "--skip-serve-logs"))
        found |= dict.fromkeys(_names("triggerer", self.triggerers), ("triggerer", "--skip-serve-logs"))
        alone = ("--skip-serve-logs", "--without-mingle", "--without-gossip")  # workers have nothing to tell each other
        return found | {name: ("celery", "worker", "--celery-hostname", name, *alone) for name in self.worker_names}

    @property
    def worker_names(self) -> list[str]:
        return _names("worker", self.workers)

    def settings(self, broker: Path) -> dict[str, dict[str, object]]:
        """What its processes need beside the settings of every stack; `broker` is the socket."""
        core: dict[str, object] = {"executor": self.name, "parallelism": 6}
        if not self.workers:
            return {"core": core}
        return {
            # on one machine all hosts have one name: jobs and tasks tell by the process's name whose they are
            "core": core | {"hostname_callable": "obzvon.local.processes.own_name"},
            "scheduler": {"task_instance_heartbeat_timeout": 20},
            "triggerer": {"job_heartbeat_sec": 2},
            "celery": {
                "broker_url": f"redis+socket://{broker}",
                "worker_concurrency": 3,
                "sync_parallelism": 1,  # else a pool of processes is made for each bunch of tasks
            },
            # for a socket neither Airflow nor Celery takes it from Airflow's default: a day
            "celery_broker_transport_options": {"visibility_timeout": 86_400},
        }


def _names(part: str, number: int) -> list[str]:
    return [part, *(f"{part}-{n}" for n in range(2, number + 1))][:number]


LOCAL = Executor("LocalExecutor")
CELERY = Executor("CeleryExecutor", schedulers=2, triggerers=2, workers=2)
