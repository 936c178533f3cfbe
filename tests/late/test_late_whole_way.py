"""Rows that the vendor shows a day later: loaded as late, delivered, and the audit agrees before and after."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from whole_way import ROOT, Run

from obzvon.campaigns.catalogue import load
from obzvon.sandbox.process import running_sandbox
from obzvon.stages.audit import audit
from obzvon.stages.late import late_plans, pull_again

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("name", ["demo_dialog", "demo_twin"])
async def test_rows_that_appear_later_come_in_are_delivered_and_reconcile(
    name: str, warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path
) -> None:
    spec = load(ROOT / "include" / "campaigns" / f"{name}.yaml")
    with running_sandbox(tmp_path, speed=36000) as server:
        admin = httpx.AsyncClient(base_url=server.admin, trust_env=False)
        run = Run(spec, warehouse_dsn, conn, server, tmp_path / "archive")
        run.plan()
        await asyncio.gather(*map(run.dial, run.batches))
        fault = {"vendor": spec.vendor.type, "do": "late_rows", "rows": 1, "times": 10_000}
        (await admin.post("/faults", json=fault)).raise_for_status()
        for batch_no in run.batches:
            await run.collect(batch_no)
        await run.deliver()
        audit(conn, run.plan_id)
        attempts = run.number("select count(*) from dwh.fact_call_attempt")
        conn.commit()

        (await admin.delete("/faults")).raise_for_status()
        later = datetime.now(UTC) + timedelta(days=3)  # the day of the calls is tomorrow
        assert late_plans(conn, later) == [run.plan_id]
        conn.commit()
        async with run.dialer() as dialer:
            result = await pull_again(run.collector(dialer), run.plan_id, "late", now=later)
        assert result.pulled == run.number("select count(*) from ops.campaign_intent where state = 'final'")
        assert result.inserted == result.pulled  # one row of each report was withheld
        assert run.number("select count(*) from dwh.fact_call_attempt") == attempts + result.inserted
        assert (
            run.number("select count(*) from dwh.fact_call_attempt where is_late") == result.inserted + result.updated
        )
        conn.commit()
        await run.deliver()
        assert not audit(conn, run.plan_id).failed
        dials = (await admin.get("/dials", params={"vendor": spec.vendor.type})).json()
        await admin.aclose()
        assert len(dials) == attempts + result.inserted
