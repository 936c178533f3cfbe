"""Launch: a plan's contacts at the vendor, TWIN in batches of 1,000 and Dialog in campaigns of 20,000.

ours: the launch stage with everything that makes a repeated run harmless: the ledger written and committed before each
request and after it, opt-outs and caps asked again, the vendor's own count read after each batch. The floor posts the
same bodies one after the other and notes nothing; the second one sends our GETs too. No peer: a stock pipeline notes
nothing either (docs/faults.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.answering import answering
from bench.frame import Bench, Kind, Options, Sample, Way, run_child
from bench.lists import CALL_DATE, NOW, listed, planned, write_list
from bench.server import Database, running

from obzvon.ledger.keys import plan_id
from obzvon.stages.launch import Launcher, launch
from obzvon.vendors.account import Account
from obzvon.vendors.budget import request_budget
from obzvon.vendors.registry import dialer_class
from obzvon.warehouse.db import connect, connect_async

__all__ = ["BENCH"]

PLAN = plan_id("bench_list", CALL_DATE)
DELAY_MS = 100
CASES = {"twin": "TWIN, batches of 1,000", "dialog": "Dialog, campaigns of 20,000"}
OPTIONS = {
    "twin": {"company_timezone": "Europe/Moscow", "requests_per_second": 0},
    "dialog": {"platform_timezone": "Asia/Yekaterinburg", "requests_per_second": 0},
}


def ours(dsn: str, url: str, vendor: str, contacts: int) -> None:
    """Launch the plan's one batch of intents."""
    spec = listed(vendor, contacts)
    kind, account = dialer_class(vendor), Account(url, token="t", options=OPTIONS[vendor])

    async def main() -> None:
        async with (
            request_budget(dsn, vendor, account, kind.requests_per_second) as budget,
            kind.connected(account, spec, budget=budget) as dialer,
            await connect_async(dsn) as conn,
        ):
            launcher = Launcher(conn, dialer, spec, "bench", lambda: False, clock=lambda: NOW)
            result = await launch(launcher, PLAN, 0)
            if result.problems or result.doubts:
                raise RuntimeError(f"{result}")

    asyncio.run(main())


@dataclass
class LaunchScene:
    """A plan for each vendor, and the bodies that its launch sends."""

    database: Database
    folder: Path
    contacts: int
    postgres: str
    to_call: Mapping[str, int]

    def bodies(self, vendor: str) -> Path:
        return self.folder / f"bodies-{vendor}"

    def prepare(self) -> None:
        """The floors' requests, from a launch that nobody measures."""
        for vendor in CASES:
            self.bodies(vendor).mkdir()
            with self.database.copy(vendor) as dsn, answering(0, self.bodies(vendor)) as server:
                run_child(BENCH.ways[0], self._arguments(BENCH.ways[0], vendor, dsn, server.url))

    def measure(self, way: Way) -> dict[str, Sample]:
        return {CASES[vendor]: self._launched(way, vendor) for vendor in CASES}

    def _launched(self, way: Way, vendor: str) -> Sample:
        with self.database.copy(vendor) as dsn, answering(DELAY_MS) as server:
            sample = run_child(way, self._arguments(way, vendor, dsn, server.url))
            journal = server.journal()
        whole = journal["distinct"] == self.to_call[vendor] and not journal["doubled"]
        figures = {"requests": journal["requests"], "contacts": journal["distinct"], "doubled": journal["doubled"]}
        said = f"differs: {journal['distinct']} of {self.to_call[vendor]}, {journal['doubled']} twice"
        return replace(sample, figures=figures, state="same" if whole else said)

    def _arguments(self, way: Way, vendor: str, dsn: str, url: str) -> dict[str, Any]:
        if way.kind is Kind.FLOOR:
            return {"url": url, "folder": str(self.bodies(vendor))}
        return {"dsn": dsn, "url": url, "vendor": vendor, "contacts": self.contacts}


@contextmanager
def scene(options: Options, folder: Path) -> Iterator[LaunchScene]:
    """Plan the list for both vendors."""
    with running(folder, durable=not options.quick) as database:
        write_list(folder / "list.csv", options.size)
        to_call = {}
        for vendor in CASES:
            with connect(database.template(vendor)) as conn:
                to_call[vendor] = planned(conn, listed(vendor, options.size), folder).contacts_to_call
                conn.commit()
                conn.autocommit = True
                conn.execute("vacuum analyze")
        prepared = LaunchScene(database, folder, options.size, database.version, to_call)
        prepared.prepare()
        yield prepared


BENCH = Bench(
    name="launch",
    title="Launch",
    size=1_000_000,
    tiny=300,
    unit="contacts",
    ways=(
        Way("ours", Kind.OURS, "bench.launch:ours"),
        Way("bare POSTs", Kind.FLOOR, "bench.floors:post_in_order"),
        Way("bare POSTs and the same GETs", Kind.FLOOR, "bench.floors:send_in_order"),
    ),
    scene=scene,
    reach="≥ 80 % of the floor, duplicates 0",
    notes=(
        f"The server answers after {DELAY_MS} ms. One batch of intents, one request after the other, as one mapped "
        "task does it; a campaign file's `max_batches` says how many do so at once.",
        "ours − bare POSTs is the ledger, the checks, building the bodies, and at TWIN reading the count after each "
        "batch: without it nobody knows that the vendor holds whom it took. So a second floor sends our GETs too.",
        "At Dialog a request takes as long as its answer, whatever it carries, and the ledger writes a row for each "
        "contact, so that more contacts a request make the ratio worse and the launch no slower.",
    ),
)
