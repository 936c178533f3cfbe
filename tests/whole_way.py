"""A campaign on its way through all stages against the sandbox, without Airflow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from obzvon.campaigns.spec import CampaignSpec
from obzvon.contacts.prepare import prepared
from obzvon.ledger.intents import intents_of, move
from obzvon.ledger.states import IntentState
from obzvon.policy.model import load_policy
from obzvon.qolio.client import QolioClient
from obzvon.reports.archive import Archive
from obzvon.sandbox.process import Sandbox
from obzvon.stages.audit import AuditReport, audit
from obzvon.stages.collect_batch import Collector, collect
from obzvon.stages.deliver import DeliverySummary, deliver
from obzvon.stages.launch import Launcher, launch
from obzvon.stages.plan import plan
from obzvon.stages.wait import deadline_of, task_of, watch
from obzvon.vendors.account import Account
from obzvon.vendors.base import Dialer
from obzvon.vendors.registry import dialer_class
from obzvon.warehouse.db import connect_async

ROOT = Path(__file__).resolve().parents[1]
SECRET = b"a secret of at least thirty-two characters"
#: Tomorrow in Moscow: every zone's window is still to come, at any hour of the day.
DAY = (datetime.now(ZoneInfo("Europe/Moscow")) + timedelta(days=1)).date()
OPTIONS: dict[str, dict[str, Any]] = {
    "dialog": {"platform_timezone": "Asia/Yekaterinburg"},
    "twin": {"company_timezone": "Europe/Moscow"},
    "qolio": {"integration_path": "/api/v1/integrations/c34f637a-0000-4000-8000-000000000001/phone_calls"},
}
PASSWORDS = {name: f"sandbox-{name}-password" for name in ("dialog", "twin")} | {
    "qolio": "sandbox-qolio-integration-token"
}


class Run:
    """One campaign on its way through the stages, as the operators call them. `root`: the project's folder."""

    root = ROOT

    def __init__(self, spec: CampaignSpec, dsn: str, conn: psycopg.Connection, server: Sandbox, folder: Path) -> None:
        self.spec, self.dsn, self.conn, self.server, self.folder = spec, dsn, conn, server, folder
        self.plan_id, self.batches = "", tuple[int, ...]()

    def account(self, vendor: str) -> Account:
        address, login = f"{self.server.base_url}/{vendor}", "robot@obzvon.example"
        return Account(address, login, PASSWORDS[vendor], options=OPTIONS[vendor], conn_id=f"{vendor}_default")

    async def go(self) -> tuple[DeliverySummary, AuditReport]:
        self.plan()
        await asyncio.gather(*(self.call(batch_no) for batch_no in self.batches))
        return await self.deliver(), audit(self.conn, self.plan_id)

    def plan(self) -> None:
        chunks = prepared(self.spec, self.root, None, SECRET)  # type: ignore[arg-type]  # a file needs no connection
        policy = load_policy(self.root / "include" / "policy" / "policy.yaml")
        summary = plan(self.conn, self.spec, policy, DAY, now=datetime.now(UTC), chunks=chunks)
        self.conn.commit()
        self.plan_id, self.batches = summary.plan_id, summary.batches

    async def call(self, batch_no: int) -> None:
        await self.dial(batch_no)
        await self.collect(batch_no)

    @asynccontextmanager
    async def dialer(self) -> AsyncIterator[Dialer]:
        vendor = dialer_class(self.spec.vendor.type)
        async with vendor.connected(self.account(vendor.code), self.spec) as dialer:
            yield dialer

    async def dial(self, batch_no: int) -> None:
        async with self.dialer() as dialer, await connect_async(self.dsn) as conn:
            await launch(Launcher(conn, dialer, self.spec, "run", lambda: False), self.plan_id, batch_no)
            running = await intents_of(conn, self.plan_id, batch_no, [IntentState.RUNNING])
            tasks = [task_of(intent, self.spec) for intent in running]
            ends = deadline_of(running, self.spec.wait) if running else datetime.now(UTC)
            verdicts = await watch(dialer, tasks, self.spec.wait, deadline=ends, poll_seconds=0.5)
            for intent in running:
                verdict = verdicts[intent.intent_id]
                await move(conn, intent, IntentState.COLLECTING, run_id="run", completeness=verdict)
            await conn.commit()

    def collector(self, dialer: Dialer) -> Collector:
        return Collector(self.dsn, Archive(self.folder), dialer, self.spec, SECRET, "run")

    async def collect(self, batch_no: int) -> None:
        async with self.dialer() as dialer:
            await collect(self.collector(dialer), self.plan_id, batch_no)

    async def deliver(self) -> DeliverySummary:
        async with QolioClient.connected(self.account("qolio")) as client:
            return await deliver(self.dsn, self.spec, client, self.plan_id)

    def number(self, query: str) -> int:
        row = self.conn.execute(query).fetchone()  # type: ignore[call-overload]
        assert row is not None
        return int(row[0])
