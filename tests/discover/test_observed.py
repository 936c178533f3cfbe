"""What is seen of a report's columns, and the mapping that is drafted from it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from obzvon.campaigns.spec import CampaignSpec
from obzvon.vendors.base import Column
from obzvon.vendors.dialog_draft import draft
from obzvon.vendors.dialog_settings import Report
from obzvon.vendors.observed import Observation
from obzvon.vendors.twin import Twin

COLUMNS = [
    Column("phone", "Телефон клиента", "text"), Column("uid", "ID звонка", "text"),
    Column("t0", "Начало звонка", "datetime"), Column("t1", "Изменён", "datetime"),
    Column("state", "Статус звонка", "text"), Column("sec", "Длительность, сек", "number"),
    Column("wait", "Гудки", "number"), Column("ok", "Согласие получено", "goal"),
    Column("outcome", "Итог", "text"), Column("talk", "Диалог", "dialog"), Column("memo", "Заметка", "text"),
    Column("queue_no", "Место", "number"),
]  # fmt: skip
STATES = ["Разговор", "Нет ответа", "Абонент занят", "Сбой фазы"]
NOTHING = Report.model_validate({"fields": {"started_at": "?", "status": "?"}, "statuses": {"Разговор": "GOAL"}})


def rows(count: int = 40) -> list[dict[str, Any]]:
    return [
        {
            "phone": f"+7916{number:07d}", "uid": f"c{number}", "t0": f"2031-05-20T10:{number:02d}:00+03:00",
            "t1": None, "state": STATES[number % 4], "sec": number, "wait": 3.5, "ok": number % 3 == 0,
            "outcome": "Отказ" if number % 2 else None, "talk": [{"role": "bot", "text": "Алло"}],
            "memo": f"Заметка {number}", "queue_no": 1,
        }
        for number in range(count)
    ]  # fmt: skip


def seen(*given: dict[str, Any]) -> Observation:
    found = Observation()
    found.add(COLUMNS, given or rows())
    return found


def test_each_column_has_type_caption_and_how_often_it_is_filled() -> None:
    found = {column.field: (column.kind, column.caption, column.filled) for column in seen().columns}
    assert found["state"] == ("text", "Статус звонка", 40)
    assert found["t1"] == ("datetime", "Изменён", 0)
    assert found["outcome"] == ("text", "Итог", 20)


def test_a_column_that_the_report_does_not_declare_is_judged_by_its_values() -> None:
    found = Observation()
    found.add([], [{"a": "2031-05-20T10:00:00Z", "b": 1.5, "c": True, "d": [1], "e": "слово", "f": None}] * 2)
    assert [column.kind for column in found.columns] == ["datetime", "number", "yes or no", "list", "text", "empty"]


def test_only_short_lists_of_words_that_come_again_are_shown() -> None:
    words = {column.field: dict(column.words) for column in seen().columns if column.words}
    assert words == {
        "state": dict.fromkeys(STATES, 10), "ok": {"true": 14, "false": 26}, "outcome": {"Отказ": 20},
    }  # fmt: skip


@pytest.mark.parametrize("value", ["+79161234567", "ivanov@example.ru", "x" * 61])
def test_a_column_with_one_number_or_address_shows_nothing_at_all(value: str) -> None:
    found = seen(*rows(), {"state": value})
    assert [column.field for column in found.columns if column.words] == ["ok", "outcome"]


def test_a_draft_is_a_mapping_with_its_guesses_marked() -> None:
    text = draft(NOTHING, seen())
    assert Report.model_validate(yaml.safe_load(text)["report"]) == Report.model_validate({
        "fields": {
            "phone": "phone", "call_id": "uid", "started_at": "t0", "updated_at": "t1", "status": "state",
            "ring_duration": "wait", "duration": "sec", "dialog": "talk", "results": {"ok": "ok", "outcome": "outcome"},
        },
        "statuses": {
            "Разговор": "GOAL", "Абонент занят": "BUSY", "Нет ответа": "NO_ANSWER", "Сбой фазы": "NETWORK_ERROR",
        },
    })  # fmt: skip
    assert "    status: state  # guessed\n" in text
    assert "    Разговор: GOAL\n" in text
    assert "    Нет ответа: NO_ANSWER  # guessed, 10 rows\n" in text
    assert "    # not read: memo «Заметка», text, filled in 40 of 40 rows\n" in text
    assert "7916" not in text


def test_what_the_file_says_stays_and_a_status_that_tells_nothing_is_a_question() -> None:
    said = {
        "timezone": "Asia/Omsk", "roles": {"Бот": "bot"}, "statuses": {"Разговор": "RPC_NO_RESULT", "Ы": "BUSY"},
        "fields": {"phone": "phone", "started_at": "t0", "status": "state", "results": {"answer": "outcome"}},
    }  # fmt: skip
    text = draft(Report.model_validate(said), seen(*rows(8), {"state": "Ъ"}))
    drafted = yaml.safe_load(text)["report"]
    assert (drafted["timezone"], drafted["roles"]) == ("Asia/Omsk", {"Бот": "bot"})
    assert drafted["statuses"] | {"Разговор": "RPC_NO_RESULT", "Ы": "BUSY"} == drafted["statuses"]
    assert "    Ъ: UNKNOWN  # ?, 1 rows\n" in text
    assert "    status: state\n" in text
    assert drafted["fields"]["results"] == {"answer": "outcome", "ok": "ok"}


def test_of_twin_only_statuses_that_nobody_knows_are_drafted(twin: CampaignSpec) -> None:
    found = Observation()
    found.add([], [{"status": status} for status in ("BUSY", "ANSWERED", "PARKED", "QUANTUM", "QUANTUM")])
    assert Twin.draft(twin, found) == "statuses:\n  PARKED: NO_ANSWER\n  QUANTUM: UNKNOWN  # ?, 2 rows\n"
    known = Observation()
    known.add([], [{"status": "BUSY"}, {"status": "parked"}])
    assert Twin.draft(twin, known) == ""


@pytest.fixture
def twin() -> CampaignSpec:
    from launching import spec

    vendor = {"type": "twin", "api": "v1", "bot_id": "44e62ac6-6c08-4ad1-923d-5ee3299dd737", "calls_per_second": 1}
    return spec(vendor=vendor | {"statuses": {"PARKED": "NO_ANSWER"}})
