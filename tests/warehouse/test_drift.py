"""What a report has that nobody expects is kept, told and shown, and stops nothing."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import psycopg
import pytest
from loading import PLAN, JsonlDialer, Vendor, call, plan_of

from obzvon.campaigns.spec import CampaignSpec
from obzvon.stages.collect import LoadResult, download

BASE = ["phone_number", "call_start"]
ASKED = {"columns": [*BASE, "status"]}


@pytest.fixture
def vendor(warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path) -> Vendor:
    (intent,) = plan_of(conn, 3)
    return Vendor(warehouse_dsn, tmp_path, intent)


async def pulled(
    vendor: Vendor, conn: psycopg.Connection, batch: str, columns: list[str], *calls: Any, asked: Any = ASKED
) -> LoadResult:
    lines = [*calls, {"totals": len(calls), "columns": columns}]
    dialer = JsonlDialer([("calls", lines)], [asked])
    await download(vendor.dsn, vendor.archive, dialer, vendor.task, batch)
    return vendor.load(conn, batch)


def drift(conn: psycopg.Connection) -> list[tuple[Any, ...]]:
    found = conn.execute(
        "select what, severity, vendor_code, campaign_id, name, calls, call_dates from mart.v_drift order by 1, 5"
    ).fetchall()
    conn.commit()
    return found


async def test_columns_that_came_and_went_are_warnings_until_they_are_as_asked(
    vendor: Vendor, conn: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    first = await pulled(vendor, conn, "b1", [*BASE, "status"], call(1))
    assert (first.unknown_columns, first.lost_columns, drift(conn)) == (0, 0, [])
    with caplog.at_level(logging.WARNING, "obzvon.warehouse.load.drift"):
        second = await pulled(vendor, conn, "b2", [*BASE, "mood"], call(1))
    assert (second.unknown_columns, second.lost_columns) == (1, 1)
    kept = ("warning", "dialog", "test_campaign")
    assert drift(conn) == [("lost_column", *kept, "status", None, None), ("new_column", *kept, "mood", None, None)]
    assert [(record.levelname, record.message.split(":")[0]) for record in caplog.records] == [
        ("WARNING", "test_campaign"), ("WARNING", "test_campaign"),
    ]  # fmt: skip
    assert "mood" in caplog.records[0].message
    assert "status" in caplog.records[1].message

    vendor.load(conn, "b1")  # an older pull, loaded again, says nothing about today
    assert len(drift(conn)) == 2
    both = [*BASE, "mood", "status"]
    await pulled(vendor, conn, "b3", both, call(1), asked={"columns": both})
    assert drift(conn) == []
    query = "select project, field, asked, returned, since < seen_at from ops.report_column order by field"
    assert conn.execute(query).fetchall() == [
        ("1", "call_start", True, True, True), ("1", "mood", True, True, False),
        ("1", "phone_number", True, True, True), ("1", "status", True, True, False),
    ]  # fmt: skip


async def test_a_new_column_that_the_file_reads_by_now_is_drift_no_more(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    await pulled(vendor, conn, "b1", [*BASE, "status", "mood"], call(1))
    assert [row[4] for row in drift(conn)] == ["mood"]
    told = vendor.spec.model_dump(mode="json", by_alias=True)
    told["vendor"]["report"]["fields"]["results"] = {"mood": "mood", "tone": "voice"}
    vendor.spec = CampaignSpec.model_validate(told)
    vendor.load(conn, "b1")
    assert [(row[0], row[4]) for row in drift(conn)] == [("lost_column", "voice")]


async def test_a_status_nobody_has_mapped_is_an_alert_until_its_calls_are_right(
    vendor: Vendor, conn: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    odd = {"disposition": "UNKNOWN", "status": "TELEPORTED"}
    with caplog.at_level(logging.ERROR, "obzvon.warehouse.load.drift"):
        result = await vendor.collect(conn, "b1", [call(1, **odd), call(2, 2, **odd), call(3, 3)])
    assert (result.rows, result.unknown, result.quarantined) == (3, 2, 0)
    assert drift(conn) == [("new_status", "alert", "dialog", "test_campaign", "TELEPORTED", 2, 1)]
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.message.startswith(
        "test_campaign: calls with statuses that the mapping does not know are UNKNOWN: TELEPO"
    )
    assert "TELEPORTED (2)" in record.message
    newer = "2031-05-20T11:00:00+00:00"
    await vendor.collect(conn, "b2", [call(1, updated_at=newer), call(2, 2, **odd)])
    assert [row[5] for row in drift(conn)] == [1]
    await vendor.collect(conn, "b3", [call(2, 2, updated_at=newer)])
    assert drift(conn) == []


async def test_a_status_that_means_that_we_have_to_act_is_an_alert_with_its_cure(
    vendor: Vendor, conn: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    conn.execute(
        "insert into dwh.map_disposition values ('dialog', 1, 'EMPTY_AON', null, 'NETWORK_ERROR', 'stop', 'x')"
    )
    conn.commit()
    await vendor.collect(conn, "b1", [call(1, disposition="NETWORK_ERROR", status="EMPTY_AON"), call(2, 2)])
    assert [(row[0], row[4], row[5]) for row in drift(conn)] == [("setup_status", "EMPTY_AON", 1)]
    assert "1 calls have the status EMPTY_AON: stop" in caplog.text


async def test_an_intent_that_goes_takes_its_alerts_along(vendor: Vendor, conn: psycopg.Connection) -> None:
    await vendor.collect(conn, "b1", [call(1, disposition="UNKNOWN", status="?")])
    conn.execute("delete from dwh.fact_call_attempt")
    conn.execute("delete from ops.campaign_plan where plan_id = %s", (PLAN,))
    assert drift(conn) == []
