"""Both clients against the sandbox: its journal holds the vendor documents' own examples, its dials are the truth."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import vendor_documents as documents
import vendor_world
from vendor_world import spec

from obzvon.campaigns.spec import CampaignSpec
from obzvon.dispositions import HUMAN, Disposition
from obzvon.errors import Refused
from obzvon.reports.outcomes import with_part
from obzvon.sandbox.process import Sandbox, running_sandbox
from obzvon.vendors.base import Attempt, Contact, Dialer, Order, Part, StopOutcome, Task
from obzvon.vendors.dialog import Dialog
from obzvon.vendors.http import Account
from obzvon.vendors.twin import Twin

pytestmark = pytest.mark.stack
NOW = datetime(2100, 1, 14, 12, 0, tzinfo=UTC)
BOT = "44e62ac6-6c08-4ad1-923d-5ee3299dd737"
REDIAL = {"candidate_limit": 3, "busy": {"time": 600, "count": 1}, "no_answer": {"time": 900, "count": 2}}
V1 = {"type": "twin", "api": "v1", "bot_id": BOT, "calls_per_second": 5, "amd": {"enabled": True, "mode": "back"},
      "redial": REDIAL}  # fmt: skip
OUTCOMES = {
    "RPC_REFUSED": {"field": "confirmation", "in": ["refused"]},
    "RPC_CALLBACK": {"field": "confirmation", "in": ["callback"]},
    "RPC_OPTOUT": {"field": "confirmation", "in": ["opt_out"]},
    "WRONG_PARTY": {"field": "confirmation", "in": ["wrong_party"]},
}
DIALOG_FIELDS = {
    "call_id": "call_id", "started_at": "call_start", "status": "status", "duration": "duration",
    "ring_duration": "ring", "record_url": "record_url", "dialog": "dialog",
    "updated_at": "updated_at", "results": {"goal": "goal"},
}  # fmt: skip
STATUSES = {
    "Набор номера": "PENDING", "Идёт разговор": "PENDING", "Разговор": "RPC_NO_RESULT", "Автоответчик": "VOICEMAIL",
    "Нет ответа": "NO_ANSWER", "Занято": "BUSY", "Абонент недоступен": "UNAVAILABLE", "Ошибка сети": "NETWORK_ERROR",
    "Ошибка соединения": "NETWORK_ERROR", "Превышено время набора": "NETWORK_ERROR", "Неверный номер": "EXCL_INVALID",
    "Чёрный список": "VENDOR_BLACKLIST", "Нет исходящего номера": "NETWORK_ERROR",
}  # fmt: skip
PEOPLE = [Contact(f"plan-{n}", f"+7916{1234500 + n}", {"name": f"Клиент {n}"}, 180) for n in range(120)]


class Admin:
    """The sandbox's own paths."""

    def __init__(self, sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        self._sandbox, self._http = sandbox, http

    async def bodies(self, path: str) -> list[Any]:
        """Bodies of the accepted POSTs to a vendor path, oldest first."""
        async with self._http.get(f"{self._sandbox.admin}/requests", params={"method": "POST", "path": path}) as answer:
            return [entry["body"] for entry in await answer.json() if entry["status"] == 200]

    async def dials(self, task_id: str) -> list[dict[str, Any]]:
        async with self._http.get(f"{self._sandbox.admin}/dials", params={"task": task_id}) as answer:
            found: list[dict[str, Any]] = await answer.json()
            return found

    async def forward(self, span: timedelta) -> None:
        """Push every campaign's clock."""
        async with self._http.post(
            f"{self._sandbox.admin}/clock", json={"advance_seconds": span.total_seconds()}
        ) as answer:
            assert answer.status == 200


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox whose time stands still unless a test pushes it."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), speed=0) as running:
        yield running


@pytest.fixture
async def admin(sandbox: Sandbox) -> AsyncIterator[Admin]:
    async with aiohttp.ClientSession() as http:
        yield Admin(sandbox, http)


def dialog_account(sandbox: Sandbox, password: str = "sandbox-dialog-password") -> Account:
    options = {"platform_timezone": documents.DIALOG_ZONE}
    return Account(sandbox.dialog, "robot@obzvon.example", password, options=options, conn_id="dialog_default")


def twin_account(sandbox: Sandbox, password: str = "sandbox-twin-password") -> Account:
    options = {
        "company_timezone": "Europe/Moscow",
        "candidates_path": "/tasks/{task_id}/candidates",
        "finished_statuses": ["FINISHED"],
    }
    return Account(sandbox.twin, "robot@obzvon.example", password, options=options, conn_id="twin_default")


def order(**changes: Any) -> Order:
    base = {
        "name": "Обзвон [af:ab12cd34]",
        "starts_at": datetime(2100, 1, 15, 7, tzinfo=UTC),
        "ends_at": datetime(2100, 1, 15, 15, tzinfo=UTC),
        "call_date": documents.DAY,
    }
    return vendor_world.order(**(base | changes))


async def collected(dialer: Dialer, campaign: CampaignSpec, task: Task) -> list[Attempt]:
    """Attempts as collect would make them: pages as bytes, parsed, parts joined by call."""
    attempts: dict[str, Attempt] = {}
    parts: dict[str, Part] = {}
    async for page in dialer.report(task):
        body = io.BytesIO(b"".join([chunk async for chunk in page.chunks]))
        for row in type(dialer).parse(campaign, page.kind, body):
            assert isinstance(row, Attempt | Part), row
            kept: dict[str, Any] = attempts if isinstance(row, Attempt) else parts
            kept[row.vendor_call_id] = row
    return [
        with_part(campaign, a, parts[a.vendor_call_id]) if a.vendor_call_id in parts else a for a in attempts.values()
    ]


async def test_dialogs_example_is_in_the_journal(sandbox: Sandbox, admin: Admin, tmp_path: Path) -> None:
    campaign = documents.campaign(documents.DIALOG_FILE)
    example = documents.order(campaign, documents.DIALOG_ZONE, time(9), time(17), now=NOW)
    people = documents.contacts(campaign, documents.DIALOG_LIST, tmp_path)
    async with Dialog.connected(dialog_account(sandbox), campaign) as dialer:
        campaign_id = await dialer.create(example, people)
        await dialer.look(Task(example, campaign_id, 1))
    assert (await admin.bodies("/api/campaigns"))[-1] == documents.DIALOG_CREATE
    report = (await admin.bodies("/api/analytics/1/report"))[-1]
    assert report["columns"] == documents.DIALOG_COLUMNS
    asked = report["analytics_filter"]
    assert asked["date_start"] <= "2100-01-15T04:00:00.000Z" < "2100-01-15T12:00:00.000Z" <= asked["date_end"]
    assert {name: asked[name] for name in asked if not name.startswith("date_")} == {
        "scenario_id": 951, "start_block_id": 10, "outgoing_campaign_id": int(campaign_id),
    }  # fmt: skip


async def test_twins_example_is_in_the_journal(sandbox: Sandbox, admin: Admin) -> None:
    campaign = documents.campaign(documents.TWIN_FILE)
    assert campaign.window is not None
    example = documents.order(campaign, "Europe/Moscow", campaign.window.start, campaign.window.end, now=NOW)
    async with Twin.connected(twin_account(sandbox), campaign) as dialer:
        await dialer.create(example, ())
    assert (await admin.bodies("/api/cis/beta/tasks"))[-1] == documents.TWIN_CREATE


async def test_a_dialog_campaign_from_create_to_attempts(sandbox: Sandbox, admin: Admin) -> None:
    campaign = spec(
        {"type": "dialog", "project_id": 1, "scenario_id": 951, "start_block_id": 10, "phone_id": 5, "attempts": 2,
         "interval_minutes": 15, "report": {"fields": DIALOG_FIELDS, "statuses": STATUSES}},
        goal={"title": "Согласие", "field": "goal", "in": ["true"]},
    )  # fmt: skip
    async with Dialog.connected(dialog_account(sandbox), campaign) as dialer:
        task = Task(order(), await dialer.create(order(), PEOPLE), len(PEOPLE))
        early = await dialer.look(task)
        await admin.forward(timedelta(days=1))
        late = await dialer.look(task)
        attempts = await collected(dialer, campaign, task)
    assert early.contacts_terminal < len(PEOPLE)
    assert early.vendor_time < late.vendor_time
    assert (late.contacts_seen, late.pending_rows, late.recordings_missing) == (len(PEOPLE), 0, 0)
    assert late.contacts_terminal == len(PEOPLE)
    dials = await admin.dials(task.task_id)
    assert {a.vendor_call_id for a in attempts} == {d["call_id"] for d in dials}
    assert {a.phone for a in attempts} == {person.phone for person in PEOPLE}
    assert {a.status_raw for a in attempts if a.disposition is Disposition.UNKNOWN} == set()
    talks = [a for a in attempts if a.disposition in HUMAN]
    assert any(a.disposition is Disposition.GOAL for a in talks)
    assert all(a.turns and a.record_url for a in talks)


async def test_a_v1_task_from_create_to_attempts(sandbox: Sandbox, admin: Admin) -> None:
    campaign = spec(V1, outcomes=OUTCOMES)
    async with Twin.connected(twin_account(sandbox), campaign) as dialer:
        task_id = await dialer.create(order(), ())
        for batch in (PEOPLE[:50], PEOPLE[50:]):
            assert (await dialer.add_contacts(task_id, order(), batch)).accepted == len(batch)
        await dialer.start(task_id, order(), NOW)
        task = Task(order(), task_id, len(PEOPLE))
        early = await dialer.look(task)
        await admin.forward(timedelta(days=1))
        late = await dialer.look(task)
        attempts = await collected(dialer, campaign, task)
        found = await dialer.find("[af:ab12cd34]", datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC))
        foreign = await dialer.find("[af:ffffffff]", datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC))
        listed = await dialer.standings(datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC))
    assert early.task_finished is False
    assert (late.task_finished, late.contacts_seen, late.contacts_terminal) == (True, len(PEOPLE), len(PEOPLE))
    assert (late.pending_rows, late.recordings_missing) == (0, 0)
    dials = {dial["call_id"]: dial for dial in await admin.dials(task_id)}
    assert {a.vendor_call_id for a in attempts} == set(dials)
    assert {a.external_id for a in attempts} == {person.external_id for person in PEOPLE}
    for attempt in attempts:
        truth = dials[attempt.vendor_call_id]
        assert (attempt.disposition is Disposition.GOAL) == (truth["result"] == "agreed")
        assert bool(attempt.turns) == (truth["status"] == "ANSWERED")
    assert [task.task_id for task in found or ()] == [task_id]
    assert foreign == ()
    shown, dialed = listed[task_id], sum(dial["dialed"] for dial in dials.values())
    assert (shown.status, shown.finished, shown.calls) == (late.task_status, True, dialed)


async def test_a_beta_task_from_create_to_attempts(sandbox: Sandbox, admin: Admin) -> None:
    beta = {"type": "twin", "api": "beta", "bot_id": BOT, "dialplan_id": "d71c9c44-e942-4c6c-9ccc-ea5a043efb75",
            "intensity": 5, "amd": {"enabled": True, "mode": "BACK"},
            "recall_rules": {"NO_ANSWER": {"enabled": True, "tries": 1, "interval": 900}}}  # fmt: skip
    campaign = spec(beta, outcomes=OUTCOMES)
    async with Twin.connected(twin_account(sandbox), campaign) as dialer:
        task_id = await dialer.create(order(), ())
        await dialer.add_contacts(task_id, order(), PEOPLE)
        await admin.forward(timedelta(days=1))
        progress = await dialer.look(Task(order(), task_id, len(PEOPLE)))
        attempts = await collected(dialer, campaign, Task(order(), task_id, len(PEOPLE)))
    assert progress.task_finished is None
    assert progress.contacts_terminal == progress.contacts_seen == len(PEOPLE)
    assert {a.vendor_call_id for a in attempts} == {dial["call_id"] for dial in await admin.dials(task_id)}
    assert all(a.turns for a in attempts if a.disposition in HUMAN)


async def test_a_v1_task_is_stopped_and_confirmed(sandbox: Sandbox, admin: Admin) -> None:
    campaign = spec(V1)
    async with Twin.connected(twin_account(sandbox), campaign) as dialer:
        task_id = await dialer.create(order(), ())
        await dialer.add_contacts(task_id, order(), PEOPLE)
        assert await dialer.cancel(task_id) is StopOutcome.CONFIRMED
        before = await admin.dials(task_id)
        await admin.forward(timedelta(days=1))
        with pytest.raises(Refused):
            await dialer.add_contacts(task_id, order(), PEOPLE)
    after = await admin.dials(task_id)
    assert [d["call_id"] for d in after if d["dialed"]] == [d["call_id"] for d in before if d["dialed"]]


async def test_a_task_whose_window_is_open_starts_when_play_says_so(sandbox: Sandbox, admin: Admin) -> None:
    now = datetime.now(UTC)
    opened = order(
        opens_at=now - timedelta(hours=1), starts_at=now + timedelta(minutes=3), ends_at=now + timedelta(hours=3)
    )
    campaign = spec(V1)
    async with Twin.connected(twin_account(sandbox), campaign) as dialer:
        task_id = await dialer.create(replace(opened, local_from=time(0), local_to=time(23, 59, 59)), ())
        await dialer.add_contacts(task_id, opened, PEOPLE[:20])
        await admin.forward(timedelta(hours=1))
        assert (await dialer.look(Task(opened, task_id, 20))).task_status == "READY"
        await dialer.start(task_id, opened, now)
        await admin.forward(timedelta(hours=1))
    assert len({dial["phone"] for dial in await admin.dials(task_id)}) == 20
