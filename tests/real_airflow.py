"""A running stack as a user, an operator and a fault see it: real scheduler, triggerer, web server and sandbox."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import httpx
import psutil
import psycopg
import pytest
from policies import relaxed

from obzvon.ledger.keys import plan_id
from obzvon.local.airflow_api import AirflowApi, Run, TaskInstance
from obzvon.local.environment import Ports
from obzvon.local.executor import LOCAL, Executor
from obzvon.local.home import Home
from obzvon.local.ports import free_port
from obzvon.local.processes import Service
from obzvon.local.reconcile import Comparison, compare
from obzvon.local.stack import Stack

ROOT = Path(__file__).resolve().parents[1]
CAMPAIGNS = ("demo_dialog", "demo_twin")
DAGS = [f"campaign__{name}" for name in CAMPAIGNS]
RUN_SECONDS = 400
SWITCH = "obzvon_kill_switch"
SPEED = 3600.0

#: Read once: a session that runs across midnight keeps its dates.
TODAY = datetime.now(ZoneInfo("Europe/Moscow")).date()


def tomorrow(days: int = 1) -> date:
    """A date on which every zone's window is still to come, at any hour of the day."""
    return TODAY + timedelta(days=days)


@dataclass(slots=True)
class World:
    """The stack, its REST API and the sandbox's own paths."""

    stack: Stack
    api: AirflowApi

    # runs and tasks ---------------------------------------------------------------------------------------------

    def start(self, call_date: date, dags: Iterable[str] = DAGS) -> list[Run]:
        """Trigger the demo campaigns through the REST API."""
        return [self.api.trigger(dag, {"call_date": call_date.isoformat()}) for dag in dags]

    def tasks(self, runs: Iterable[Run], task_id: str | None = None) -> list[TaskInstance]:
        """Task instances of the runs, all or those of one id."""
        return [task for run in runs for task in self.api.tasks(run) if task_id in (None, task.task_id)]

    def until(self, happened: Callable[[], object], what: str, seconds: float = RUN_SECONDS) -> None:
        """Look until it has happened; what has not happened in time fails the test by its name."""
        end = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < end, f"did not happen in {seconds} s: {what}"
            time.sleep(0.3)

    def finish(self, runs: list[Run]) -> list[str]:
        """Wait for the runs and give their final states."""
        self.until(lambda: all(self.api.run(r.dag_id, r.run_id).finished for r in runs), "the runs end")
        return [self.api.run(r.dag_id, r.run_id).state for r in runs]

    def mark(self, run: Run, task: TaskInstance, state: str) -> None:
        """Mark a task instance as the UI's button does."""
        mapped = f"/{task.map_index}" if task.map_index >= 0 else ""
        path = f"/dags/{run.dag_id}/dagRuns/{quote(run.run_id)}/taskInstances/{task.task_id}{mapped}"
        self.api.ask("PATCH", path, json={"new_state": state})

    def clear(self, run: Run, *task_ids: str) -> None:
        """Clear tasks with everything after them; without ids the whole run."""
        body = {"dry_run": False, "only_failed": False, "dag_run_id": run.run_id, "reset_dag_runs": True}
        if task_ids:
            body |= {"task_ids": list(task_ids), "include_downstream": True}
        self.api.ask("POST", f"/dags/{run.dag_id}/clearTaskInstances", json=body)

    def pause(self, dag_id: str) -> None:
        """No further run of the DAG starts."""
        self.api.ask("PATCH", f"/dags/{dag_id}", params={"update_mask": "is_paused"}, json={"is_paused": True})

    @contextmanager
    def switched_off(self) -> Iterator[None]:
        """Calling is switched off for every campaign, as somebody does it under Admin → Variables."""
        self.api.ask("POST", "/variables", json={"key": SWITCH, "value": "on"})
        try:
            yield
        finally:
            self.api.ask("DELETE", f"/variables/{SWITCH}")

    def workers(self, run: Run, task_id: str, *, watchers: bool = False) -> list[psutil.Process]:
        """The processes in which a task is carried out now; `watchers`: those that watch over them and report."""
        path = f"/dags/{run.dag_id}/dagRuns/{quote(run.run_id)}/taskInstances"
        found = self.api.ask("GET", path, params={"limit": 100}).json()["task_instances"]
        before = "airflow worker -- LocalExecutor: " if watchers else "airflow worker -- "
        titles = {f"{before}{task['id']}" for task in found if task["task_id"] == task_id}
        processes = map(psutil.Process, self.stack.airflow["scheduler"].members())
        return [process for process in processes if " ".join(process.cmdline()).strip() in titles]

    # the sandbox ------------------------------------------------------------------------------------------------

    def fault(self, **script: object) -> None:
        """Tell the sandbox to do something wrong."""
        self._tell("POST", "faults", script)

    def mend(self) -> None:
        """No more faults, and what is held goes on."""
        self._tell("DELETE", "faults")
        self._tell("POST", "release")

    def chances(self, **tables: dict[str, float]) -> None:
        """How the people called from now on behave; without a word as ever."""
        self._tell("POST", "chances", tables)

    def clock(self, **change: float) -> None:
        """Change the sandbox's virtual time: speed, advance_seconds."""
        self._tell("POST", "clock", change)

    def review(self, **said: object) -> None:
        """Score a call as a reviewer at Qolio."""
        self._tell("POST", "qolio/reviews", said)

    def book(self, name: str, **query: Any) -> list[dict[str, Any]]:
        """One of the sandbox's own books: requests, dials, campaigns, held, qolio/calls."""
        url = f"{self.stack.address.sandbox}/_sandbox/{name}"
        found: list[dict[str, Any]] = (
            httpx.get(url, params=query, trust_env=False, timeout=60).raise_for_status().json()
        )
        return found

    def campaigns(self, vendor: str, call_date: date) -> list[dict[str, Any]]:
        """The sandbox's campaigns of one call date; their names carry it."""
        return [c for c in self.book("campaigns", vendor=vendor) if str(call_date) in c["name"]]

    def _tell(self, method: str, what: str, body: object = None) -> None:
        url = f"{self.stack.address.sandbox}/_sandbox/{what}"
        httpx.request(method, url, json=body, trust_env=False, timeout=60).raise_for_status()

    # the warehouse ----------------------------------------------------------------------------------------------

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.stack.warehouse)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the warehouse."""
        with self.connect() as conn:
            return conn.execute(query.encode(), values).fetchall()

    def books(self) -> list[Comparison]:
        """The sandbox's journal against ledger, facts and deliveries."""
        with self.connect() as conn:
            return compare(conn, self.stack.address.sandbox)

    def audit(self, call_date: date) -> dict[str, list[str]]:
        """Campaign -> its checks that do not hold; a campaign without an audit is not in it."""
        found: dict[str, list[str]] = {}
        for name in CAMPAIGNS:
            query = "select check_name, holds from ops.audit_check where plan_id = %s"
            if rows := self.rows(query, plan_id(name, call_date)):
                found[name] = [check for check, holds in rows if not holds]
        return found


def kill(*services: Service) -> None:
    """SIGKILL to the services and to every worker and child of theirs."""
    victims = [psutil.Process(pid) for service in services for pid in service.members()]
    for victim in victims:
        victim.kill()
    assert not psutil.wait_procs(victims, timeout=20)[1]


def said(logs: Path, since: float) -> str:
    """Warnings and errors in the logs of tasks written since then, in order."""
    lines: list[tuple[str, str]] = []
    for path in (p for p in logs.rglob("*.log") if p.stat().st_mtime >= since):
        where = "/".join(part.partition("=")[2] for part in path.relative_to(logs).parts)
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            entry = json.loads(line) if line.startswith("{") else {}
            # Python's own warnings are those of Airflow's dependencies
            if entry.get("level") in {"warning", "error", "critical"} and entry.get("logger") != "py.warnings":
                stamp = str(entry.get("timestamp"))
                raised = "".join(
                    f"\n    {e.get('exc_type')}: {e.get('exc_value')}" for e in entry.get("error_detail", ())
                )
                lines.append((stamp, f"{stamp} {where} {entry['level']}: {entry.get('event')}{raised}"))
    return "\n".join(text for _, text in sorted(lines)[-200:])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what Airflow's tasks said meanwhile: the stack and its logs are gone afterwards."""
    report = yield
    found = getattr(item, "funcargs", {}).get("world") or getattr(item, "funcargs", {}).get("first_run")
    if report.failed and isinstance(found, World):
        since = call.start if call.when == "call" else time.time() - 900
        report.sections.append(("warnings and errors of tasks", said(found.stack.home.task_logs, since)))
    return report


@contextmanager
def running_world(
    prefix: str, say: Callable[[str], None] = lambda _: None, executor: Executor = LOCAL
) -> Iterator[World]:
    """A stack in a folder of its own, stopped and removed in the end.

    Its policy has the shipped hours and no caps: the same people are called on every day.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    policy = folder.with_suffix(".policy.yaml")
    policy.write_text(json.dumps(relaxed().canonical()), encoding="utf-8")
    os.environ["OBZVON_POLICY"] = str(policy)
    stack = Stack(Home(ROOT, folder), say, executor=executor, wanted=Ports(free_port(), free_port()))
    stack.up()
    try:
        with stack.api() as api:
            world = World(stack, api)
            world.until(lambda: set(DAGS) <= set(api.dags()), "the DAGs appear", 120)
            yield world
    finally:
        stack.down()
        del os.environ["OBZVON_POLICY"]
        policy.unlink()
        shutil.rmtree(folder, ignore_errors=True)
