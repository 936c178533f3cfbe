"""Report ready → rows in the warehouse: how long after a report has become ready its calls can be asked for.

ours: what happens between two tasks' starts, each run on its own batch: `WaitSensor` defers, its trigger looks every
poll, the sensor notes the verdict, `CollectOperator` archives and loads. Peer: a poking `HttpSensor`, a request and
pandas' `to_sql`. The floor asks every poll and does nothing else. The moment is random within a poll, and the same for
all ways.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench.campaign import PLAN, SECRET, campaign, plan_in_ledger
from bench.frame import Bench, Kind, Options, Sample, Way, run_child
from bench.reporting import LAST_ROW, OVER, WINDOW, reporting
from bench.server import Database, running
from bench.waiting import connections
from psycopg.types.json import Jsonb

from obzvon.warehouse.db import connect

__all__ = ["BENCH"]

#: Seconds between two looks. The jitter of ours is 20 %; the peer has none.
POLL = 1.0
CONTACTS = 200
#: The vendor's minute without a change passes in a sixtieth of a second.
WAIT = {"stable_polls": 2, "stable_minutes": 1, "margin_minutes": 0}
CASES = (OVER, LAST_ROW)
Run = Callable[[int, float], Mapping[str, float]]


def ours(dsn: str, url: str, what: str, moments: Sequence[float], poll: float, archive: str) -> dict[str, Any]:
    """One run after the other through sensor, trigger and collect."""
    os.environ |= connections(dsn, url, poll)
    os.environ |= {"AIRFLOW_VAR_OBZVON_PHONE_SECRET": SECRET.decode(), "AIRFLOW_VAR_OBZVON_ARCHIVE": archive}
    from airflow.sdk.exceptions import TaskDeferred  # noqa: PLC0415 - Airflow reads its variables when imported

    from obzvon_provider.operators.collect import CollectOperator  # noqa: PLC0415
    from obzvon_provider.sensors.report import WaitSensor  # noqa: PLC0415

    context: Any = {"run_id": "bench"}

    def run(number: int, ready_at: float) -> Mapping[str, float]:
        sensor = WaitSensor(task_id=f"wait_{number}", plan_id=PLAN, batch_no=number)
        try:
            sensor.execute(context)
        except TaskDeferred as deferred:
            event = asyncio.run(_first(deferred.trigger))
        seen = time.time()
        verdict = sensor.resume(context, event)
        if verdict != {"complete": 1, "partial": 0}:
            raise RuntimeError(f"batch {number}: {verdict}")
        noted = time.time()
        collecting = CollectOperator(task_id=f"collect_{number}", plan_id=PLAN, batch_no=number)
        asyncio.run(collecting.aexecute(context))
        ended = time.time()
        return {"lag": ended - ready_at, "seen": seen - ready_at, "noted": noted - seen, "loaded": ended - noted}

    return _runs(run, url, what, moments)


async def _first(trigger: Any) -> Any:
    async for event in trigger.run():
        return event.payload
    raise RuntimeError("the trigger ended without an event")


def floor(url: str, what: str, moments: Sequence[float], poll: float) -> dict[str, Any]:
    """Nothing but the poll."""

    def run(number: int, ready_at: float) -> Mapping[str, float]:
        while not _there(f"{url}/stock/{number}"):
            time.sleep(poll)
        return {"lag": time.time() - ready_at}

    return _runs(run, url, what, moments)


def _there(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=60).close()
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return False
    return True


def _runs(run: Run, url: str, what: str, moments: Sequence[float]) -> dict[str, Any]:
    """All runs; `seconds` is the 95th percentile of the lags. Each run's moment counts from its own start."""
    lags: list[float] = []
    figures: dict[str, list[float]] = {}
    for number, after in enumerate(moments):
        ready_at = time.time() + after
        body = json.dumps({"at": ready_at, "what": what}).encode()
        request = urllib.request.Request(f"{url}/moments/{number}", body, method="PUT")
        urllib.request.urlopen(request, timeout=60).close()
        took = run(number, ready_at)
        lags.append(took["lag"])
        for name, value in took.items():
            figures.setdefault(name, []).append(value)
    told = {"median s": median(lags), "most s": max(lags)}
    parts = {"seen": "ready → seen s", "noted": "seen → noted s", "loaded": "noted → in the warehouse s"}
    told |= {title: median(figures[name]) for name, title in parts.items() if name in figures}
    return {"seconds": p95(lags), "figures": told}


def p95(values: Sequence[float]) -> float:
    """The 95th percentile; of one value that value."""
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def _case(what: str) -> str:
    return f"ready by {what}"


@dataclass
class ReadyScene:
    """A warehouse with a running batch for each run."""

    database: Database
    folder: Path
    moments: Sequence[float]
    poll: float
    whats: Sequence[str]
    postgres: str
    measured: int = 0

    def measure(self, way: Way) -> dict[str, Sample]:
        """Peers and the floor do not ask whether a report is final: one measurement of them serves both cases."""
        if way.kind is Kind.OURS:
            return {_case(what): self._ran(way, what) for what in self.whats}
        sample = self._ran(way, LAST_ROW)
        return {_case(what): sample for what in self.whats}

    def _ran(self, way: Way, what: str) -> Sample:
        self.measured += 1
        with self.database.copy("ready") as dsn, reporting(CONTACTS) as server:
            arguments: dict[str, Any] = {"url": server.url, "what": what, "moments": self.moments, "poll": self.poll}
            if way.kind is not Kind.FLOOR:
                arguments |= {"dsn": dsn}
            if way.kind is Kind.OURS:
                arguments |= {"archive": str(self.folder / f"archive-{self.measured}")}
            sample = run_child(way, arguments, AIRFLOW__CORE__LOAD_EXAMPLES="False")
            return replace(sample, state=self._state(way, dsn))

    def _state(self, way: Way, dsn: str) -> str | None:
        """Dials of all runs: two a contact."""
        if way.kind is Kind.FLOOR:
            return None
        table = "dwh.fact_call_attempt" if way.kind is Kind.OURS else "public.calls"
        column = "vendor_call_id" if way.kind is Kind.OURS else "call_id"
        with connect(dsn) as conn:
            (found,) = conn.execute(f"select count(distinct {column}) from {table}".encode()).fetchall()[0]
        return "same" if found == 2 * CONTACTS * len(self.moments) else f"differs: {found} calls"


@contextmanager
def scene(options: Options, folder: Path) -> Iterator[ReadyScene]:
    """One plan; each run has a batch of one intent."""
    poll = 0.5 if options.quick else POLL
    chances = random.Random(7)
    moments = [poll * (1.3 + chances.random()) for _ in range(options.size)]  # a look comes before, and the next after
    with running(folder, durable=not options.quick) as database:
        with connect(database.template("ready")) as conn:
            plan_in_ledger(conn, options.size * CONTACTS, CONTACTS, state="running", real_keys=True)
            conn.execute("set session_replication_role = replica")
            conn.execute(
                "update ops.campaign_intent set batch_no = chunk_no, vendor_task_id = chunk_no::text,"
                " window_start_utc = %s, window_end_utc = %s",
                WINDOW,
            )
            conn.execute("update ops.campaign_plan set spec = %s", (Jsonb(campaign(wait=WAIT).canonical()),))
            conn.execute("set session_replication_role = origin")
            conn.commit()
            conn.autocommit = True
            conn.execute("vacuum analyze")
        whats = [what for what in CASES if not options.cases or _case(what) in options.cases]
        yield ReadyScene(database, folder, moments, poll, whats, database.version)


BENCH = Bench(
    name="ready",
    title="Report ready → rows in the warehouse",
    size=100,
    tiny=2,
    unit="runs",
    ways=(
        Way("ours", Kind.OURS, "bench.ready:ours"),
        Way(
            "HttpSensor, HttpHook, pandas",
            Kind.PEER,
            "bench.peers.waiting:ready",
            ("apache-airflow-providers-http", "pandas", "sqlalchemy", "psycopg"),
        ),
        Way("asking every poll", Kind.FLOOR, "bench.ready:floor"),
    ),
    scene=scene,
    reach="p95 ≤ one poll + 5 s",
    growth=(),
    notes=(
        f"*Seconds* is the 95th percentile of all runs of a round, from the moment the report is ready. A poll is "
        f"{POLL:.0f} s here (an account's default is 60); ours has a jitter of 20 % around it.",
        f"*ready by {OVER}*: all rows are there and stay as they are, and the window with its margin ends; the next "
        f"look ends the wait. *ready by {LAST_ROW}*: a report that changes until then has to be seen twice without a "
        "change, so ours waits a second poll on purpose, and in production at least `wait.stable_minutes` (15). The "
        "peer believes the first look.",
        f"A report has {2 * CONTACTS} dials. The peer drops its JSON into one table without keys or checks.",
        "Left out: how long Airflow takes to hear of the trigger's event and to start the two tasks. The row Airflow's "
        "own share has the second: *wait to collect*.",
    ),
)
