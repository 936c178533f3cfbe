"""Dialog's report: one row per dial attempt.

The document shows the frame (columns, data, totals) and the types of columns, but no column except `phone_number`
and no row. COLUMNS, STATUSES and RESULTS are therefore the sandbox's own words; a campaign file maps them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from obzvon.sandbox.clock import iso
from obzvon.sandbox.dialog.models import Column
from obzvon.sandbox.records import record_url
from obzvon.sandbox.refusals import Refusal
from obzvon.sandbox.speech import turns

#: field -> (caption, type). Times carry the platform's offset, durations are seconds.
COLUMNS: dict[str, tuple[str, str]] = {
    "call_id": ("ID звонка", "text"),
    "phone_number": ("Номер телефона", "text"),
    "call_start": ("Начало звонка", "datetime"),
    "ring": ("Гудки, сек", "number"),
    "duration": ("Длительность, сек", "number"),
    "attempt": ("Попытка", "number"),
    "status": ("Статус звонка", "text"),
    "result": ("Результат разговора", "text"),
    "goal": ("Цель достигнута", "goal"),
    "dialog": ("Диалог", "dialog"),
    "record_url": ("Запись разговора", "text"),
    "updated_at": ("Изменён", "datetime"),
}

#: What the column `status` says for a status of the simulation.
STATUSES = {
    "DIAL": "Набор номера",
    "INPROGRESS": "Идёт разговор",
    "human": "Разговор",
    "machine": "Автоответчик",
    "NOANSWER": "Нет ответа",
    "BUSY": "Занято",
    "UNAVAILABLE": "Абонент недоступен",
    "CONGESTION": "Ошибка сети",
    "CHANUNAVAIL": "Ошибка соединения",
    "FAILED": "Ошибка соединения",
    "EXPIRED": "Превышено время набора",
    "INVALID": "Неверный номер",
    "BLACKLIST": "Чёрный список",
}

#: What the column `result` says; null where there was no conversation or the client hung up.
RESULTS = {
    "agreed": "Согласие",
    "refused": "Отказ",
    "callback": "Перезвонить",
    "opt_out": "Не звонить",
    "wrong_party": "Не тот человек",
}


def render(row: sqlite3.Row, zone: ZoneInfo, address: str) -> dict[str, Any]:
    """One row of the report from a visible attempt; `address`: of the sandbox, where its recordings are."""
    over = row["now"] >= row["end_at"]
    answered = row["shown"] == "ANSWERED"
    recorded = row["record_at"] is not None and row["now"] >= row["record_at"]
    return {
        "call_id": row["call_id"],
        "phone_number": row["phone"],
        "call_start": iso(row["dial_at"], zone),
        "ring": row["ring"] if over else None,
        "duration": row["talk"] if over else 0,
        "attempt": row["attempt"],
        "status": STATUSES[row["responder"] if answered else row["shown"]],
        "result": RESULTS.get(row["result"]) if answered else None,
        "goal": answered and row["result"] == "agreed",
        "dialog": _dialog(row) if answered else [],
        "record_url": record_url(address, "dialog", row["call_id"]) if recorded else None,
        "updated_at": iso(row["updated_at"], zone),
    }


def _dialog(row: sqlite3.Row) -> list[dict[str, Any]]:
    said = turns(row["result"], row["talk"], row["responder"] == "machine")
    return [{"role": turn.role, "text": turn.text, "start": turn.start, "end": turn.end} for turn in said]


def assemble(rows: list[dict[str, Any]], asked: Sequence[Column]) -> dict[str, Any]:
    """The answer: filtered, sorted, cut to the columns asked for, with totals over what is returned."""
    for column in asked:
        if column.name is not None and column.name not in COLUMNS:
            raise Refusal(422, f"unknown column {column.name}; known: {', '.join(COLUMNS)}")
        if column.filter_type is not None:
            rows = [row for row in rows if _passes(row[str(column.name)], column)]
    for column in reversed([column for column in asked if column.sorting]):
        rows = sorted(rows, key=lambda row: _sort_key(row[str(column.name)]), reverse=column.sorting == "desc")
    shown = _shown(asked)
    total = sum(row["duration"] for row in rows)
    return {
        "columns": [
            {"field": field, "display_name": caption, "type": COLUMNS[field][1]} for field, caption in shown.items()
        ],
        "data": [{field: row[field] for field in shown} for row in rows],
        "total_duration": total,
        "avg_duration": round(total / len(rows), 2) if rows else 0,
        "count": len(rows),
    }


def _shown(asked: Sequence[Column]) -> dict[str, str]:
    """Fields to return with their captions: by name, by type where no name is given, all when nothing is asked."""
    shown: dict[str, str] = {}
    for column in asked:
        named = [column.name] if column.name else [f for f, (_, kind) in COLUMNS.items() if kind == column.data_type]
        for field in named:
            shown[field] = column.display_name or COLUMNS[field][0]
    return shown or {field: caption for field, (caption, _) in COLUMNS.items()}


def _passes(value: Any, column: Column) -> bool:
    text, wanted = "" if value is None else str(value), column.filter_value or ""
    return {
        "equal": text == wanted,
        "contains": wanted in text,
        "starts_with": text.startswith(wanted),
        "ends_with": text.endswith(wanted),
        "is_empty": value in (None, "", []),
        "not_empty": value not in (None, "", []),
        "is_true": value is True,
        "not_true": value is not True,
    }[str(column.filter_type)]


def _sort_key(value: Any) -> tuple[bool, Any]:
    return (value is not None, str(value) if isinstance(value, list) else value)
