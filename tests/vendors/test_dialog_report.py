"""Dialog's report becomes attempts by what the campaign file says about its columns and statuses."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from vendor_world import NOW, order, session, spec, vendor

from obzvon.dispositions import Disposition
from obzvon.errors import ContractBreak
from obzvon.vendors.base import Attempt, Column, StopOutcome, Task, Turn
from obzvon.vendors.dialog import Dialog

SETTINGS = """
type: dialog
project_id: 1
scenario_id: 951
start_block_id: 10
phone_id: 5
attempts: 3
report:
  timezone: Asia/Yekaterinburg
  fields:
    started_at: start
    status: status
    call_id: id
    duration: duration
    record_url: record
    dialog: dialog
    updated_at: updated
    results: {confirmation: result}
  statuses:
    Разговор: RPC_NO_RESULT
    Отказ абонента: RPC_REFUSED
    Нет ответа: NO_ANSWER
    Автоответчик: VOICEMAIL
    Чёрный список: VENDOR_BLACKLIST
    В очереди: PENDING
    Набор номера: PENDING
  roles: {Бот: bot, Клиент: client}
"""
SPEC = spec(SETTINGS)
TALK = {
    "id": "c-1", "phone_number": "+7 916 123-45-67", "start": "2030-01-15T10:00:00+05:00", "status": "Разговор",
    "duration": 61.5, "record": "https://records.example/c-1.mp3", "result": "agreed",
    "dialog": "Бот: Здравствуйте!\nКлиент: Да, слушаю.\nГоворите: быстро.", "updated": "2030-01-15T10:05:00+05:00",
}  # fmt: skip


def report(*rows: Any, **totals: Any) -> bytes:
    frame = {"columns": [{"field": "phone_number", "display_name": "Phone", "type": "text"}], "data": list(rows)}
    return json.dumps(frame | {"total_duration": 3600, "avg_duration": 120, "count": len(rows)} | totals).encode()


def parsed(*rows: Any, campaign: Any = SPEC) -> list[Any]:
    return list(Dialog.parse(campaign, "report", io.BytesIO(report(*rows))))


def one(**changes: Any) -> Attempt:
    (attempt,) = parsed(TALK | changes)
    assert isinstance(attempt, Attempt)
    return attempt


def test_a_conversation_in_our_words() -> None:
    assert one() == Attempt(
        vendor_call_id="c-1",
        external_id=None,
        phone="+79161234567",
        started_at=datetime(2030, 1, 15, 5, 0, tzinfo=UTC),
        updated_at=datetime(2030, 1, 15, 5, 5, tzinfo=UTC),
        disposition=Disposition.GOAL,
        status_raw="Разговор",
        talk_sec=Decimal("61.50"),
        record_url="https://records.example/c-1.mp3",
        results={"confirmation": "agreed"},
        goal_reached=True,
        turns=(Turn("bot", "Здравствуйте!"), Turn("client", "Да, слушаю.\nГоворите: быстро.")),
    )


@pytest.mark.parametrize(
    ("changes", "disposition"),
    [
        ({"result": "refused"}, Disposition.RPC_REFUSED),
        ({"result": " Opt_Out "}, Disposition.RPC_OPTOUT),
        ({"result": None}, Disposition.RPC_NO_RESULT),
        ({"result": None, "duration": 5}, Disposition.HUMAN_SHORT),
        ({"result": None, "status": "Отказ абонента"}, Disposition.RPC_REFUSED),
        ({"status": "нет ответа "}, Disposition.NO_ANSWER),
        ({"status": "Автоответчик", "result": "agreed"}, Disposition.VOICEMAIL),
        ({"status": "Сбой фазы"}, Disposition.UNKNOWN),
        ({"status": None}, Disposition.UNKNOWN),
    ],
)
def test_status_and_results_make_the_outcome(changes: dict[str, Any], disposition: Disposition) -> None:
    assert one(**changes).disposition is disposition


def test_times_without_offset_are_the_reports_zone() -> None:
    assert one(start="2030-01-15T10:00:00").started_at == datetime(2030, 1, 15, 5, 0, tzinfo=UTC)


def test_the_last_call_that_a_report_may_have_ends_at_a_date_that_is_one() -> None:
    last = one(start="9998-12-31T23:59:59-12:00", duration=9_999_999, updated=None)
    assert last.updated_at == datetime(9999, 1, 1, 11, 59, 59, tzinfo=UTC) + timedelta(seconds=9_999_999)


def test_times_in_another_writing_are_a_matter_of_the_campaign_file() -> None:
    fields = SPEC.vendor.model_dump()["report"] | {"datetime_format": "%d.%m.%Y %H:%M:%S"}
    campaign = spec(SPEC.vendor.model_dump() | {"report": fields})
    row = TALK | {"start": "15.01.2030 10:00:00", "updated": "15.01.2030 10:05:00"}
    (attempt,) = parsed(row, campaign=campaign)
    assert attempt.started_at == datetime(2030, 1, 15, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"start": "вчера"}, "dialog.started_at"),
        ({"start": None, "updated": None}, "dialog.started_at"),
        ({"start": "0001-01-01T00:00:00"}, "dialog.started_at"),  # "never" as .NET writes it; the zone is east of UTC
        ({"start": "9999-12-31T23:59:59-05:00"}, "dialog.started_at"),
        ({"start": "9999-12-31T23:00:00Z", "updated": None}, "dialog.started_at"),  # ends after the last date
        ({"updated": "0001-01-01T00:00:00Z"}, "dialog.updated_at"),
        ({"duration": "долго"}, "dialog.duration"),
        ({"duration": -1}, "dialog.duration"),
        ({"phone_number": "12345"}, "dialog.phone"),
        ({"phone_number": None}, "dialog.phone"),
        ({"record": {"url": "x"}}, "dialog.record_url"),
    ],
)
def test_a_broken_row_is_told_apart_and_the_next_one_follows(changes: dict[str, Any], rule: str) -> None:
    broken, sound = parsed(TALK | changes, TALK)
    assert isinstance(broken, ContractBreak)
    assert broken.rule == rule
    assert "12345" not in str(broken)
    assert sound.vendor_call_id == "c-1"


def test_a_row_that_is_no_object_is_a_broken_row() -> None:
    assert [getattr(row, "rule", None) for row in parsed("text", TALK)] == ["dialog.row", None]


SAID: dict[str, Any] = {"author": "Бот", "text": " Алло ", "start": 0.5, "end": 2}
#: Changes of a row, usual and odd ones.
ODD_ROWS: list[dict[str, Any]] = [
    {"dialog": [SAID, {"role": "Клиент", "text": "Да"}, SAID | {"start": None}]}, {"dialog": []}, {"dialog": "{"},
    {"dialog": [SAID | {"start": "1.5"}]}, {"dialog": [SAID, "x", None, {"text": 5}, {"author": "Бот"}]},
    {"dialog": [{"text": "a", "start_time": 1, "endTime": 2.25}]}, {"dialog": [{"text": "a", "start_time": None}]},
    {"dialog": {"messages": [SAID]}}, {"dialog": [SAID | {"author": ["Бот"]}]}, {"dialog": [SAID | {"start": True}]},
    {"dialog": [SAID | {"start": 10**30, "author": 7}]}, {"dialog": 7}, {"duration": 1.005, "result": 1.10},
    {"duration": "долго"}, {"caller_id": "+7", "cost": "x", "slot": 1}, {"phone_number": None}, {"start": None}, {},
]  # fmt: skip


def test_a_row_among_many_is_read_as_a_row_alone() -> None:
    changed = [TALK | change for change in ODD_ROWS]
    alone = [str(found) for row in changed for found in parsed(row)]
    rows = [row for each in changed for row in (TALK, TALK, each, TALK)]
    assert [str(found) for found in parsed(*rows)][2::4] == alone
    # a block whose rows are all of one kind does not depend on what others hold
    assert [str(found) for row in changed for found in parsed(row, row, row)[2:]] == alone


def test_two_roles_may_have_one_column() -> None:
    fields = SPEC.vendor.model_dump()["report"]["fields"] | {"updated_at": "start"}
    campaign = spec(SPEC.vendor.model_dump() | {"report": SPEC.vendor.model_dump()["report"] | {"fields": fields}})
    first, second, third = parsed(TALK, TALK, TALK, campaign=campaign)
    assert first == second == third
    assert first.updated_at == first.started_at


def test_a_report_cut_short_is_a_broken_page() -> None:
    rows = Dialog.parse(SPEC, "report", io.BytesIO(report(TALK, TALK)[:-40]))
    with pytest.raises(ContractBreak, match="not one whole JSON document"):
        list(rows)


def test_a_contact_in_the_queue_is_no_attempt() -> None:
    assert parsed(TALK | {"status": "В очереди", "start": None, "updated": None}) == []


def test_without_a_call_id_the_identity_comes_from_what_never_changes() -> None:
    fields = SPEC.vendor.model_dump()["report"]["fields"] | {"call_id": None}
    campaign = spec(SPEC.vendor.model_dump() | {"report": SPEC.vendor.model_dump()["report"] | {"fields": fields}})
    later = TALK | {"start": "2030-01-15T11:00:00+05:00"}
    first = parsed(TALK, later, TALK, campaign=campaign)
    changed = TALK | {"duration": 99, "record": None, "result": "refused", "updated": "2030-01-16T10:00:00+05:00"}
    again = parsed(changed, later, changed, campaign=campaign)
    assert [a.vendor_call_id for a in first] == [a.vendor_call_id for a in again]
    assert len({a.vendor_call_id for a in first}) == 3
    assert all(a.derived_id and "9161234567" not in a.vendor_call_id for a in first)


def test_control_totals() -> None:
    totals = Dialog.totals("report", io.BytesIO(report(TALK, total_duration=61.5)))
    assert (totals.count, totals.duration_sec, totals.columns) == (
        1,
        Decimal("61.5"),
        (Column("phone_number", "Phone", "text"),),
    )


async def test_a_look_counts_the_report_by_the_vendors_clock() -> None:
    other = {"phone_number": "+79161234568", "updated": None}
    rows = [
        TALK | {"record": None},
        TALK | other | {"id": "c-2", "status": "Нет ответа"},
        TALK | other | {"id": "c-3", "status": "Нет ответа", "start": "2030-01-15T11:00:00+05:00"},
        TALK | {"id": "c-4", "phone_number": "+79161234569", "status": "Набор номера"},
        TALK | {"id": None, "phone_number": "+79161234570", "status": "В очереди", "start": None, "updated": None},
        TALK | {"id": "c-5", "duration": "долго"},
    ]

    async def answer(request: web.Request) -> web.StreamResponse:
        body = report(*(rows if request.path.endswith("report") else rows[:1]))
        return web.Response(body=body, headers={"Date": "Tue, 15 Jan 2030 07:30:00 GMT"})

    async with vendor(answer) as seen, session(seen.url, platform_timezone="UTC") as http:
        dialer = Dialog(http, SPEC)
        progress = await dialer.look(Task(order(), "12345", 4))
        rows.reverse()
        shuffled = await dialer.look(Task(order(), "12345", 4))
        rows.append(TALK | {"id": "c-6"})
        grown = await dialer.look(Task(order(), "12345", 4))
    assert progress.vendor_time == datetime(2030, 1, 15, 7, 30, tzinfo=UTC)
    assert (progress.rows, progress.contacts_seen) == (6, 4)
    assert progress.contacts_terminal == 1  # the talk; two of three attempts are used up for the second
    assert (progress.pending_rows, progress.recordings_missing) == (2, 1)
    assert progress.task_finished is None
    assert shuffled.fingerprint == progress.fingerprint != grown.fingerprint
    assert all(column["data_type"] != "dialog" for column in seen.bodies[0]["columns"])


async def test_nothing_of_dialog_can_be_stopped_or_found() -> None:
    async with session("http://127.0.0.1:9", platform_timezone="UTC") as http:
        dialer = Dialog(http, SPEC)
        assert await dialer.cancel("12345") is StopOutcome.NOT_POSSIBLE
        assert await dialer.find("[af:ab12cd34]", NOW, NOW) is None
