"""A demo campaign through all stages as plain functions against the sandbox, and what each takes."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

from bench.campaign import SECRET
from bench.environment import ROOT

from obzvon.campaigns.catalogue import load
from obzvon.contacts.prepare import prepared
from obzvon.contacts.sources.connections import Connections
from obzvon.ledger.intents import intents_of, move
from obzvon.ledger.states import IntentState
from obzvon.policy.model import load_policy
from obzvon.qolio.client import QolioClient
from obzvon.reports.archive import Archive
from obzvon.stages.audit import audit
from obzvon.stages.collect_batch import Collector, collect
from obzvon.stages.deliver import deliver
from obzvon.stages.launch import Launcher, launch
from obzvon.stages.plan import plan
from obzvon.stages.wait import deadline_of, task_of, watch
from obzvon.vendors.account import Account
from obzvon.vendors.registry import dialer_class
from obzvon.warehouse.db import connect, connect_async

__all__ = ["Staged"]

CALL_ZONE = ZoneInfo("Europe/Moscow")
POLICY = ROOT / "include" / "policy" / "policy.yaml"
#: As the local stack's connections: two seconds between looks.
POLL = 2.0
OPTIONS: dict[str, dict[str, Any]] = {
    "dialog": {"platform_timezone": "Asia/Yekaterinburg"},
    "twin": {"company_timezone": "Europe/Moscow", "finished_statuses": ["FINISHED"]},
    "qolio": {"integration_path": "/api/v1/integrations/c34f637a-0000-4000-8000-000000000001/phone_calls"},
}
PASSWORDS = {
    "dialog": "sandbox-dialog-password",
    "twin": "sandbox-twin-password",
    "qolio": "sandbox-qolio-integration-token",
}


class _NoConnections:
    """A file needs none."""


class Staged:
    """One campaign for tomorrow; `holds` after `go`: whether every check of its audit does."""

    def __init__(self, name: str, dsn: str, sandbox: str, archive: Path) -> None:
        self.spec = load(ROOT / "include" / "campaigns" / f"{name}.yaml")
        self.dsn, self.sandbox, self.archive = dsn, sandbox, Archive(archive)
        self.spent: dict[str, float] = defaultdict(float)
        self.plan_id, self.holds = "", False

    async def go(self) -> dict[str, float]:
        """Seconds by stage; batches of a stage run beside each other and are added up."""
        with self._timed("plan"):
            batches = await asyncio.to_thread(self._plan)
        await asyncio.gather(*map(self._call, batches))
        with self._timed("deliver"):
            async with QolioClient.connected(self._account("qolio")) as client:
                await deliver(self.dsn, self.spec, client, self.plan_id)
        with self._timed("audit"):
            self.holds = await asyncio.to_thread(self._audited)
        return dict(self.spent)

    def _account(self, vendor: str) -> Account:
        address, login = f"{self.sandbox}/{vendor}", "robot@obzvon.example"
        return Account(address, login, PASSWORDS[vendor], options=OPTIONS[vendor], conn_id=f"{vendor}_default")

    def _plan(self) -> tuple[int, ...]:
        day = datetime.now(CALL_ZONE).date() + timedelta(days=1)
        with connect(self.dsn) as conn:
            chunks = prepared(self.spec, ROOT, cast(Connections, _NoConnections()), SECRET)
            made = plan(conn, self.spec, load_policy(POLICY), day, now=datetime.now(UTC), chunks=chunks)
        self.plan_id = made.plan_id
        return made.batches

    async def _call(self, batch: int) -> None:
        vendor = dialer_class(self.spec.vendor.type)
        async with vendor.connected(self._account(vendor.code), self.spec) as dialer:
            async with await connect_async(self.dsn) as conn:
                with self._timed("launch"):
                    await launch(Launcher(conn, dialer, self.spec, "bench", lambda: False), self.plan_id, batch)
                with self._timed("wait"):
                    running = await intents_of(conn, self.plan_id, batch, [IntentState.RUNNING])
                    tasks = [task_of(intent, self.spec) for intent in running]
                    ends = deadline_of(running, self.spec.wait) if running else datetime.now(UTC)
                    verdicts = await watch(dialer, tasks, self.spec.wait, deadline=ends, poll_seconds=POLL)
                    for intent in running:
                        verdict = verdicts[intent.intent_id]
                        await move(conn, intent, IntentState.COLLECTING, run_id="bench", completeness=verdict)
                    await conn.commit()
            with self._timed("collect"):
                collector = Collector(self.dsn, self.archive, dialer, self.spec, SECRET, "bench")
                await collect(collector, self.plan_id, batch)

    def _audited(self) -> bool:
        with connect(self.dsn) as conn:
            return not audit(conn, self.plan_id).failed

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.spent[stage] += time.perf_counter() - began
