"""Planned intents and a dialer whose answers a test scripts, for the tests of ledger, launch and wait."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import IO, Any, ClassVar

import psycopg
from psycopg.types.json import Jsonb

from obzvon.campaigns.spec import CampaignSpec
from obzvon.ledger.keys import external_id, intent_id, phone_key, plan_id
from obzvon.vendors.account import Account
from obzvon.vendors.auth import Auth, FixedToken
from obzvon.vendors.base import (
    Acceptance,
    Contact,
    Dialer,
    Found,
    Order,
    Page,
    Progress,
    Row,
    StopOutcome,
    Task,
    Totals,
)
from obzvon.vendors.registry import vendor_settings
from obzvon.vendors.settings import VendorSettings

CALL_DATE = date(2031, 5, 20)
NOW = datetime(2031, 5, 19, 12, tzinfo=UTC)
PLAN = plan_id("test_campaign", CALL_DATE)

SPEC: dict[str, Any] = {
    "name": "test_campaign",
    "title": "Опрос",
    "owner": "tests",
    "purpose": "survey",
    "contacts": {"source": {"type": "csv", "path": "list.csv"}, "columns": {"phone": "Телефон"}},
    "goal": {"title": "Согласился", "field": "confirmation", "in": ["agreed"]},
    "qolio": {"operator_id": "bot:1"},
    "limits": {"candidate_batch": 2},
    "vendor": {
        "type": "dialog",
        "conn_id": "dialog_default",
        "project_id": 1,
        "scenario_id": 951,
        "start_block_id": 10,
        "phone_id": 5,
        "attempts": 1,
        "interval_minutes": 5,
        "report": {
            "fields": {"started_at": "call_start", "status": "status"},
            "statuses": {"Разговор": "RPC_NO_RESULT"},
        },
    },
}


def spec(**changes: Any) -> CampaignSpec:
    """A valid campaign with some keys changed."""
    return CampaignSpec.model_validate({**SPEC, **changes})


def plan_of(conn: psycopg.Connection, contacts: int, intents: int = 1) -> list[str]:
    """Store a plan with `intents` intents of `contacts` contacts each; the ids of the intents."""
    total = contacts * intents
    conn.execute(
        "insert into ops.campaign_plan (plan_id, campaign_id, call_date, vendor_code, purpose, spec, plan_hash,"
        " contacts_total, contacts_to_call) values (%s, 'test_campaign', %s, 'dialog', 'survey', %s, %s, %s, %s)",
        (PLAN, CALL_DATE, Jsonb(spec().canonical()), "0" * 64, total, total),
    )
    keys = [intent_id("test_campaign", CALL_DATE, "+03:00", chunk) for chunk in range(intents)]
    for chunk, key in enumerate(keys):
        _intent(conn, key, chunk, contacts)
    conn.commit()
    return keys


def _intent(conn: psycopg.Connection, key: str, chunk: int, contacts: int) -> None:
    start = datetime(2031, 5, 20, 7, tzinfo=UTC)
    conn.execute(
        "insert into ops.campaign_intent (intent_id, plan_id, campaign_id, call_date, vendor_code, zone, tz_offsets,"
        " chunk_no, batch_no, contacts_planned, window_start_utc, window_end_utc, local_from, local_to)"
        " values (%s, %s, 'test_campaign', %s, 'dialog', '+03:00', '{180}', %s, 0, %s, %s, %s, '10:00', '20:00')",
        (key, PLAN, CALL_DATE, chunk, contacts, start, start + timedelta(hours=10)),
    )
    for row in range(chunk * contacts + 1, chunk * contacts + contacts + 1):
        phone = f"+7916{row:07d}"
        conn.execute(
            "insert into ops.plan_contact (plan_id, row_no, contact_id, phone_key, tz_offsets, tz_source, intent_id,"
            " external_id) values (%s, %s, %s, %s, '{180}', 'region', %s, %s)",
            (PLAN, row, f"c{row}", phone_key(b"secret", phone), key, external_id(PLAN, row)),
        )
        conn.execute(
            "insert into ops.attempt_reservation (phone_key, intent_id, local_date, campaign_id, purpose, max_attempts,"
            " held) values (%s, %s, %s, 'test_campaign', 'survey', 1, 1)"
            " on conflict (phone_key, intent_id, local_date) do update set held = 1, attempts = 0",
            (phone_key(b"secret", phone), key, CALL_DATE),
        )
        conn.execute(
            "insert into pii.contact_payload (plan_id, row_no, phone_raw, phone_e164, variables)"
            " values (%s, %s, %s, %s, '{}')",
            (PLAN, row, phone, phone),
        )


def forced(conn: psycopg.Connection, statement: str, values: Sequence[Any] | None = None) -> None:
    """Run a statement past the guard of the intent's states: a test's short cut to a state that takes many steps."""
    conn.execute("set session_replication_role = replica")
    conn.execute(statement.encode(), values)
    conn.execute("set session_replication_role = origin")


class ScriptedDialer(Dialer):
    """Answers as the test's functions say, and remembers who was handed over."""

    code: ClassVar[str] = "dialog"
    contacts_in_create: ClassVar[bool] = True

    def __init__(
        self,
        create: Callable[[Order], str] = lambda order: f"task-{order.intent_id[:8]}",
        add: Callable[[Sequence[Contact]], Acceptance] = lambda batch: Acceptance(len(batch)),
        look: Callable[[Task], Progress] | None = None,
        find: Callable[[str], tuple[Found, ...] | None] = lambda marker: None,
        stop: StopOutcome = StopOutcome.NOT_POSSIBLE,
    ) -> None:
        self._create, self._add, self._look, self._find, self._stop = create, add, look, find, stop
        self.last_look: Callable[[], Awaitable[None]] | None = None
        self.created: list[Order] = []
        self.handed: list[str] = []
        self.started: list[str] = []
        self.cancelled: list[str] = []

    @classmethod
    def parse_settings(cls, value: Mapping[str, Any]) -> VendorSettings:
        return vendor_settings(dict(value))

    @classmethod
    def auth(cls, account: Account) -> Auth:
        return FixedToken("t")

    @classmethod
    async def test(cls, account: Account) -> str:
        return "ok"

    def check(self, order: Order, now: datetime) -> None:
        assert order.starts_at < order.ends_at

    def guard(self, check: Callable[[], Awaitable[None]]) -> None:
        self.last_look = check

    async def create(self, order: Order, contacts: Sequence[Contact]) -> str:
        if self.last_look:
            await self.last_look()
        self.created.append(order)
        task = self._create(order)
        self.handed += [c.external_id for c in contacts]
        return task

    async def add_contacts(self, task_id: str, order: Order, contacts: Sequence[Contact]) -> Acceptance:
        if self.last_look:
            await self.last_look()
        taken = self._add(contacts)
        self.handed += [c.external_id for c in contacts if c.external_id not in taken.rejected]
        return taken

    async def start(self, task_id: str, order: Order, now: datetime) -> None:
        self.started.append(task_id)

    async def cancel(self, task_id: str) -> StopOutcome:
        self.cancelled.append(task_id)
        return self._stop

    async def find(self, marker: str, since: datetime, until: datetime) -> tuple[Found, ...] | None:
        return self._find(marker)

    @property
    def longest_request(self) -> timedelta:
        return timedelta(minutes=1)

    async def look(self, task: Task) -> Progress:
        assert self._look is not None
        return self._look(task)

    def report(self, task: Task) -> AsyncIterator[Page]:
        raise AssertionError("not part of these tests")

    @classmethod
    def contents(cls, spec: CampaignSpec, kind: str, stream: IO[bytes]) -> Iterator[Row | Totals]:
        return iter(())

    @classmethod
    def totals(cls, kind: str, stream: IO[bytes]) -> Totals:
        return Totals()


class BatchDialer(ScriptedDialer):
    """A dialer that takes contacts in batches after the campaign exists."""

    contacts_in_create: ClassVar[bool] = False
