"""Airflow's own share: the demo from list to Qolio through a real Airflow, and the same stages as plain functions.

ours: the local stack of `make demo` in a folder of its own, both demo campaigns at once, triggered by the REST API. The
floor: the same campaigns, lists, sandbox and polls, one process, no Airflow. What lies between is taken apart by the
moments that Airflow notes of every task.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from bench.environment import OURS, ROOT
from bench.frame import Bench, Kind, Options, Sample, Way, run_child

__all__ = ["BENCH", "shares"]

CAMPAIGNS = ("demo_dialog", "demo_twin")
RUN_SECONDS = 900
#: The virtual hours of both ways pass at the speed of the demo.
SPEED = 3600


def ours(folder: str) -> dict[str, Any]:
    """Both demo campaigns through Airflow; seconds from the request for the runs to the end of the later one."""
    from obzvon.local.home import Home  # noqa: PLC0415 - the floor has no need of the stack
    from obzvon.local.stack import Stack  # noqa: PLC0415

    began = time.perf_counter()
    stack = Stack(Home(ROOT, Path(folder)), lambda _: None)
    stack.up()
    try:
        up = time.perf_counter() - began
        with stack.api() as api:
            _until(lambda: {f"campaign__{name}" for name in CAMPAIGNS} <= set(api.dags()))
            parsed = time.perf_counter() - began - up
            asked = datetime.now(UTC)
            day = (datetime.now(ZoneInfo("Europe/Moscow")) + timedelta(days=1)).date()
            runs = []
            for name in CAMPAIGNS:
                api.unpause(f"campaign__{name}")
                runs.append(api.trigger(f"campaign__{name}", {"call_date": day.isoformat()}))
            _until(lambda: all(api.run(run.dag_id, run.run_id).finished for run in runs))
            states = [api.run(run.dag_id, run.run_id).state for run in runs]
            found = [
                api.ask("GET", f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances", params={"limit": 200}).json()
                for run in runs
            ]
        instances = [each for run in found for each in run["task_instances"]]
        ended = max(_moment(each["end_date"]) for each in instances if each["end_date"])
        figures = {"stack up s": up, "DAGs parsed s": parsed, **shares(found)}
    finally:
        stack.down()
    state = "same" if states == ["success"] * len(CAMPAIGNS) else f"differs: {states}"
    return {"seconds": (ended - asked).total_seconds(), "figures": figures, "state": state, "peak_mib": None}


def _until(happened: Any) -> None:
    end = time.monotonic() + RUN_SECONDS
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError(f"the demo has not come on in {RUN_SECONDS} s")
        time.sleep(0.3)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def shares(runs: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """What Airflow notes of the task instances of runs (the answers of its REST API), as sums and medians in seconds.

    A task of the longest chain waits to be scheduled (*gaps*), then for a slot and its process (*queued*), then works
    or defers (*in tasks*: imports, reading its DAG, ours). The sensor starts twice; its time is in *wait*.
    """
    done = [t for run in runs for t in run["task_instances"] if t["start_date"] and t["end_date"]]
    took = [(_moment(t["end_date"]) - _moment(t["start_date"])).total_seconds() for t in done]
    queued = [
        (_moment(t["start_date"]) - _moment(t["queued_when"])).total_seconds() for t in done if t.get("queued_when")
    ]
    names = [t["task_id"].rpartition(".")[2] for t in done]
    waits = [seconds for name, seconds in zip(names, took, strict=True) if name == "wait"]
    figures = {
        "task instances": len(done),
        "in tasks s": sum(took) - sum(waits),
        "in waits s": sum(waits),
        "shortest task s": min(
            (seconds for task, seconds in zip(done, took, strict=True) if task.get("pid")), default=0.0
        ),
        "gaps between tasks s": sum(map(_gaps, runs)),
    }
    if queued:
        figures["queued s, median"] = median(max(0.0, each) for each in queued)
    if follows := [gap for run in runs for gap in _follows(run, "wait", "collect")]:
        figures["wait to collect s"] = median(follows)
    return figures


def _gaps(run: Mapping[str, Any]) -> float:
    """Seconds between first start and last end in which no task of the run was at work."""
    spans = sorted(
        (_moment(t["start_date"]), _moment(t["end_date"]))
        for t in run["task_instances"]
        if t["start_date"] and t["end_date"]
    )
    idle, busy_until = 0.0, None
    for start, end in spans:
        if busy_until is not None and start > busy_until:
            idle += (start - busy_until).total_seconds()
        busy_until = end if busy_until is None else max(busy_until, end)
    return idle


def _follows(run: Mapping[str, Any], first: str, second: str) -> Iterator[float]:
    """From the end of one task to the start of the next, for each mapped pair."""
    ends = {t["map_index"]: t["end_date"] for t in run["task_instances"] if t["task_id"].endswith(first)}
    for task in run["task_instances"]:
        if task["task_id"].endswith(second) and task["start_date"] and ends.get(task["map_index"]):
            yield (_moment(task["start_date"]) - _moment(ends[task["map_index"]])).total_seconds()


def floor(folder: str) -> dict[str, Any]:
    """The stages as functions, one after the other for each campaign and both campaigns at once, as in Airflow."""
    from bench.server import running  # noqa: PLC0415
    from bench.staged import Staged  # noqa: PLC0415

    from obzvon.sandbox.process import running_sandbox  # noqa: PLC0415

    where = Path(folder)
    with (
        running(where / "floor", durable=True) as database,
        database.copy() as dsn,
        running_sandbox(where / "sandbox", speed=SPEED) as sandbox,
    ):
        began = time.perf_counter()
        runs = [Staged(name, dsn, sandbox.base_url, where / f"archive-{name}") for name in CAMPAIGNS]

        async def all_of_them() -> list[dict[str, float]]:
            return await asyncio.gather(*(run.go() for run in runs))

        spent = asyncio.run(all_of_them())
        seconds = time.perf_counter() - began
    figures = {f"{stage} s": sum(each[stage] for each in spent) for stage in spent[0]}
    state = "same" if all(run.holds for run in runs) else "differs: an audit check does not hold"
    return {"seconds": seconds, "figures": figures, "state": state}


@dataclass
class AirflowScene:
    """Folders; every measurement starts and stops what it needs."""

    folder: Path
    postgres: None = None

    def measure(self, way: Way) -> dict[str, Sample]:
        with tempfile.TemporaryDirectory(prefix="obzvon-bench-") as folder:
            path = os.pathsep.join((str(OURS.parent), os.environ.get("PATH", "")))
            return {"both demo campaigns": run_child(way, {"folder": folder}, PATH=path)}


@contextmanager
def scene(options: Options, folder: Path) -> Iterator[AirflowScene]:
    yield AirflowScene(folder)


BENCH = Bench(
    name="airflow",
    title="Airflow's own share",
    size=2,
    tiny=2,
    unit="demo campaigns",
    ways=(Way("ours", Kind.OURS, "bench.airflow:ours"), Way("plain functions", Kind.FLOOR, "bench.airflow:floor")),
    scene=scene,
    reach="no number to reach: it is printed with what it consists of",
    growth=(),
    notes=(
        "*Seconds* begins with the request for the runs; starting the stack and parsing the DAGs are figures apart.",
        "*in tasks* is the sum over task instances, which run beside each other: imports, the DAG read again, our "
        "stage. *gaps* are times at which no task of a run is at work: the scheduler decides. *wait to collect* is "
        "what Airflow adds to the row Report ready → rows in the warehouse.",
    ),
)
