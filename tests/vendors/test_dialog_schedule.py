"""Dialog's schedule is the order on the platform's own clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from vendor_world import order, session, spec, vendor

from obzvon.errors import InDoubt
from obzvon.vendors.base import Contact
from obzvon.vendors.dialog import Dialog

SETTINGS = """
type: dialog
project_id: 1
scenario_id: 951
start_block_id: 10
phone_id: 5
attempts: 2
interval_minutes: 30
report: {fields: {started_at: start, status: status}, statuses: {Разговор: RPC_NO_RESULT}}
"""
PERSON = Contact("abc-1", "+79161234567", {"name": "Анна", "debt": 10.5, "note": None})


async def sent(answer: Any = None, **changes: Any) -> dict[str, Any]:
    """The body of the create request for this order (options begin with `o_`)."""
    options = {name.removeprefix("o_"): changes.pop(name) for name in list(changes) if name.startswith("o_")}

    async def answered(request: web.Request) -> web.StreamResponse:
        return web.json_response({"campaign": {"id": 7}} if answer is None else answer)

    async with (
        vendor(answered) as seen,
        session(seen.url, **{"platform_timezone": "Asia/Yekaterinburg", **options}) as http,
    ):
        await Dialog(http, spec(SETTINGS)).create(order(**changes), [PERSON])
    body: dict[str, Any] = seen.bodies[0]
    return body


async def test_hours_and_date_are_the_platforms() -> None:
    schedule = (await sent())["campaign"]["schedule"]
    assert schedule == {
        "date": "2030-01-15", "start_time": "12:00", "end_time": "20:00",
        "periods": {"id": 1, "title": "Однократно"}, "attempts": {"id": 2, "title": "2"}, "interval": "30",
    }  # fmt: skip


async def test_a_window_over_the_platforms_midnight_is_cut_there() -> None:
    late = {"starts_at": datetime(2030, 1, 15, 17, 0, tzinfo=UTC), "ends_at": datetime(2030, 1, 15, 20, 0, tzinfo=UTC)}
    schedule = (await sent(**late))["campaign"]["schedule"]
    assert (schedule["date"], schedule["start_time"], schedule["end_time"]) == ("2030-01-15", "22:00", "23:59")


async def test_a_window_after_the_platforms_midnight_has_the_next_date() -> None:
    late = {"starts_at": datetime(2030, 1, 15, 20, 0, tzinfo=UTC), "ends_at": datetime(2030, 1, 15, 22, 0, tzinfo=UTC)}
    schedule = (await sent(**late))["campaign"]["schedule"]
    assert (schedule["date"], schedule["start_time"], schedule["end_time"]) == ("2030-01-16", "01:00", "03:00")


async def test_minutes_are_rounded_into_the_window() -> None:
    odd = {
        "starts_at": datetime(2030, 1, 15, 7, 0, 1, tzinfo=UTC),
        "ends_at": datetime(2030, 1, 15, 14, 59, 59, tzinfo=UTC),
    }
    schedule = (await sent(**odd))["campaign"]["schedule"]
    assert (schedule["start_time"], schedule["end_time"]) == ("12:01", "19:59")


async def test_state_is_sent_unless_the_connection_says_no() -> None:
    assert (await sent())["campaign"]["state"] == "Создано"
    assert "state" not in (await sent(o_send_state=False))["campaign"]


async def test_variables_keep_their_types_and_empty_ones_stay_home() -> None:
    assert (await sent())["phones"] == [{"phone": "+79161234567", "add_data": {"name": "Анна", "debt": 10.5}}]


@pytest.mark.parametrize("answer", [{}, [], {"campaign": {}}, {"campaign": {"id": None}}, {"campaign": {"id": True}}])
async def test_a_created_campaign_without_an_id_is_in_doubt(answer: Any) -> None:
    with pytest.raises(InDoubt, match=r"campaign\.id"):
        await sent(answer)
