"""All of `dwh` is dropped and comes back from ledger and archive, with no network: equal row for row."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from days import contents
from pytest_socket import disable_socket, enable_socket
from whole_way import DAY, ROOT, SECRET, Run

from obzvon.campaigns.catalogue import load
from obzvon.reports.archive import Archive
from obzvon.sandbox.process import running_sandbox
from obzvon.stages.audit import audit
from obzvon.stages.replay import replay
from obzvon.warehouse.migrate import schema_is_current

pytestmark = pytest.mark.stack


@pytest.fixture
def no_network() -> Iterator[None]:
    """No socket of Python's; the warehouse is reached through libpq and a file."""
    disable_socket()
    yield
    enable_socket()


async def both_campaigns(dsn: str, conn: psycopg.Connection, folder: Path) -> list[Run]:
    with running_sandbox(folder / "sandbox", speed=36000) as server:
        runs = []
        for name in ("demo_dialog", "demo_twin"):
            spec = load(ROOT / "include" / "campaigns" / f"{name}.yaml")
            runs.append(run := Run(spec, dsn, conn, server, folder / "archive"))
            await run.go()
            conn.commit()
    return runs


@pytest.mark.usefixtures("no_network")
@pytest.mark.filterwarnings("ignore:A test tried to use socket")
def test_the_guard_of_this_test_holds() -> None:
    import socket

    with pytest.raises(RuntimeError):
        socket.create_connection(("127.0.0.1", 9))


async def test_dropped_dwh_comes_back_row_for_row(
    warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    (tmp_path / "sandbox").mkdir()
    runs = await both_campaigns(warehouse_dsn, conn, tmp_path)
    before = contents(warehouse_dsn)
    assert len(before["dwh.fact_call_attempt"]) > 100
    assert len(before["pii.dialog_turn"]) > 100
    request.getfixturevalue("no_network")

    conn.execute("drop schema dwh cascade; truncate pii.dialog_turn; commit")
    archive = Archive(tmp_path / "archive")
    with caplog.at_level(logging.INFO):
        results = replay(warehouse_dsn, archive, DAY, DAY, secret=SECRET)
    assert contents(warehouse_dsn) == before
    assert [(r.campaign_id, r.contacts, r.problem) for r in results] == [
        ("demo_dialog", 299, None),
        ("demo_twin", 299, None),
    ]
    assert sum(r.inserted for r in results) == len(before["dwh.fact_call_attempt"])
    assert [r.getMessage()[:14] for r in caplog.records if r.name.endswith("stored_plans")] == [
        "plan 1 of 2, d",
        "plan 2 of 2, d",
    ]
    assert schema_is_current(warehouse_dsn)
    for run in runs:
        assert not audit(conn, run.plan_id).failed

    again = replay(warehouse_dsn, archive, DAY, DAY, secret=SECRET)
    assert contents(warehouse_dsn) == before
    assert {(r.contacts, r.inserted, r.updated) for r in again} == {(0, 0, 0)}
