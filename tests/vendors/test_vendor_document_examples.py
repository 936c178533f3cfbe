"""A campaign file that says what a vendor document's example says sends that example, field by field."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import vendor_documents as documents
from aiohttp import web
from vendor_world import Handler, session, vendor

from obzvon.vendors.base import Task
from obzvon.vendors.dialog import Dialog
from obzvon.vendors.twin import Twin

NOW = datetime(2100, 1, 14, 12, 0, tzinfo=UTC)


def answers(body: object) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response(body)

    return answer


async def test_dialog_create_campaign(tmp_path: Path) -> None:
    spec = documents.campaign(documents.DIALOG_FILE)
    order = documents.order(spec, documents.DIALOG_ZONE, time(9), time(17), now=NOW)
    people = documents.contacts(spec, documents.DIALOG_LIST, tmp_path)
    async with (
        vendor(answers({"campaign": {"id": 12345}})) as seen,
        session(seen.url, platform_timezone=documents.DIALOG_ZONE) as http,
    ):
        dialer = Dialog(http, spec)
        dialer.check(order, NOW)
        assert await dialer.create(order, people) == "12345"
    assert seen.asked == ["POST /api/campaigns"]
    assert seen.bodies == [documents.DIALOG_CREATE]


async def test_dialog_report() -> None:
    spec = documents.campaign(documents.DIALOG_FILE)
    order = documents.order(spec, documents.DIALOG_ZONE, time(9), time(17), now=NOW)
    report = {"columns": [], "data": [], "total_duration": 3600, "avg_duration": 120, "count": 30}
    async with vendor(answers(report)) as seen, session(seen.url, platform_timezone=documents.DIALOG_ZONE) as http:
        pages = [page async for page in Dialog(http, spec).report(Task(order, "12345", 1))]
    assert seen.asked == ["POST /api/analytics/1/report"]
    assert seen.bodies[0] == {
        "analytics_filter": {
            "scenario_id": 951,
            "start_block_id": 10,
            "outgoing_campaign_id": 12345,
            # the example's own form; it encloses the campaign's window, which is 04:00 to 12:00 in UTC
            "date_start": "2100-01-15T03:00:00.000Z",
            "date_end": "2100-01-16T12:00:00.000Z",
        },
        "columns": documents.DIALOG_COLUMNS,
    }
    assert "79999999999" not in str(pages[0].request)


async def test_twin_create_task() -> None:
    spec = documents.campaign(documents.TWIN_FILE)
    assert spec.window is not None
    order = documents.order(spec, "Europe/Moscow", spec.window.start, spec.window.end, now=NOW)
    created = {"id": "ce68bf14-2d76-4bf3-b718-3df2d36b7698"}
    async with (
        vendor(answers(created)) as seen,
        session(seen.url, candidates_path="/tasks/{task_id}/candidates") as http,
    ):
        dialer = Twin(http, spec)
        dialer.check(order, NOW + timedelta(hours=12))  # on_load: only on the day itself
        assert await dialer.create(order, ()) == created["id"]
    assert seen.asked == ["POST /api/cis/beta/tasks"]
    assert seen.bodies == [documents.TWIN_CREATE]
