"""Waiting for reports: 1, 100 and 2,000 intents at once, in one event loop as Airflow's triggerer has it.

ours: a `ReportTrigger` for each intent, each of a campaign and a plan of its own (the dearest way to have so many), at
a vendor that can list its tasks (TWIN) and at one that has only reports (Dialog), while their windows are open and when
looks at reports are due. Peers: the trigger of
`HttpSensor(deferrable=True)`, and a poking `HttpSensor`, which is a worker process as long as it waits.
"""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from bench.campaign import CALL_DATE, campaign
from bench.frame import Bench, Kind, Options, Sample, Way, run_child
from bench.lists import listed
from bench.reporting import reporting
from bench.server import Database, running
from psycopg.types.json import Jsonb

from obzvon.ledger.keys import intent_id, plan_id
from obzvon.warehouse.db import connect

__all__ = ["BENCH", "connections"]

#: Seconds between two looks; an account's default is 60.
POLL, QUICK_POLL = 30.0, 0.5
CONTACTS = 100
_PLAN = """
insert into ops.campaign_plan (plan_id, campaign_id, call_date, vendor_code, purpose, spec, plan_hash, contacts_total,
                               contacts_to_call, planned_at)
values (%(plan)s, %(name)s, %(day)s, %(vendor)s, 'service', %(spec)s, repeat('0', 64), %(contacts)s, %(contacts)s,
        now())
"""
_INTENT = """
insert into ops.campaign_intent (intent_id, plan_id, campaign_id, call_date, vendor_code, zone, tz_offsets, chunk_no,
    batch_no, contacts_planned, contacts_sent, contacts_accepted, window_start_utc, window_end_utc, local_from,
    local_to, state, vendor_task_id, submitted_at)
values (%(intent)s, %(plan)s, %(name)s, %(day)s, %(vendor)s, '+03:00', '{180}', 0, 0, %(contacts)s, %(contacts)s,
    %(contacts)s, now(), now() + interval '1 hour', '10:00', '20:00', 'running', %(task)s, now())
"""
_CLOSES = """
update ops.campaign_intent set window_start_utc = %(closes)s - interval '10 hours', window_end_utc = %(closes)s,
    submitted_at = now() - interval '10 hours'
"""
#: The window's end seen from now, in a phase of the wait: hours to come; or just over, with its margin to come.
OPEN, DUE = timedelta(hours=5), timedelta(minutes=-5)


def connections(dsn: str, url: str, poll: float) -> dict[str, str]:
    """Airflow's connections of the warehouse and of both vendors, as variables of the environment."""
    where = psycopg.conninfo.conninfo_to_dict(dsn)
    warehouse = {
        "conn_type": "postgres", "host": where.get("host"), "port": where.get("port"), "login": where.get("user"),
        "password": where.get("password"), "schema": where.get("dbname"),
    }  # fmt: skip
    extra = {"token": "bench-token", "poll_seconds": poll, "requests_per_second": 0}
    zones = {"twin": {"company_timezone": "Europe/Moscow"}, "dialog": {"platform_timezone": "Asia/Yekaterinburg"}}
    found = {"WAREHOUSE_DEFAULT": {name: value for name, value in warehouse.items() if value}}
    for vendor, zone in zones.items():
        found[f"{vendor.upper()}_DEFAULT"] = {"conn_type": vendor, "host": url, "extra": {**extra, **zone}}
    return {f"AIRFLOW_CONN_{name}": json.dumps(value) for name, value in found.items()}


def ours(dsn: str, url: str, vendor: str, count: int, poll: float, seconds: float) -> dict[str, Any]:
    """So many triggers, each of its own plan."""
    os.environ |= connections(dsn, url, poll)
    from bench.looped import waited  # noqa: PLC0415 - greenback is Airflow's

    from obzvon_provider.triggers.report import ReportTrigger  # noqa: PLC0415 - Airflow reads its variables when imported

    deadline = (datetime.now(UTC) + timedelta(hours=12)).isoformat()
    plans = [plan_id(_name(vendor, number), CALL_DATE) for number in range(count)]
    triggers = [ReportTrigger(plan, 0, deadline, "warehouse_default").serialize() for plan in plans]
    found = waited(triggers, lambda: _journal(url), poll=1.3 * poll, seconds=seconds)
    return {"seconds": found.seconds, "figures": {"worker slots": 0, **found.figures()}}


def _journal(url: str) -> Mapping[str, int]:
    with urllib.request.urlopen(f"{url}/journal", timeout=60) as answer:
        told: Mapping[str, int] = json.load(answer)
    return told


def _name(vendor: str, number: int) -> str:
    return f"waiting_{vendor}_{number}"


def _plans(conn: psycopg.Connection, vendor: str, count: int) -> None:
    """So many plans of one running intent, each of another campaign."""
    spec = (listed("twin", CONTACTS) if vendor == "twin" else campaign()).canonical()
    conn.execute("set session_replication_role = replica")  # the ledger's guard lets no intent begin in the middle
    for number in range(count):
        name = _name(vendor, number)
        values = {
            "plan": plan_id(name, CALL_DATE), "intent": intent_id(name, CALL_DATE, "+03:00", 0), "name": name,
            "day": CALL_DATE, "vendor": vendor, "spec": Jsonb(spec | {"name": name}), "contacts": CONTACTS,
            "task": str(number),
        }  # fmt: skip
        conn.execute(_PLAN, values)
        conn.execute(_INTENT, values)
    conn.execute("set session_replication_role = origin")
    conn.commit()


_DUE = ", looks due"


def _case(count: int) -> str:
    return f"{count:,} intents"


@dataclass
class WaitingScene:
    """A warehouse in which so many intents run at each vendor."""

    database: Database
    dsn: str
    counts: tuple[int, ...]
    due: tuple[int, ...]
    poll: float
    seconds: float
    postgres: str

    def measure(self, way: Way) -> dict[str, Sample]:
        one = way.call.endswith(":poking")  # two thousand of these are two thousand times one: see the notes
        counts = self.counts[:1] if one else self.counts
        found = {_case(count): self._waited(way, count, OPEN) for count in counts}
        if way.kind is Kind.OURS:  # peers know no window
            found |= {_case(count) + _DUE: self._waited(way, count, DUE) for count in self.due}
        return found

    def _waited(self, way: Way, count: int, closes_in: timedelta) -> Sample:
        with connect(self.dsn) as conn:
            conn.execute("set session_replication_role = replica")
            conn.execute(_CLOSES, {"closes": datetime.now(UTC) + closes_in})
        with reporting(CONTACTS, tasks=count) as server:
            arguments: dict[str, Any] = {"url": server.url, "count": count, "poll": self.poll, "seconds": self.seconds}
            if way.kind is Kind.OURS:
                arguments |= {"dsn": self.dsn, "vendor": "twin" if "TWIN" in way.name else "dialog"}
            return run_child(way, arguments, AIRFLOW__CORE__LOAD_EXAMPLES="False")


@contextmanager
def scene(options: Options, folder: Path) -> Iterator[WaitingScene]:
    """Plans of both vendors."""
    every = [options.size] if options.quick else sorted({1, max(2, options.size // 20), options.size})
    wanted = options.cases or [*map(_case, every), _case(every[len(every) // 2]) + _DUE]
    counts, due = ([n for n in every if _case(n) + end in wanted] for end in ("", _DUE))
    with running(folder, durable=not options.quick) as database:
        dsn = database.template("waiting")
        with connect(dsn) as conn:
            for vendor in ("twin", "dialog"):
                _plans(conn, vendor, options.size)
        poll, seconds = (QUICK_POLL, QUICK_POLL) if options.quick else (POLL, POLL)
        yield WaitingScene(database, dsn, tuple(counts), tuple(due), poll, seconds, database.version)


BENCH = Bench(
    name="waiting",
    title="Waiting for reports",
    size=2_000,
    tiny=4,
    unit="intents at most",
    ways=(
        Way("ours at TWIN", Kind.OURS, "bench.waiting:ours"),
        Way("ours at Dialog", Kind.OURS, "bench.waiting:ours"),
        Way("HttpSensor deferrable", Kind.PEER, "bench.peers.waiting:deferred", ("apache-airflow-providers-http",)),
        Way("HttpSensor poke", Kind.PEER, "bench.peers.waiting:poking", ("apache-airflow-providers-http",)),
    ),
    scene=scene,
    reach="no worker slot; requests a minute constant at vendors that list; ≤ 50 KiB an intent; no block > 50 ms",
    growth=(),
    notes=(
        f"*Seconds* is only how long was looked. A look every {POLL:.0f} s with a jitter of 20 % (the default of an "
        f"account is 60 s), {CONTACTS} contacts an intent, every intent a campaign and a trigger of its own; a batch "
        "of several intents has one trigger.",
        "*KiB an intent*: what the process grew by from one trigger to all, after all have looked. *longest block* is "
        "how long the loop did nothing else, at most by the CPU time of the process; *by the clock* counts what other "
        "programs took too. Requests, and CPU seconds, are of a minute.",
        "Not measured: the log file that Airflow opens for each trigger, and its supervisor, which hands out "
        "connections and variables; both are the same for every trigger.",
        "While the window is open a report ends no wait. At TWIN one list of tasks serves all intents of the account "
        "then: a request for each 1,000 tasks, at most twice a poll, and one more where the last page is full. Dialog "
        "lists nothing: one report an intent each 10 minutes, for progress in the log, so n intents are n / 10 a "
        "minute. Neither those nor the one look with which each wait begins fall into what is measured here.",
        f"*{_DUE[2:]}*: some 20 minutes before the window and its margin are over until the report is complete, every "
        "poll looks: one report at Dialog, the task's status and its calls at TWIN. That grows with the intents that "
        "end at once, and only the account's budget (`requests_per_second`, 20 by default, off here) bounds it.",
        "A poking `HttpSensor` is a worker slot and a process with that memory as long as it waits, so n sensors are "
        "n times that: one is measured, the product is arithmetic. The deferrable one asks whether the address is 404 "
        "and cannot look into a report: `response_check` makes it poke.",
    ),
)
