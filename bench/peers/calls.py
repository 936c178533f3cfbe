"""Reports as rows of the three tables, the plain way: the whole document in memory, dicts, no checks.

Imports nothing of Obzvon: peers run without it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import zstandard

ATTEMPT = (
    "vendor_code", "vendor_call_id", "call_month", "intent_id", "contact_key", "attempt_no", "started_at",
    "local_started_at", "date_key", "local_hour", "disposition_code", "vendor_status_raw", "ring_sec", "talk_sec",
    "transferred", "cost_rub", "marking_fee_rub", "record_url", "has_record", "row_hash", "source_updated_at",
    "loaded_at", "batch_id",
)  # fmt: skip
GOAL = ("vendor_code", "vendor_call_id", "call_month", "goal_name", "goal_value", "is_reached")
TURN = ("vendor_code", "vendor_call_id", "call_month", "turn_no", "role", "start_sec", "end_sec", "text_redacted")
STATUSES = {"Идёт разговор": "PENDING", "Автоответчик": "VOICEMAIL", "Нет ответа": "NO_ANSWER", "Занято": "BUSY"}
RESULTS = {"Согласие": "GOAL", "Отказ": "RPC_REFUSED"}
SHORT_TALK = Decimal(5)
MONTH = date(2026, 11, 1)

_PAGE = "select path from ops.raw_archive where intent_id = %s and batch_id = %s"
_CONTACTS = """
select p.external_id, f.contact_key from ops.plan_contact p join dwh.fact_campaign_contact f using (plan_id, row_no)
where p.intent_id = %s
"""
_KEY = """
select array_agg(a.attname order by array_position(i.indkey::int2[], a.attnum))
from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
where i.indrelid = %s::regclass and i.indisprimary
"""

Tables = tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]


def key_of(dsn: str, table: str) -> list[str]:
    """The columns of a table's primary key."""
    with psycopg.connect(dsn) as conn:
        return list(conn.execute(_KEY, (table,)).fetchall()[0][0])


def reports(dsn: str, archive: str, intents: Sequence[str], batch: str) -> Iterator[Tables]:
    """Attempts, goals and turns of each intent's report."""
    for intent in intents:
        with psycopg.connect(dsn) as conn:
            path = conn.execute(_PAGE, (intent, batch)).fetchall()[0][0]
            contacts: dict[str, int] = dict(conn.execute(_CONTACTS, (intent,)).fetchall())
        with zstandard.open(Path(archive) / path, "rb") as stream:
            data = json.load(stream)["data"]
        yield tables(data, contacts, intent, batch)


def tables(data: list[dict[str, Any]], contacts: dict[str, int], intent: str, batch: str) -> Tables:
    """The newest row of each call, numbered by contact, as rows of the tables."""
    newest: dict[str, dict[str, Any]] = {}
    for row in data:
        known = newest.get(row["call_id"])
        if known is None or known["updated_at"] <= row["updated_at"]:
            newest[row["call_id"]] = row
    attempts, goals, turns = list[dict[str, Any]](), list[dict[str, Any]](), list[dict[str, Any]]()
    numbers: Counter[int] = Counter()
    now = datetime.now().astimezone()
    for row in sorted(newest.values(), key=lambda row: (row["call_start"], row["call_id"])):
        contact = contacts[row["contact"]]
        numbers[contact] += 1
        attempts.append(_attempt(row, contact, numbers[contact], intent, batch, now))
        if row["result"] is not None:
            goals.append(
                {
                    "vendor_code": "dialog",
                    "vendor_call_id": row["call_id"],
                    "call_month": MONTH,
                    "goal_name": "result",
                    "goal_value": row["result"],
                    "is_reached": row["result"] == "Согласие",
                }
            )
        turns += (
            {
                "vendor_code": "dialog",
                "vendor_call_id": row["call_id"],
                "call_month": MONTH,
                "turn_no": number,
                "role": turn["author"],
                "start_sec": turn["start"],
                "end_sec": turn["end"],
                "text_redacted": turn["text"],
            }
            for number, turn in enumerate(row["dialog"], 1)
        )
    return attempts, goals, turns


def _attempt(row: dict[str, Any], contact: int, number: int, intent: str, batch: str, now: datetime) -> dict[str, Any]:
    started = datetime.fromisoformat(row["call_start"])
    local = (started + timedelta(hours=3)).replace(tzinfo=None)
    talk = Decimal(str(row["duration"]))
    disposition = STATUSES.get(row["status"]) or RESULTS.get(row["result"])
    if disposition is None:
        disposition = "HUMAN_SHORT" if talk <= SHORT_TALK else "RPC_NO_RESULT"
    return {
        "vendor_code": "dialog",
        "vendor_call_id": row["call_id"],
        "call_month": MONTH,
        "intent_id": intent,
        "contact_key": contact,
        "attempt_no": number,
        "started_at": started,
        "local_started_at": local,
        "date_key": int(local.strftime("%Y%m%d")),
        "local_hour": local.hour,
        "disposition_code": disposition,
        "vendor_status_raw": row["status"],
        "ring_sec": Decimal(str(row["ring"])),
        "talk_sec": talk,
        "transferred": False,
        "cost_rub": Decimal(0),
        "marking_fee_rub": Decimal(0) if disposition == "PENDING" else Decimal("0.25"),
        "record_url": row["record_url"],
        "has_record": row["record_url"] is not None,
        "row_hash": hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest(),
        "source_updated_at": datetime.fromisoformat(row["updated_at"]),
        "loaded_at": now,
        "batch_id": batch,
    }
