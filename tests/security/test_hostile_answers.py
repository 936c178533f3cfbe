"""What a vendor answers, or whoever answers in its place: bounded memory, an error of the tree, no row lost."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
from decimal import Decimal
from typing import Any

import jwt
import pytest
from aiohttp import web
from vendors.vendor_world import Handler, account, session, spec, vendor

from obzvon.errors import AuthRefused, ContractBreak, InDoubt, Refused
from obzvon.ledger.keys import phone_key
from obzvon.reports.outcomes import result_texts
from obzvon.reports.scrub import Marks, scrubbed
from obzvon.vendors import rows
from obzvon.vendors.answers import http_date
from obzvon.vendors.base import Attempt, Totals
from obzvon.vendors.dialog import Dialog
from obzvon.vendors.http import VendorSession
from obzvon.vendors.transcripts import turns
from obzvon.vendors.twin import Twin
from obzvon.vendors.twin_auth import TwinLogin
from obzvon.vendors.twin_tasks import identity

MIB = 1 << 20
REPORT = """
type: dialog
project_id: 1
scenario_id: 951
start_block_id: 10
phone_id: 5
attempts: 3
report:
  timezone: Asia/Yekaterinburg
  fields: {phone: phone, started_at: call_start, status: status}
  statuses: {Разговор: RPC_NO_RESULT}
"""
DEEP = "[" * 200_000


def packed(body: bytes, *, status: int = 200, kind: str = "application/json") -> Handler:
    """A handler whose answer is small on the wire."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers={"Content-Encoding": "gzip", "Content-Type": kind})

    return answer


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """64 MiB of blanks in 64 KiB."""
    return gzip.compress(b" " * (64 * MIB), compresslevel=9)


@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
async def test_an_answer_that_unpacks_without_end_is_left_when_it_is_too_large(bomb: bytes, kind: str) -> None:
    async with vendor(packed(bomb, kind=kind)) as seen, session(seen.url, max_answer_mb=1, retry_seconds=0) as http:
        tracemalloc.start()
        with pytest.raises(InDoubt, match="larger than 1 MiB; if it may be, raise `max_answer_mb`"):
            await http.send("POST", "/tasks", action="create", json={})
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 8 * MIB


async def test_a_report_that_unpacks_without_end_does_not_fill_the_disk(bomb: bytes) -> None:
    async with vendor(packed(bomb)) as seen, session(seen.url, max_report_mb="2") as http:
        sizes = list[int]()

        async def read() -> None:
            async with http.stream("POST", "/report", action="read a report") as answer:
                async for chunk in answer.chunks:
                    sizes.append(len(chunk))

        with pytest.raises(InDoubt, match="raise `max_report_mb`"):
            await read()
    assert sum(sizes) <= 2 * MIB
    assert max(sizes) < MIB


async def test_the_body_of_a_refusal_is_read_as_far_as_it_says_something(bomb: bytes) -> None:
    async with vendor(packed(bomb, status=422)) as seen, session(seen.url) as http:
        tracemalloc.start()
        with pytest.raises((Refused, InDoubt)):
            await http.send("POST", "/tasks", action="create", json={})
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 8 * MIB


async def test_an_answer_packed_in_several_members_comes_whole() -> None:
    body = gzip.compress(b'{"items": [') + gzip.compress(b"1, 2") + gzip.compress(b"]}")
    async with vendor(packed(body)) as seen, session(seen.url) as http:
        answer = await http.read("GET", "/calls", action="read calls")
    assert answer.json() == {"items": [1, 2]}


# values -----------------------------------------------------------------------------------------------------------


async def test_half_an_emoji_does_not_make_an_answer_unreadable() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text='{"said": "да \\ud83d", "whole": "\\ud83d\\ude00", "path": "c:\\\\ud800"}',
                            content_type="application/json")  # fmt: skip

    async with vendor(answer) as seen, session(seen.url) as http:
        said = (await http.read("GET", "/calls", action="read calls")).json()
    assert said == {"said": "да \ufffd", "whole": "\U0001f600", "path": "c:\\ud800"}


@pytest.mark.parametrize("moment", ["Fri, 31 Dec 9999 23:59:59 -0100",
                                    "Mon, 01 Jan 2020 00:00:00 -9999999999999999"])  # fmt: skip
def test_a_date_beyond_the_calendar_is_none(moment: str) -> None:
    assert http_date(moment) is None


@pytest.mark.parametrize("exp", [1e300, -1e300, 10**20, True, -62135596800, 253402300799, "soon", None])
async def test_a_token_that_ends_beyond_the_calendar_is_a_token(exp: Any) -> None:
    token = jwt.encode({"exp": 0} | {"sub": "robot"}, "k" * 32).split(".")
    claims = jwt.utils.base64url_encode(json.dumps({"exp": exp}).encode()).decode()

    async def login(_: web.Request) -> web.Response:
        return web.json_response({"token": f"{token[0]}.{claims}.{token[2]}", "refreshToken": "r"})

    async with vendor(login) as seen, VendorSession("twin", account(seen.url)) as http:
        assert (await TwinLogin(account(seen.url)).header(http)).startswith("Bearer ")


async def test_a_token_of_another_shape_is_said_to_be_none() -> None:
    async def login(_: web.Request) -> web.Response:
        return web.json_response({"token": ["x"]})

    async with vendor(login) as seen, VendorSession("twin", account(seen.url)) as http:
        with pytest.raises(AuthRefused):
            await TwinLogin(account(seen.url)).header(http)


@pytest.mark.parametrize(
    "task", ["..", "../tasks/7", "a/b", "a?b", "a\nb", "", " ", "x" * 201, "\u0661", 7, ["a"], None]
)
def test_what_is_not_one_part_of_an_address_is_no_id_of_a_task(task: object) -> None:
    assert identity(task) is None
    assert identity({"identity": task}) is None


@pytest.mark.parametrize("number", ["1e999999999", "1e999999999999999999999", "9" * 5000, "-1", "true", '"7"', "[]"])
def test_a_count_that_nobody_can_mean_says_nothing(number: str) -> None:
    page = f'{{"count": {number}, "items": []}}'.encode()
    assert Twin.totals("calls", io.BytesIO(page)) == Totals(None)
    report = f'{{"count": {number}, "data": []}}'.encode()
    assert Dialog.totals("report", io.BytesIO(report)) == Totals(None)


@pytest.mark.parametrize("value", [Decimal("1e999999999"), "1e999999999", Decimal(10) ** 15, 10**15])
def test_a_number_without_end_breaks_its_row(value: object) -> None:
    with pytest.raises(ContractBreak, match="too large"):
        rows.amount("rule", "price", value)


def test_a_number_that_is_next_to_nothing_is_nothing() -> None:
    assert rows.amount("rule", "price", Decimal("1e-999999999")) == 0
    assert str(rows.amount("rule", "price", "1.100000000000000088817")) == "1.100000000000"


@pytest.mark.parametrize("text", [DEEP, '{"a":' * 100_000, "9" * 5000, "NaN", '{"a": 1e99999999999999999999}'])
def test_json_inside_a_field_costs_that_field_at_most(text: str) -> None:
    assert all(isinstance(turn.text, str) for turn in turns(text, {}))
    assert all(isinstance(said, str) for said in result_texts(text).values())


def test_half_characters_inside_a_fields_json_are_replaced() -> None:
    (turn,) = turns('[{"author": "BOT", "text": "да \\ud83d"}]', {"BOT": "bot"})
    assert turn.text == "да \ufffd"
    assert result_texts('{"goal": "\\udc00"}') == {"goal": "\ufffd"}


ROW = {"phone": "79161234567", "call_start": "2030-01-15T10:00:00+03:00", "status": "Разговор"}
BROKEN_ROWS = [
    '{"phone": 1e999999999}', '{"phone": ' + "9" * 5000 + "}", '{"phone": "7916", "x": 1e99999999999999999999}',
    '{"phone": "79161234567", "status": {"a": [1]}}', "null", "17", '"row"', "[]",
]  # fmt: skip


def test_good_rows_between_broken_ones_arrive_and_each_broken_one_is_a_break() -> None:
    good = json.dumps(ROW)
    text = '{"data": [' + ", ".join(part for broken in BROKEN_ROWS for part in (good, broken)) + f", {good}]}}"
    read = list(Dialog.contents(spec(REPORT), "report", io.BytesIO(text.encode())))
    kinds = [type(each) for each in read]
    assert kinds == [*(kind for _ in BROKEN_ROWS for kind in (Attempt, ContractBreak)), Attempt, Totals]


def test_names_of_columns_are_kept_without_what_breaks_a_log() -> None:
    body = json.dumps({"data": [], "columns": [{"field": "a\nERROR forged\x00\x1b[31m", "display_name": "я" * 9_999}]})
    (column,) = Dialog.totals("report", io.BytesIO(body.encode())).columns
    assert column.field == "a\ufffdERROR forged\ufffd\ufffd[31m"
    assert len(column.caption) == 200


# erasing ----------------------------------------------------------------------------------------------------------


def test_a_person_leaves_a_page_with_half_characters_in_it() -> None:
    marks = Marks(b"secret", frozenset({phone_key(b"secret", "+79161234567")}))
    page = b'{"items": [{"id": "a", "of": ["79161234567", {"said": "\\ud83d"}]}]}'
    body, cleaned = scrubbed(page, marks)
    assert cleaned == 1
    assert json.loads(body) == {"items": [{"id": "a", "of": [{"said": "\ud83d"}]}]}


def test_a_page_nested_without_end_is_none() -> None:
    with pytest.raises(ValueError, match="nested too deep"):
        scrubbed(b'{"items": ' + DEEP.encode(), Marks(b"secret", frozenset(), frozenset({"call-7"})))
