"""The demo campaigns from list to Qolio, stage by stage against the sandbox: all four witnesses agree to the row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import psycopg
import pytest

from obzvon.campaigns.catalogue import load
from obzvon.campaigns.spec import CampaignSpec
from obzvon.contacts.prepare import prepared
from obzvon.ledger.intents import intents_of, move
from obzvon.ledger.states import IntentState
from obzvon.policy.model import load_policy
from obzvon.qolio.client import QolioClient
from obzvon.reports.archive import Archive
from obzvon.sandbox.process import Sandbox, running_sandbox
from obzvon.stages.audit import AuditReport, audit
from obzvon.stages.collect_batch import Collector, collect
from obzvon.stages.deliver import DeliverySummary, deliver
from obzvon.stages.launch import Launcher, launch
from obzvon.stages.plan import plan
from obzvon.stages.wait import deadline_of, task_of, watch
from obzvon.vendors.account import Account
from obzvon.vendors.registry import dialer_class
from obzvon.warehouse.db import connect_async

pytestmark = pytest.mark.stack
ROOT = Path(__file__).resolve().parents[2]
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
    """One campaign on its way through the stages, as the operators call them."""

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
        chunks = prepared(self.spec, ROOT, None, SECRET)  # type: ignore[arg-type]  # a file needs no connection
        policy = load_policy(ROOT / "include" / "policy" / "policy.yaml")
        summary = plan(self.conn, self.spec, policy, DAY, now=datetime.now(UTC), chunks=chunks)
        self.conn.commit()
        self.plan_id, self.batches = summary.plan_id, summary.batches

    async def call(self, batch_no: int) -> None:
        vendor = dialer_class(self.spec.vendor.type)
        async with (
            vendor.connected(self.account(vendor.code), self.spec) as dialer,
            await connect_async(self.dsn) as conn,
        ):
            await launch(Launcher(conn, dialer, self.spec, "run", lambda: False), self.plan_id, batch_no)
            running = await intents_of(conn, self.plan_id, batch_no, [IntentState.RUNNING])
            tasks = [task_of(intent, self.spec) for intent in running]
            ends = deadline_of(running, self.spec.wait) if running else datetime.now(UTC)
            verdicts = await watch(dialer, tasks, self.spec.wait, deadline=ends, poll_seconds=0.5)
            for intent in running:
                verdict = verdicts[intent.intent_id]
                await move(conn, intent, IntentState.COLLECTING, run_id="run", completeness=verdict)
            await conn.commit()
            await collect(
                Collector(self.dsn, Archive(self.folder), dialer, self.spec, SECRET, "run"), self.plan_id, batch_no
            )

    async def deliver(self) -> DeliverySummary:
        async with QolioClient.connected(self.account("qolio")) as client:
            return await deliver(self.dsn, self.spec, client, self.plan_id)

    def number(self, query: str) -> int:
        row = self.conn.execute(query).fetchone()  # type: ignore[call-overload]
        assert row is not None
        return int(row[0])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), speed=36000) as sandbox:
        yield sandbox


@pytest.fixture
async def admin(server: Sandbox) -> AsyncIterator[Any]:
    async with aiohttp.ClientSession() as http:

        async def ask(path: str) -> list[dict[str, Any]]:
            async with http.get(f"{server.admin}/{path}") as answer:
                return list(await answer.json())

        yield ask


@pytest.mark.parametrize("name", ["demo_dialog", "demo_twin"])
async def test_journal_ledger_facts_and_deliveries_agree(
    name: str, server: Sandbox, admin: Any, warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path
) -> None:
    spec = load(ROOT / "include" / "campaigns" / f"{name}.yaml")
    vendor = spec.vendor.type
    run = Run(spec, warehouse_dsn, conn, server, tmp_path)
    delivered, report = await run.go()
    assert delivered.sent > 0
    assert delivered.rejected == delivered.in_doubt == 0
    assert not report.failed
    conn.commit()

    dials = [dial for dial in await admin("dials") if dial["vendor"] == vendor]
    assert len(dials) == run.number("select count(*) from dwh.fact_call_attempt")
    assert {dial["call_id"] for dial in dials} == {
        row[0] for row in conn.execute("select vendor_call_id from dwh.fact_call_attempt")
    }
    accepted = run.number("select sum(contacts_accepted) from ops.campaign_intent")
    assert len({dial["phone"] for dial in dials}) == accepted
    recorded = {call["uid"] for call in await admin("qolio/calls") if call["uid"].startswith(f"{vendor}:")}
    assert recorded == {row[0] for row in conn.execute("select call_uid from ops.qa_delivery where state = 'SENT'")}
    assert delivered.skipped == run.number("select count(*) from ops.qa_delivery where state = 'SKIPPED'")

    posts = len(await admin("requests?vendor=qolio&method=POST&limit=100000"))
    facts = conn.execute("select * from dwh.fact_call_attempt order by 1, 2").fetchall()
    again, report = await run.go()
    assert (again.sent, again.unchanged + again.skipped) == (0, delivered.conversations)
    assert not report.failed
    assert len([dial for dial in await admin("dials") if dial["vendor"] == vendor]) == len(dials)
    assert len(await admin("requests?vendor=qolio&method=POST&limit=100000")) == posts
    assert conn.execute("select * from dwh.fact_call_attempt order by 1, 2").fetchall() == facts
