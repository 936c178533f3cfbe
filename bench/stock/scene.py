"""One case in progress: its sandbox, its runs in Airflow, its table, and what can be done to them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import httpx
import psutil
import psycopg

from obzvon.local.airflow_api import AirflowApi, Run
from obzvon.local.stack import Stack

TABLE_COLUMNS = "call_id, campaign_id, phone, started_at, status, result, duration, record_url"
TICK = 0.1
PATIENCE = 400.0


class Unsuitable(Exception):
    """The case did not come to the moment it is about, so its figures would say nothing."""


class BenchApi(AirflowApi):
    """What a person does in the UI beyond triggering."""

    def task(self, run: Run, task_id: str) -> dict[str, Any]:
        """One task instance with its `state` and `pid`."""
        found: dict[str, Any] = self.ask("GET", f"{_path(run)}/taskInstances/{task_id}").json()
        return found

    def clear_task(self, run: Run, task_id: str) -> None:
        """The button "Clear" with its defaults: the task and what comes after it."""
        body = {
            "dry_run": False,
            "dag_run_id": run.run_id,
            "task_ids": [task_id],
            "include_downstream": True,
            "only_failed": False,
            "reset_dag_runs": True,
        }
        self.ask("POST", f"/dags/{run.dag_id}/clearTaskInstances", json=body)

    def clear_run(self, run: Run) -> None:
        """The run's button "Clear"."""
        self.ask("POST", f"{_path(run)}/clear", json={"dry_run": False, "only_failed": False})

    def mark_failed(self, run: Run, task_id: str) -> None:
        """The task's button "Mark as failed"."""
        self.ask("PATCH", f"{_path(run)}/taskInstances/{task_id}", json={"new_state": "failed"})

    def stop_run(self, run: Run) -> list[int]:
        """The run's button "Mark as failed"; the processes that were at work for it, which end within seconds."""
        found = self.ask("GET", f"{_path(run)}/taskInstances", params={"state": "running"}).json()
        self.ask("PATCH", _path(run), json={"state": "failed"})
        return [task["pid"] for task in found["task_instances"] if task["pid"]]


def _path(run: Run) -> str:
    return f"/dags/{run.dag_id}/dagRuns/{quote(run.run_id)}"


@dataclass(slots=True)
class Lane:
    """A place where one case at a time runs: a sandbox of its own and the connections that lead there."""

    number: int
    sandbox: str

    @property
    def vendor_connections(self) -> dict[str, str]:
        return {vendor: f"lane{self.number}_{vendor}" for vendor in ("dialog", "twin", "qolio")}


@dataclass(slots=True)
class Scene:
    """The case of one lane. `table` is the case's own, in the warehouse's database."""

    stack: Stack
    lane: Lane
    vendor: str
    table: str
    api: BenchApi
    admin: httpx.Client
    runs: list[Run] = field(default_factory=list)
    faults: list[int] = field(default_factory=list)

    # the sandbox -----------------------------------------------------------------------------------------------

    def fault(self, **script: Any) -> int:
        """Tell the sandbox to do something wrong; the number of the script."""
        answer = self.admin.post("/faults", json={"vendor": self.vendor, **script})
        answer.raise_for_status()
        self.faults.append(answer.json()["id"])
        return self.faults[-1]

    def hits(self, number: int) -> int:
        """How often the script has struck."""
        return next(int(one["hits"]) for one in self.look("faults") if one["id"] == number)

    def look(self, what: str, **query: Any) -> list[dict[str, Any]]:
        answer = self.admin.get(f"/{what}", params=query)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()
        return found

    def release(self) -> None:
        """Let the requests and answers go on that a fault holds back."""
        self.admin.post("/release").raise_for_status()

    def clock(self, **change: float) -> None:
        self.admin.post("/clock", json=change).raise_for_status()

    # Airflow ---------------------------------------------------------------------------------------------------

    def start(self, **params: Any) -> Run:
        """Trigger the pipeline for tomorrow: the window is still to come at any hour of the day."""
        names = self.lane.vendor_connections
        tomorrow = (datetime.now(ZoneInfo("Europe/Moscow")).date() + timedelta(days=1)).isoformat()
        mine = {"vendor": names[self.vendor], "qolio": names["qolio"], "table": self.table, "call_date": tomorrow}
        self.runs.append(self.api.trigger(f"stock_{self.vendor}", mine | params))
        return self.runs[-1]

    def until(self, happened: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
        """Look until it has happened. Unsuitable when the runs end, or time is up, before it does."""
        end = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > end:
                raise Unsuitable(f"did not happen in {seconds:g} s: {what}")
            time.sleep(TICK)

    def state(self, task_id: str) -> str | None:
        state: str | None = self.api.task(self.runs[0], task_id)["state"]
        return state

    def finish(self) -> list[str]:
        """Wait for every run; their final states."""
        self.until(lambda: all(self.api.run(r.dag_id, r.run_id).finished for r in self.runs), "the runs end")
        return [self.api.run(r.dag_id, r.run_id).state for r in self.runs]

    def abandon(self) -> None:
        """Let nothing of a case that went wrong reach the sandbox when the next one has it."""
        self.release()
        pids = [pid for run in self.runs for pid in self.api.stop_run(run)]
        ours = set(pids) & set(self.stack.airflow["scheduler"].members())
        psutil.wait_procs([psutil.Process(pid) for pid in ours], timeout=30)

    # processes -------------------------------------------------------------------------------------------------

    def process(self, task_id: str) -> psutil.Process:
        """The process that runs the task now; one of the stack's own, or Unsuitable."""
        pid = self.api.task(self.runs[0], task_id)["pid"]
        if pid not in self.stack.airflow["scheduler"].members():
            raise Unsuitable(f"{task_id} has no living process")
        return psutil.Process(pid)

    def kill(self, task_id: str) -> None:
        """kill -9 to the task's process, as the kernel does when memory runs out."""
        self.process(task_id).kill()

    # the table -------------------------------------------------------------------------------------------------

    def connect(self) -> psycopg.Connection:
        return self.stack.connect()

    def make_table(self) -> None:
        """The table as an earlier run would have left it, so that it can be locked."""
        columns = ", ".join(f"{name} text" for name in TABLE_COLUMNS.split(", "))
        with self.connect() as conn:
            conn.execute(f"create table {self.table} ({columns})")

    def rows(self) -> list[tuple[str, str, str]]:
        """(call, campaign, phone) of every row; none when no run came so far as to make the table."""
        with self.connect() as conn:
            if conn.execute("select to_regclass(%s)", [self.table]).fetchone() == (None,):
                return []
            return conn.execute(f"select call_id, campaign_id, phone from {self.table}").fetchall()
