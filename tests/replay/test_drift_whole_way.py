"""New words of both vendors: told, kept and shown by the whole pipeline, and right after a change of the mapping."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml
from days import contents
from whole_way import ROOT, SECRET, Run

from obzvon.campaigns.catalogue import load
from obzvon.reports.archive import Archive
from obzvon.sandbox.process import Sandbox, running_sandbox
from obzvon.stages.audit import audit
from obzvon.stages.checks import CheckReport, run_checks
from obzvon.stages.marts import refresh
from obzvon.stages.reclassify import Reclassified, reclassify

pytestmark = pytest.mark.stack

#: The sandbox has numbers without a caller id too: the status that says so is no new one.
DRIFT = """
select what, severity, name, calls from mart.v_drift where campaign_id = %s and what <> 'setup_status' order by what
"""
CALLS = """
select f.disposition_code, f.vendor_status_raw, count(*) from dwh.fact_call_attempt f
where f.vendor_status_raw = 'TELEPORTED' group by 1, 2
"""
MOODS = "select goal_value, count(*) from dwh.fact_dialog_goal where goal_name = 'mood' group by 1"


async def sent(server: Sandbox, *faults: dict[str, Any]) -> None:
    async with httpx.AsyncClient(base_url=server.admin, trust_env=False) as admin:
        for fault in faults:
            (await admin.post("/faults", json={"times": 10_000, **fault})).raise_for_status()


async def called(run: Run) -> None:
    """The whole way; one call of the first report collected has a new status, the other reports have a new column."""
    vendor = run.spec.vendor.type
    run.plan()
    await asyncio.gather(*map(run.dial, run.batches))
    path = {"vendor": vendor, "path": "(calls|report)$"}
    await sent(run.server, path | {"do": "unknown_status", "times": 1}, path | {"do": "new_column"})
    for batch_no in run.batches:
        await run.collect(batch_no)
    await run.deliver()


def mapped(folder: Path, name: str, **vendor: Any) -> None:
    """The campaign file with a corrected `vendor` part."""
    file = yaml.safe_load((ROOT / "include" / "campaigns" / f"{name}.yaml").read_text(encoding="utf-8"))
    file["vendor"] |= vendor
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(file, allow_unicode=True), encoding="utf-8")


def again(run: Run, folder: Path) -> Reclassified:
    (result,) = reclassify(run.dsn, Archive(run.folder), folder, run.spec.name, secret=SECRET, run_id="manual")
    assert result.problem is None
    return result


def checked(conn: psycopg.Connection) -> CheckReport:
    """The data contracts after a refresh of the marts, as the DAG does both."""
    refresh(conn)
    conn.autocommit = False
    report = run_checks(conn, run_id="before")
    conn.autocommit = True
    return report


def obzvon(run: Run, *arguments: str, **more: str) -> str:
    settings = {"OBZVON_WAREHOUSE": run.dsn, "OBZVON_ARCHIVE": str(run.folder), "OBZVON_PHONE_SECRET": SECRET.decode()}
    env = os.environ | settings | {"COLUMNS": "200"} | more
    command = [sys.executable, "-m", "obzvon", *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_a_new_column_and_a_new_status_of_dialog(
    warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    conn.autocommit = True
    spec = load(ROOT / "include" / "campaigns" / "demo_dialog.yaml")
    with running_sandbox(tmp_path / "sandbox", speed=36000) as server:
        run = Run(spec, warehouse_dsn, conn, server, tmp_path / "archive")
        with caplog.at_level(logging.WARNING, "obzvon.warehouse.load.drift"):
            await called(run)
        # the run succeeds, the row is UNKNOWN, the log and the view say so
        assert not audit(conn, run.plan_id).failed
        assert conn.execute(CALLS).fetchall() == [("UNKNOWN", "TELEPORTED", 1)]
        said = {(record.levelname, record.message.split(": ")[1]) for record in caplog.records}
        assert {level for level, _ in said} == {"WARNING", "ERROR"}
        assert "TELEPORTED (1)" in caplog.text
        assert "mood" in caplog.text
        assert conn.execute(DRIFT, (spec.name,)).fetchall() == [
            ("new_column", "warning", "mood", None), ("new_status", "alert", "TELEPORTED", 1),
        ]  # fmt: skip
        # nothing of it is lost, so the archive can show what to map; the vendor says the same when asked for everything
        stored = obzvon(run, "discover-columns", "--campaign", "demo_dialog")
        assert "bored" in stored
        assert "TELEPORTED: UNKNOWN  # ?, 1 rows" in stored
        account = run.account("dialog")
        connection = {"conn_type": "dialog", "host": account.base_url, "login": account.login}
        connection |= {"password": account.password, "extra": dict(account.options)}
        asked = obzvon(
            run,
            "discover-columns",
            "--campaign",
            "demo_dialog",
            "--pull",
            AIRFLOW_CONN_DIALOG_DEFAULT=json.dumps(connection),
        )
        assert "attempt" in asked
        assert "Попытка" in asked
        assert "+79" not in stored + asked

    checks = checked(conn)
    assert checks.errors == ()
    assert {"drift_alerts", "drift_columns"} <= {result.rule for result in checks.warnings}

    report = spec.vendor.model_dump(mode="json")["report"]
    report["statuses"]["TELEPORTED"] = "UNAVAILABLE"
    report["fields"]["results"]["mood"] = "mood"
    mapped(tmp_path, "demo_dialog", report={key: value for key, value in report.items() if value is not None})
    first = again(run, tmp_path)
    assert dict(first.moved) == {("UNKNOWN", "UNAVAILABLE"): 1}
    assert conn.execute(CALLS).fetchall() == [("UNAVAILABLE", "TELEPORTED", 1)]
    ((value, number),) = conn.execute(MOODS).fetchall()
    assert (value, number) == ("bored", first.updated - 1)
    assert conn.execute(DRIFT, (spec.name,)).fetchall() == []
    assert not audit(conn, run.plan_id).failed
    before = contents(warehouse_dsn)
    second = again(run, tmp_path)
    assert (dict(second.moved), second.inserted, second.updated) == ({}, 0, 0)
    assert contents(warehouse_dsn) == before


async def test_a_new_status_of_twin(
    warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    conn.autocommit = True
    spec = load(ROOT / "include" / "campaigns" / "demo_twin.yaml")
    with running_sandbox(tmp_path / "sandbox", speed=36000) as server:
        run = Run(spec, warehouse_dsn, conn, server, tmp_path / "archive")
        with caplog.at_level(logging.ERROR, "obzvon.warehouse.load.drift"):
            await called(run)
    assert not audit(conn, run.plan_id).failed
    ((code, status, calls),) = conn.execute(CALLS).fetchall()
    assert (code, status) == ("UNKNOWN", "TELEPORTED")
    assert conn.execute(DRIFT, (spec.name,)).fetchall() == [("new_status", "alert", "TELEPORTED", calls)]
    assert "demo_twin: calls with statuses that the mapping does not know" in caplog.text
    assert "  TELEPORTED: UNKNOWN  # ?" in obzvon(run, "discover-columns", "--campaign", "demo_twin")

    checks = checked(conn)
    assert checks.errors == ()
    assert "drift_alerts" in {result.rule for result in checks.warnings}

    mapped(tmp_path, "demo_twin", statuses={"teleported": "NO_ANSWER"})
    assert dict(again(run, tmp_path).moved) == {("UNKNOWN", "NO_ANSWER"): calls}
    assert conn.execute(CALLS).fetchall() == [("NO_ANSWER", "TELEPORTED", calls)]
    assert conn.execute(DRIFT, (spec.name,)).fetchall() == []
    assert not audit(conn, run.plan_id).failed
    before = contents(warehouse_dsn)
    second = again(run, tmp_path)
    assert (dict(second.moved), second.inserted, second.updated) == ({}, 0, 0)
    assert contents(warehouse_dsn) == before
