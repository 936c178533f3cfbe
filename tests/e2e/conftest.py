"""The whole stack for the end-to-end tests: real scheduler, triggerer, web server, PostgreSQL and sandbox."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import psutil
import psycopg
import pytest

from obzvon.ledger.keys import plan_id
from obzvon.local.airflow_api import AirflowApi, Run, TaskInstance
from obzvon.local.home import Home
from obzvon.local.processes import Service
from obzvon.local.reconcile import Comparison, compare
from obzvon.local.stack import Stack

ROOT = Path(__file__).resolve().parents[2]
CAMPAIGNS = ("demo_dialog", "demo_twin")
DAGS = [f"campaign__{name}" for name in CAMPAIGNS]
RUN_SECONDS = 400


#: Read once: a session that runs across midnight keeps its dates.
TODAY = datetime.now(ZoneInfo("Europe/Moscow")).date()


def tomorrow(days: int = 1) -> date:
    """A date on which every zone's window is still to come, at any hour of the day."""
    return TODAY + timedelta(days=days)


@dataclass(slots=True)
class World:
    """A running stack as a user and an operator see it."""

    stack: Stack
    api: AirflowApi

    def start(self, call_date: date) -> list[Run]:
        """Trigger both demo campaigns through the REST API."""
        return [self.api.trigger(dag, {"call_date": call_date.isoformat()}) for dag in DAGS]

    def tasks(self, runs: Iterable[Run]) -> list[TaskInstance]:
        return [task for run in runs for task in self.api.tasks(run)]

    def until(self, happened: Callable[[], bool], what: str, seconds: float = RUN_SECONDS) -> None:
        """Look until it has happened; what has not happened in time fails the test by its name."""
        end = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < end, f"did not happen in {seconds} s: {what}"
            time.sleep(0.3)

    def finish(self, runs: list[Run]) -> list[str]:
        """Wait for the runs and give their final states."""
        self.until(lambda: all(self.api.run(r.dag_id, r.run_id).finished for r in runs), "the runs end")
        return [self.api.run(r.dag_id, r.run_id).state for r in runs]

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.stack.warehouse)

    def books(self) -> list[Comparison]:
        """The sandbox's journal against ledger, facts and deliveries."""
        with self.connect() as conn:
            return compare(conn, self.stack.address.sandbox)

    def audit(self, call_date: date) -> dict[str, list[str]]:
        """Campaign -> its checks that do not hold; a campaign without an audit is not in it."""
        found: dict[str, list[str]] = {}
        with self.connect() as conn:
            for name in CAMPAIGNS:
                query = "select check_name, holds from ops.audit_check where plan_id = %s"
                rows = conn.execute(query, [plan_id(name, call_date)]).fetchall()
                if rows:
                    found[name] = [check for check, holds in rows if not holds]
        return found

    def fault(self, **script: object) -> None:
        """Tell the sandbox to do something wrong."""
        httpx.post(f"{self.stack.address.sandbox}/_sandbox/faults", json=script, trust_env=False).raise_for_status()

    def mend(self) -> None:
        """No more faults."""
        httpx.delete(f"{self.stack.address.sandbox}/_sandbox/faults", trust_env=False).raise_for_status()


def kill(*services: Service) -> None:
    """SIGKILL to the services and to every worker and child of theirs."""
    victims = [psutil.Process(pid) for service in services for pid in service.members()]
    for victim in victims:
        victim.kill()
    assert not psutil.wait_procs(victims, timeout=20)[1]


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """The stack in a folder of its own; stopped, and removed unless a test failed to."""
    folder = Path(tempfile.mkdtemp(prefix="obzvon-e2e-"))
    stack = Stack(Home(ROOT, folder))
    stack.up()
    try:
        with stack.api() as api:
            world = World(stack, api)
            world.until(lambda: set(DAGS) <= set(api.dags()), "the DAGs appear", 120)
            yield world
    finally:
        stack.down()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def first_run(world: World) -> World:
    """Both demo campaigns have run once for tomorrow."""
    assert world.finish(world.start(tomorrow())) == ["success", "success"]
    return world
