"""Delivery to Qolio: one POST a call, against a server that answers after 20 ms.

ours: `obzvon.stages.deliver.deliver` from the warehouse, with its ledger before and after each request and the
account's budget in PostgreSQL. Peers and floor send the same bodies from a file and note nothing. The unit is seconds
for 1,000 calls: ways that send one by one are given fewer calls, or they would take minutes for one figure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from bench.answering import Journal, answering
from bench.campaign import PLAN, SECRET, Reports, campaign, plan_in_ledger
from bench.frame import Bench, Kind, Options, Sample, Way, run_child
from bench.load import BATCHES
from bench.server import Database, running

from obzvon.qolio.client import REQUESTS_PER_SECOND, VENDOR, QolioClient
from obzvon.qolio.deliveries import conversations
from obzvon.qolio.payload import build
from obzvon.reports.archive import Archive
from obzvon.stages.collect import load
from obzvon.stages.deliver import deliver
from obzvon.vendors.account import Account
from obzvon.vendors.budget import request_budget
from obzvon.vendors.dialog import Dialog
from obzvon.warehouse.db import connect, connect_async

__all__ = ["BENCH"]

DELAY_MS = 20
WORKERS = (8, 32, 64)
LIMIT, LIMITED_SECONDS = 50, 20
ONE_BY_ONE = 20  # so many times fewer calls for who sends one by one
PATH = "/api/v1/integrations/c34f637a-0000-4000-8000-000000000001/phone_calls"
SEQUENTIAL = frozenset({"HttpHook, one by one", "requests session, one by one"})


def ours(dsn: str, url: str, workers: int, limit: float) -> None:
    """Deliver the plan."""
    spec = campaign(limits={"qolio_concurrency": workers, "marking_fee_rub": "0.25"})
    account = Account(url, token="t", options={"integration_path": PATH, "requests_per_second": limit})

    async def main() -> None:
        async with (
            request_budget(dsn, VENDOR, account, REQUESTS_PER_SECOND) as budget,
            QolioClient.connected(account, budget=budget) as client,
        ):
            await deliver(dsn, spec, client, PLAN)

    asyncio.run(main())


@dataclass
class DeliverScene:
    """A warehouse with recorded conversations that Qolio has none of, and their bodies in a file."""

    database: Database
    bodies: Path
    calls: int
    seconds_of_limit: float
    postgres: str

    def measure(self, way: Way) -> dict[str, Sample]:
        if way.name in SEQUENTIAL:
            calls = max(10, self.calls // ONE_BY_ONE)
            sample = self._sent(way, {"calls": calls, "workers": 1}, calls)
            return {_case(workers): sample for workers in WORKERS}
        found = {_case(n): self._sent(way, {"calls": self.calls, "workers": n}, self.calls) for n in WORKERS}
        if way.kind is Kind.OURS:
            found[f"32 workers, {LIMIT} a second"] = self._limited(way)
        return found

    def _limited(self, way: Way) -> Sample:
        calls = min(self.calls, max(10, round(LIMIT * self.seconds_of_limit)))
        return self._sent(way, {"workers": 32, "limit": LIMIT}, calls, surplus=self.calls - calls)

    def _sent(self, way: Way, arguments: Mapping[str, Any], calls: int, surplus: int = 0) -> Sample:
        with answering(DELAY_MS) as server, self.database.copy() as dsn:
            if way.kind is Kind.OURS:
                own = {
                    "dsn": dsn,
                    "url": server.url,
                    "limit": arguments.get("limit", 0),
                    "workers": arguments["workers"],
                }
                _drop_calls(dsn, surplus)
            else:
                own = {"file": str(self.bodies), "url": server.url + PATH, **arguments}
            sample = run_child(way, own)
            journal = server.journal()
            whole = _whole(journal, calls) and (way.kind is not Kind.OURS or _noted(dsn) == calls)
        figures = {"calls a second": calls / sample.seconds, "most in a second": journal["busiest"]}
        state = "same" if whole else f"differs: {journal['distinct']} of {calls}"
        return replace(sample, seconds=sample.seconds / calls * 1000, figures=figures, state=state)


def _case(workers: int) -> str:
    return f"{workers} workers, no limit"


def _whole(journal: Journal, calls: int) -> bool:
    """Each call came once."""
    return bool(journal["distinct"] == calls and not journal["doubled"])


def _noted(dsn: str) -> int:
    with connect(dsn) as conn:
        return int(conn.execute("select count(*) from ops.qa_delivery where state = 'SENT'").fetchall()[0][0])


def _drop_calls(dsn: str, count: int) -> None:
    """Take so many recordings away: the limit is shown with fewer calls."""
    if count:
        with connect(dsn) as conn:
            conn.execute(
                "delete from dwh.fact_call_attempt where (vendor_code, vendor_call_id, call_month) in"
                " (select vendor_code, vendor_call_id, call_month from dwh.fact_call_attempt limit %s)",
                (count,),
            )
            conn.commit()


@contextmanager
def scene(options: Options, folder: Path) -> Iterator[DeliverScene]:
    """Load conversations of a plan, and write the bodies that they become."""
    with running(folder, durable=not options.quick) as database:
        template, contacts = database.url("template"), max(1, options.size // 2)
        with connect(template) as conn:
            plan_in_ledger(conn, contacts, contacts, state="collecting")
            archive = Archive(folder / "archive")
            Reports(transcripts=True).archive(conn, archive, {"first": BATCHES["first"]})
            ((intent,),) = conn.execute("select intent_id from ops.campaign_intent").fetchall()
            conn.commit()
            load(conn, archive, campaign(), Dialog, intent, "first", secret=SECRET)
            conn.commit()
            conn.autocommit = True
            conn.execute("vacuum analyze")
        calls = asyncio.run(_write_bodies(template, folder / "bodies.jsonl"))
        limited = 1 if options.quick else LIMITED_SECONDS
        yield DeliverScene(database, folder / "bodies.jsonl", calls, limited, database.version)


async def _write_bodies(dsn: str, path: Path) -> int:
    calls, spec = 0, campaign()
    async with await connect_async(dsn) as conn:
        with path.open("wb") as out:
            async for group in conversations(conn, PLAN, 500):
                for conversation in group:
                    out.write(orjson.dumps(build(conversation.call, spec).body()) + b"\n")
                    calls += 1
    return calls


BENCH = Bench(
    name="deliver",
    title="Qolio delivery",
    size=20_000,
    tiny=40,
    unit="calls; seconds for 1,000",
    ways=(
        Way("ours", Kind.OURS, "bench.deliver:ours"),
        Way("HttpHook, one by one", Kind.PEER, "bench.peers.deliver:http_hook", ("apache-airflow-providers-http",)),
        Way("requests session, one by one", Kind.PEER, "bench.peers.deliver:one_by_one", ("requests",)),
        Way("requests + threads", Kind.PEER, "bench.peers.deliver:requests_threads", ("requests",)),
        Way("httpx AsyncClient", Kind.PEER, "bench.peers.deliver:httpx_async", ("httpx",)),
        Way("bare aiohttp", Kind.FLOOR, "bench.floors:post"),
    ),
    scene=scene,
    reach=(
        "≥ 90 % of bare aiohttp including the ledger; exactly the limit when there is one; ≥ 20 × one by one at 32 "
        "workers"
    ),
    growth=(),
    notes=(
        f"The server answers after {DELAY_MS} ms, so a worker sends at most {1000 // DELAY_MS} calls a second.",
        "One by one is how dlt's and Airbyte's reverse-ETL destinations use an API that takes one record a request.",
        f"Ways that send one by one send a {ONE_BY_ONE}th of the calls.",
    ),
)
