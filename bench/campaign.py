"""The campaign that the benches run: its file, a plan in the ledger by set-based SQL, and the vendor's reports."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import psycopg
from psycopg.types.json import Jsonb

from obzvon.campaigns.spec import CampaignSpec
from obzvon.ledger.keys import external_id, intent_id, phone_key, plan_id
from obzvon.reports.archive import Archive, intent_folder
from obzvon.warehouse.partitions import ensure_months
from obzvon.warehouse.seeds import ensure_days

__all__ = ["CALL_DATE", "PLAN", "SECRET", "Reports", "campaign", "number_of", "plan_in_ledger"]

SECRET = b"a secret of at least thirty-two characters"
NAME = "bench"
CALL_DATE = date(2026, 11, 20)
PLAN = plan_id(NAME, CALL_DATE)
NOON = datetime(2026, 11, 20, 9, tzinfo=UTC)
ATTEMPTS = 2
TURNS = 6
PHRASES = (
    "Здравствуйте, меня зовут Анна, я голосовой помощник магазина, удобно ли вам сейчас говорить о вашем заказе?",
    "Да, слушаю вас, только недолго, пожалуйста, потому что я за рулём.",
    "Курьер привёз заказ вчера после обеда, всё ли было в порядке, и довольны ли вы доставкой?",
    "Да, всё хорошо, спасибо, привезли вовремя, коробка целая, курьер был вежливый и сам позвонил.",
    "Отлично, тогда я отмечу, что вы довольны; хотели бы вы что-нибудь добавить для отдела доставки?",
    "Нет, больше ничего, спасибо, до свидания.",
)
REPORT: dict[str, Any] = {
    "timezone": "Asia/Yekaterinburg",
    "fields": {
        "phone": "phone_number", "external_id": "contact", "call_id": "call_id", "started_at": "call_start",
        "updated_at": "updated_at", "status": "status", "ring_duration": "ring", "duration": "duration",
        "record_url": "record_url", "dialog": "dialog", "results": {"result": "result"},
    },
    "roles": {"bot": "bot", "client": "client"},
    "statuses": {
        "Идёт разговор": "PENDING", "Разговор": "RPC_NO_RESULT", "Автоответчик": "VOICEMAIL",
        "Нет ответа": "NO_ANSWER", "Занято": "BUSY",
    },
}  # fmt: skip
SPEC: dict[str, Any] = {
    "name": NAME,
    "title": "Опрос",
    "owner": "bench",
    "purpose": "survey",
    "contacts": {"source": {"type": "csv", "path": "list.csv"}, "columns": {"phone": "Телефон"}},
    "goal": {"title": "Согласился", "field": "result", "in": ["Согласие"]},
    "outcomes": {"RPC_REFUSED": {"field": "result", "in": ["Отказ"]}},
    "qolio": {"operator_id": "bot:1"},
    "limits": {"marking_fee_rub": "0.25"},
    "vendor": {
        "type": "dialog", "conn_id": "dialog_default", "project_id": 1, "scenario_id": 951, "start_block_id": 10,
        "phone_id": 5, "attempts": ATTEMPTS, "interval_minutes": 5, "report": REPORT,
    },
}  # fmt: skip

_PLAN = """
insert into ops.campaign_plan (plan_id, campaign_id, call_date, vendor_code, purpose, spec, plan_hash, contacts_total,
                               contacts_to_call, planned_at)
values (%(plan)s, %(name)s, %(day)s, %(vendor)s, 'survey', %(spec)s, repeat('0', 64), %(contacts)s, %(contacts)s,
        '2026-11-19 12:00Z')
"""
_INTENT = """
insert into ops.campaign_intent (intent_id, plan_id, campaign_id, call_date, vendor_code, zone, tz_offsets, chunk_no,
    batch_no, contacts_planned, contacts_sent, contacts_accepted, window_start_utc, window_end_utc, local_from,
    local_to, state, vendor_task_id)
values (%(intent)s, %(plan)s, %(name)s, %(day)s, %(vendor)s, '+03:00', '{180}', %(chunk)s, 0, %(count)s, %(sent)s,
    %(sent)s, '2026-11-20 07:00Z', '2026-11-20 17:00Z', '10:00', '20:00', %(state)s, %(task)s)
"""
_CONTACTS = """
insert into ops.plan_contact (plan_id, row_no, contact_id, phone_key, tz_offsets, tz_source, intent_id, external_id)
select %(plan)s::text, n, 'c' || n, encode(sha256(n::text::bytea), 'hex'), '{180}', 'region', %(intent)s,
       left(%(plan)s::text, 12) || '-' || n
from generate_series(%(first)s::int, %(last)s::int) n
"""
_RESERVED = """
insert into ops.attempt_reservation (phone_key, intent_id, local_date, campaign_id, purpose, max_attempts, held)
select phone_key, intent_id, %(day)s, %(name)s, 'survey', 2, 2 from ops.plan_contact where intent_id = %(intent)s
"""
_ARCHIVED = """
insert into ops.raw_archive (intent_id, batch_id, kind, page_no, path, sha256, bytes, request, fetched_at)
values (%s, %s, 'report', 1, %s, %s, %s, '{}', %s)
"""


def campaign(**changes: Any) -> CampaignSpec:
    """The campaign file; `changes` replace its top-level keys."""
    return CampaignSpec.model_validate({**SPEC, **changes})


def number_of(row: int) -> str:
    """The phone of a row of the list (E.164)."""
    return f"+7{9_000_000_000 + row}"


def plan_in_ledger(conn: psycopg.Connection, contacts: int, chunk: int, *, state: str, real_keys: bool = False) -> None:
    """A plan of intents of `chunk` contacts each, in one state. `real_keys`: the phones' keys are the HMAC of them."""
    conn.execute("set session_replication_role = replica")  # the ledger's guard lets no intent begin in the middle
    values = {"plan": PLAN, "name": NAME, "day": CALL_DATE, "vendor": "dialog", "contacts": contacts}
    conn.execute(_PLAN, values | {"spec": Jsonb(campaign().canonical())})
    for number, first in enumerate(range(1, contacts + 1, chunk)):
        last = min(first + chunk - 1, contacts)
        key = intent_id(NAME, CALL_DATE, "+03:00", number)
        sent = 0 if state == "planned" else last - first + 1
        own = {"intent": key, "chunk": number, "first": first, "last": last, "count": last - first + 1, "sent": sent}
        task = None if state == "planned" else f"task-{number}"
        conn.execute(_INTENT, values | own | {"state": state, "task": task})
        conn.execute(_CONTACTS, values | own)
        if real_keys:
            _real_keys(conn, key)
        conn.execute(_RESERVED, values | own)
    conn.execute("set session_replication_role = origin")
    ensure_days(conn, [CALL_DATE])
    conn.commit()
    ensure_months(conn, [CALL_DATE])
    conn.commit()


def _real_keys(conn: psycopg.Connection, intent: str) -> None:
    rows = conn.execute("select row_no from ops.plan_contact where intent_id = %s", (intent,)).fetchall()
    keys = [phone_key(SECRET, number_of(row)) for (row,) in rows]
    conn.execute(
        "update ops.plan_contact c set phone_key = k.key from unnest(%s::int[], %s::text[]) k (row_no, key)"
        " where c.plan_id = %s and c.row_no = k.row_no",
        ([row for (row,) in rows], keys, PLAN),
    )


class Reports:
    """Reports of an intent's calls, as Dialog gives them: one document, two dials a contact.

    One row in a hundred comes a second time, as it was before the call had ended: rows shift while a report is read.
    Without transcripts three calls in ten are conversations, with them each is one, of about 1 KB.
    """

    def __init__(self, transcripts: bool) -> None:
        self._transcripts = transcripts
        self._random = random.Random(7)

    def archive(self, conn: psycopg.Connection, archive: Archive, batches: Mapping[str, datetime]) -> int:
        """Store the report of every intent as each batch's pull; rows of all documents of a batch."""
        rows = 0
        intents = conn.execute("select intent_id, chunk_no from ops.campaign_intent order by chunk_no").fetchall()
        for intent, chunk in intents:
            found = conn.execute("select row_no from ops.plan_contact where intent_id = %s order by 1", (intent,))
            data = list(self.rows(row for (row,) in found))
            rows += len(data)
            folder = f"{intent_folder('dialog', CALL_DATE, intent)}/{chunk}"
            paths = {batch: f"{folder}/{batch}.zst" for batch in batches}
            first, *others = paths.values()
            page = archive.write(first, document(data))
            for other in others:  # the same answer again, stored once
                os.link(Path(archive.root.path) / first, Path(archive.root.path) / other)
            for batch, path in paths.items():
                conn.execute(_ARCHIVED, (intent, batch, path, page.sha256, page.bytes, batches[batch]))
        conn.commit()
        return rows

    def rows(self, contacts: Iterator[int]) -> Iterator[dict[str, Any]]:
        """The dials of these rows of the list."""
        for contact in contacts:
            for attempt in range(ATTEMPTS):
                row = self._row(contact, attempt)
                if self._random.random() < 0.01:
                    yield row | {
                        "status": "Идёт разговор",
                        "result": None,
                        "dialog": [],
                        "updated_at": row["call_start"],
                    }
                yield row

    def _row(self, contact: int, attempt: int) -> dict[str, Any]:
        talked = self._transcripts or self._random.random() < 0.3
        started = NOON + timedelta(seconds=contact % 20_000, minutes=60 * attempt)
        talk = self._random.randint(200, 6000) / 100 if talked else 0
        status = "Разговор" if talked else self._random.choice(("Нет ответа", "Занято", "Автоответчик"))
        return {
            "call_id": f"k{contact}-{attempt}",
            "contact": external_id(PLAN, contact),
            "phone_number": number_of(contact),
            "call_start": started.isoformat(),
            "updated_at": (started + timedelta(minutes=5)).isoformat(),
            "ring": self._random.randint(3, 30),
            "duration": talk,
            "attempt": attempt + 1,
            "status": status,
            "result": self._random.choice(("Согласие", "Отказ", "Другое")) if talked else None,
            "record_url": f"https://records.example.org/{contact}/{attempt}.mp3" if talked else None,
            "dialog": _dialog(talk) if self._transcripts else [],
        }


def document(data: list[dict[str, Any]]) -> bytes:
    """The whole report."""
    columns = [{"field": name, "display_name": name, "type": "text"} for name in data[0]]
    return orjson.dumps({"columns": columns, "data": data, "total_duration": 1, "avg_duration": 1, "count": len(data)})


def _dialog(talk: float) -> list[dict[str, Any]]:
    step = round(talk / TURNS, 2)
    return [
        {
            "author": ("bot", "client")[n % 2],
            "text": PHRASES[n],
            "start": round(n * step, 2),
            "end": round((n + 1) * step, 2),
        }
        for n in range(TURNS)
    ]
