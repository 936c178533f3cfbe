"""The sandbox's TWIN dials and sends its events over HTTP, with everything that goes wrong on the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest
from event_bodies import TWIN, twin_spec
from launching import CALL_DATE, PLAN, forced
from loading import SECRET
from run_load import PATH, served
from test_mover import Room

from obzvon.ledger.keys import external_id
from obzvon.sandbox.process import Sandbox, running_sandbox
from obzvon.stages.collect import download, load
from obzvon.vendors.account import Account
from obzvon.vendors.base import Contact, Order, Task
from obzvon.vendors.twin import Twin

pytestmark = pytest.mark.stack
PEOPLE = 5
FAULTS = {"lost": 0.2, "doubled": 0.4, "reordered": True, "forged": 0.4, "oversized": 0.3}
FACTS = "select to_jsonb(f) - '{loaded_at}'::text[] from dwh.fact_call_attempt f order by vendor_call_id"
REST = (
    "select vendor_call_id, turn_no, text_redacted from pii.dialog_turn order by 1, 2",
    "select vendor_call_id, goal_name, goal_value from dwh.fact_dialog_goal order by 1, 2",
)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path / "sandbox", speed=0) as running:
        yield running


def order(intent: str) -> Order:
    start = datetime(2031, 5, 20, 7, tzinfo=UTC)
    day: date = CALL_DATE
    return Order(
        intent, f"Опрос [af:{intent[:8]}]", "", day, (180,), start, start + timedelta(hours=8), time(10), time(18)
    )


async def admin(sandbox: Sandbox, method: str, path: str, **values: Any) -> Any:
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, f"{sandbox.admin}/{path}", **values) as answer,
    ):
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def dialled(sandbox: Sandbox, room: Room, port: int) -> Task:
    """A task that was told where its events go, and has dialled all it can."""
    settings = {**TWIN, "webhooks": [{"url": f"http://127.0.0.1:{port}{PATH}", "events": ["CALL_ENDED"]}]}
    campaign = twin_spec().model_copy(update={"vendor": Twin.parse_settings(settings)})
    options = {"company_timezone": "Europe/Moscow"}
    account = Account(sandbox.twin, "robot@obzvon.example", "sandbox-twin-password", options=options)
    contacts = [Contact(external_id(PLAN, n), f"+7916{n:07d}", {}, 180) for n in range(1, PEOPLE + 1)]
    async with Twin.connected(account, campaign) as dialer:
        task_id = await dialer.create(order(room.intent), ())
        await dialer.add_contacts(task_id, order(room.intent), contacts)
        forced(room.conn, "update ops.campaign_intent set vendor_task_id = %s", (task_id,))
        room.conn.commit()
        await dialer.start(task_id, order(room.intent), datetime.now(UTC))
        await admin(sandbox, "POST", "clock", json={"advance_seconds": 86_400})
        task = Task(order(room.intent), task_id, PEOPLE)
        await sent(sandbox, task)
        await download(room.dsn, room.archive, dialer, task, "collect")
    return task


async def sent(sandbox: Sandbox, task: Task) -> None:
    """Wait until every event of the task is answered or lost."""
    dials = await admin(sandbox, "GET", "dials", params={"task": task.task_id})
    calls = sum(dial["dialed"] for dial in dials)
    async with asyncio.timeout(120):
        while True:
            seen = await admin(sandbox, "GET", "events")
            if seen["answers"].get("true 200", 0) + len(seen["lost"]) == calls > 0 and not seen["waiting"]:
                return
            await asyncio.sleep(0.1)


async def test_lost_doubled_reordered_forged_and_oversized_events_end_in_the_reports_facts(
    sandbox: Sandbox, warehouse_dsn: str, tmp_path: Path, conn: psycopg.Connection
) -> None:
    room = Room(warehouse_dsn, tmp_path, conn)
    await admin(sandbox, "POST", "events", json=FAULTS)
    with served(warehouse_dsn) as (port, _):
        task = await dialled(sandbox, room, port)
    seen = await admin(sandbox, "GET", "events")
    statuses = {kind.partition(" ")[0]: set[str]() for kind in seen["answers"]}
    for kind in seen["answers"]:
        statuses[kind.partition(" ")[0]].add(kind.partition(" ")[2])
    assert statuses.pop("true") == {"200"}
    expected = {"doubled": {"200"}, "forged": {"404"}, "oversized": {"413"}}
    assert {kind: found - expected[kind] for kind, found in statuses.items()} == {kind: set() for kind in statuses}
    lost = {json.loads(body)["id"] for body in seen["lost"]}
    dials = {
        d["call_id"]: d for d in await admin(sandbox, "GET", "dials", params={"task": task.task_id}) if d["dialed"]
    }

    room.mover.move()
    told = room.rows("select vendor_call_id, disposition_code = 'GOAL', started_at from dwh.fact_call_attempt")
    assert {call for call, _, _ in told} == set(dials) - lost
    for call, goal, started in told:
        assert (goal, started) == (dials[call]["result"] == "agreed", datetime.fromisoformat(dials[call]["dial_at"]))

    load(room.conn, room.archive, twin_spec(), Twin, room.intent, "collect", secret=SECRET)
    room.conn.commit()
    after = [room.rows(query) for query in (FACTS, *REST)]
    assert {row[0]["vendor_call_id"] for row in after[0]} >= set(dials)
    assert {row[0]["batch_id"] for row in after[0]} == {"collect"}

    # the same from the archive alone, in both orders
    batches = [
        b for (b,) in room.rows("select batch_id from ops.raw_archive where kind <> 'sessions' order by archive_id")
    ]
    for order_of_loading in (batches, batches[::-1]):
        room.conn.execute("delete from dwh.fact_call_attempt")
        room.conn.execute("delete from dwh.fact_dialog_goal")
        room.conn.execute("delete from pii.dialog_turn")
        room.conn.commit()
        for batch in order_of_loading:
            load(room.conn, room.archive, twin_spec(), Twin, room.intent, batch, secret=SECRET)
        room.conn.commit()
        assert [room.rows(query) for query in (FACTS, *REST)] == after
    room.close()
