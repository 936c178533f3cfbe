"""Collect against the sandbox: what it dialled is what the warehouse holds, for both vendors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest
from launching import CALL_DATE, PLAN, plan_of, spec

from obzvon.campaigns.spec import CampaignSpec
from obzvon.ledger.keys import external_id
from obzvon.reports.archive import Archive
from obzvon.sandbox.process import Sandbox, running_sandbox
from obzvon.stages.collect import LoadResult, download, load
from obzvon.vendors.account import Account
from obzvon.vendors.base import Contact, Dialer, Order, Task
from obzvon.vendors.registry import dialer_class

pytestmark = pytest.mark.stack

PEOPLE = 60
CONTACTS = [Contact(external_id(PLAN, n), f"+7916{n:07d}", {}, 180) for n in range(1, PEOPLE + 1)]
OUTCOMES = {
    "RPC_REFUSED": {"field": "confirmation", "in": ["refused", "Отказ"]},
    "RPC_CALLBACK": {"field": "confirmation", "in": ["callback", "Перезвонить"]},
    "RPC_OPTOUT": {"field": "confirmation", "in": ["opt_out", "Не звонить"]},
    "WRONG_PARTY": {"field": "confirmation", "in": ["wrong_party", "Не тот человек"]},
}
GOAL = {"title": "Согласие", "field": "confirmation", "in": ["agreed", "Согласие"]}
DIALOG = {
    "type": "dialog", "project_id": 1, "scenario_id": 951, "start_block_id": 10, "phone_id": 5, "attempts": 2,
    "interval_minutes": 15,
    "report": {
        "fields": {
            "call_id": "call_id", "started_at": "call_start", "status": "status", "duration": "duration",
            "ring_duration": "ring", "record_url": "record_url", "dialog": "dialog", "updated_at": "updated_at",
            "results": {"confirmation": "result"},
        },
        "statuses": {
            "Набор номера": "PENDING", "Идёт разговор": "PENDING", "Разговор": "RPC_NO_RESULT",
            "Автоответчик": "VOICEMAIL", "Нет ответа": "NO_ANSWER", "Занято": "BUSY",
            "Абонент недоступен": "UNAVAILABLE", "Ошибка сети": "NETWORK_ERROR", "Ошибка соединения": "NETWORK_ERROR",
            "Превышено время набора": "NETWORK_ERROR", "Неверный номер": "EXCL_INVALID",
            "Чёрный список": "VENDOR_BLACKLIST", "Нет исходящего номера": "NETWORK_ERROR",
        },
    },
}  # fmt: skip
TWIN = {
    "type": "twin", "api": "v1", "bot_id": "44e62ac6-6c08-4ad1-923d-5ee3299dd737", "calls_per_second": 5,
    "amd": {"enabled": True, "mode": "back"},
    "redial": {"candidate_limit": 2, "busy": {"time": 600, "count": 1}, "no_answer": {"time": 900, "count": 1}},
}  # fmt: skip


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox whose time stands still unless a test pushes it."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), speed=0) as running:
        yield running


def account(sandbox: Sandbox, vendor: str) -> Account:
    options = {
        "dialog": {"platform_timezone": "Asia/Yekaterinburg"},
        "twin": {"company_timezone": "Europe/Moscow", "finished_statuses": ["FINISHED"]},
    }
    host = {"dialog": sandbox.dialog, "twin": sandbox.twin}[vendor]
    login = "robot@obzvon.example"
    return Account(host, login, f"sandbox-{vendor}-password", options=options[vendor], conn_id=f"{vendor}_default")


def order(intent_id: str) -> Order:
    start = datetime(2031, 5, 20, 7, tzinfo=UTC)
    name, end = f"Опрос [af:{intent_id[:8]}]", start + timedelta(hours=8)
    return Order(intent_id, name, "", CALL_DATE, (180,), start, end, time(10), time(18))


@asynccontextmanager
async def dialled(sandbox: Sandbox, campaign: CampaignSpec, intent: str) -> AsyncIterator[tuple[Dialer, Task]]:
    """A vendor campaign that has dialled all it can."""
    code = campaign.vendor.type
    async with dialer_class(code).connected(account(sandbox, code), campaign) as dialer:
        in_create = dialer.contacts_in_create
        task_id = await dialer.create(order(intent), CONTACTS if in_create else ())
        if not in_create:
            await dialer.add_contacts(task_id, order(intent), CONTACTS)
        await dialer.start(task_id, order(intent), datetime.now(UTC))
        await admin(sandbox, "POST", "clock", json={"advance_seconds": 86_400})
        yield dialer, Task(order(intent), task_id, PEOPLE)


async def admin(sandbox: Sandbox, method: str, path: str, **values: Any) -> Any:
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, f"{sandbox.admin}/{path}", **values) as answer,
    ):
        assert answer.status == 200
        return await answer.json()


@pytest.mark.parametrize("vendor", [DIALOG, TWIN], ids=["dialog", "twin"])
async def test_the_warehouse_holds_what_the_sandbox_dialled(
    sandbox: Sandbox, conn: psycopg.Connection, warehouse_dsn: str, tmp_path: Path, vendor: dict[str, Any]
) -> None:
    campaign = spec(vendor=vendor, goal=GOAL, outcomes=OUTCOMES)
    (intent,) = plan_of(conn, PEOPLE)
    archive = Archive(tmp_path)

    def loaded(batch: str) -> LoadResult:
        return load(conn, archive, campaign, type(dialer), intent, batch, secret=b"secret")

    async with dialled(sandbox, campaign, intent) as (dialer, task):
        for batch in ("b1", "b2"):
            await download(warehouse_dsn, archive, dialer, task, batch)
        dials = {d["call_id"]: d for d in await admin(sandbox, "GET", "dials", params={"task": task.task_id})}
    first, second = loaded("b1"), loaded("b2")
    assert (first.inserted, first.unmatched, first.unknown, first.quarantined) == (len(dials), 0, 0, 0)
    assert (first.orphans, first.unknown_columns, first.reconciles) == (0, 0, True)
    assert first.control_count == len(dials)
    pages = "select kind, sum(rows), sum(control_count) from ops.raw_archive where batch_id = 'b1' group by kind"
    kinds = {"dialog": ["report"], "twin": ["calls", "sessions"]}[vendor["type"]]
    counted = conn.execute(f"{pages} order by kind".encode()).fetchall()
    assert counted == [(kind, len(dials), len(dials)) for kind in kinds]
    assert (second.unchanged, second.updated) == (len(dials), 0)
    rows = conn.execute(
        "select f.vendor_call_id, f.disposition_code, f.attempt_no, f.started_at, count(t.turn_no), g.is_reached"
        " from dwh.fact_call_attempt f left join pii.dialog_turn t using (vendor_code, vendor_call_id)"
        " left join dwh.fact_dialog_goal g using (vendor_code, vendor_call_id) group by 1, 2, 3, 4, 6"
    ).fetchall()
    assert {row[0] for row in rows} == set(dials)
    for call_id, disposition, attempt_no, started_at, turns, reached in rows:
        truth = dials[call_id]
        assert (disposition == "GOAL") == (truth["result"] == "agreed") == bool(reached)
        assert bool(turns) == (truth["status"] == "ANSWERED")
        assert attempt_no == truth["attempt"]
        assert started_at == datetime.fromisoformat(truth["dial_at"])
    opted_out = {d["call_id"] for d in dials.values() if d["result"] == "opt_out"}
    suppressed = conn.execute("select split_part(evidence_ref, ':', 2) from ops.suppression").fetchall()
    assert {call_id for (call_id,) in suppressed} == opted_out
