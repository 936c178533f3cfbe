"""The demo campaigns from list to Qolio, stage by stage against the sandbox: all four witnesses agree to the row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest
from whole_way import ROOT, Run

from obzvon.campaigns.catalogue import load
from obzvon.sandbox.process import Sandbox, running_sandbox

pytestmark = pytest.mark.stack


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
