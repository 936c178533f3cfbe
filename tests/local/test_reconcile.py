"""The sandbox's books against the warehouse: one row more on either side is a difference, named by vendor and kind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import psycopg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from launching import forced
from rich.console import Console
from typer.testing import CliRunner

import obzvon.__main__ as command
from obzvon.errors import ObzvonError
from obzvon.local.reconcile import Comparison, compare, print_comparisons
from obzvon.local.stack import Address
from obzvon.warehouse.partitions import ensure_months

DIAL_COLUMNS = "vendor,task_id,task_name,call_id,external_id,phone,attempt"
PLAN, INTENT, KEY = "a" * 64, "b" * 64, "c" * 64

#: One intent with one contact, one attempt and one delivery.
ROWS = f"""
insert into ops.campaign_plan (plan_id, campaign_id, call_date, vendor_code, purpose, spec, plan_hash, contacts_total,
    contacts_to_call) values ('{PLAN}', 'c', '2030-05-20', 'twin', 'survey', '{{}}', '{KEY}', 1, 1);
insert into ops.campaign_intent (intent_id, plan_id, campaign_id, call_date, vendor_code, zone, tz_offsets, chunk_no,
    batch_no, state, vendor_task_id, contacts_planned, contacts_accepted, window_start_utc, window_end_utc,
    local_from, local_to)
    values ('{INTENT}', '{PLAN}', 'c', '2030-05-20', 'twin', '+03:00', '{{180}}', 0, 0, 'final', 'task-1', 1, 1,
    '2030-05-20 07:00Z', '2030-05-20 17:00Z', '10:00', '20:00');
insert into ops.plan_contact (plan_id, row_no, contact_id, phone_key, intent_id, external_id, sent_state)
    values ('{PLAN}', 1, '17', '{KEY}', '{INTENT}', 'x-1', 'accepted');
insert into pii.contact_payload (plan_id, row_no, phone_raw, phone_e164, variables)
    values ('{PLAN}', 1, '8 916 123-45-67', '+79161234567', '{{}}');
insert into dwh.fact_call_attempt (vendor_code, vendor_call_id, call_month, intent_id, started_at, local_started_at,
    date_key, local_hour, disposition_code, vendor_status_raw, row_hash, source_updated_at, loaded_at, batch_id)
    values ('twin', 'call-1', '2030-05-01', '{INTENT}', '2030-05-20 07:00Z', '2030-05-20 10:00', 20300520, 10, 'GOAL',
    'ANSWERED', '{KEY}', now(), now(), 'p');
insert into ops.qa_delivery (call_uid, vendor_code, vendor_call_id, intent_id, payload_hash, state)
    values ('twin:call-1', 'twin', 'call-1', '{INTENT}', '{KEY}', 'SENT');
"""


class Books:
    """What the sandbox wrote down; by default the same as ROWS."""

    def __init__(self) -> None:
        self.campaigns: list[dict[str, Any]] = [{"vendor": "twin", "task_id": "task-1", "contacts": 1}]
        self.records: list[dict[str, Any]] = [{"uid": "twin:call-1", "writes": 1}]
        self.dials = ["twin,task-1,Опрос,call-1,x-1,79161234567,1"]
        self.address = ""

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/_sandbox/campaigns", self._campaigns)
        app.router.add_get("/_sandbox/qolio/calls", self._records)
        app.router.add_get("/_sandbox/dials.csv", self._dials)
        return app

    async def _campaigns(self, _: web.Request) -> web.Response:
        return web.json_response(self.campaigns)

    async def _records(self, _: web.Request) -> web.Response:
        return web.json_response(self.records)

    async def _dials(self, _: web.Request) -> web.Response:
        return web.Response(text="\r\n".join([DIAL_COLUMNS, *self.dials, ""]), content_type="text/csv")


@pytest.fixture
async def books() -> AsyncIterator[Books]:
    kept = Books()
    async with TestServer(kept.application()) as server:
        kept.address = str(server.make_url("")).rstrip("/")
        yield kept


@pytest.fixture
def conn(conn: psycopg.Connection) -> psycopg.Connection:
    conn.execute(
        "insert into dwh.dim_date (date_key, day, iso_dow, is_ru_day_off, is_working_weekend, calendar_source)"
        " values (20300520, '2030-05-20', 1, false, false, 'test') on conflict do nothing"
    )
    ensure_months(conn, [date(2030, 5, 20)])
    forced(conn, ROWS)
    return conn


async def differences(conn: psycopg.Connection, books: Books) -> dict[str, tuple[int, int]]:
    """Line -> (rows that are not ours, rows that are not theirs), for the lines that do not agree."""
    found = await asyncio.to_thread(compare, conn, books.address)
    assert {line.vendor for line in found} == {"twin"}
    return {line.what: (line.only_theirs, line.only_ours) for line in found if not line.agrees}


async def test_equal_books_agree_in_every_line(conn: psycopg.Connection, books: Books) -> None:
    found = await asyncio.to_thread(compare, conn, books.address)
    assert [(line.theirs, line.ours, line.agrees) for line in found] == [(1, 1, True)] * 5


async def test_a_dial_the_warehouse_does_not_know_is_shown(conn: psycopg.Connection, books: Books) -> None:
    books.dials.append("twin,task-1,Опрос,call-2,x-1,79161234567,2")
    assert await differences(conn, books) == {"attempts = fact_call_attempt": (1, 0)}


async def test_an_attempt_the_sandbox_never_made_is_shown(conn: psycopg.Connection, books: Books) -> None:
    books.dials.clear()
    assert "attempts = fact_call_attempt" in await differences(conn, books)


async def test_a_stranger_who_was_dialled_is_shown(conn: psycopg.Connection, books: Books) -> None:
    books.dials = ["twin,task-1,Опрос,call-1,x-1,79169999999,1"]
    assert await differences(conn, books) == {"people of attempts were accepted": (1, 0)}


async def test_a_second_campaign_for_the_same_contacts_is_shown(conn: psycopg.Connection, books: Books) -> None:
    books.campaigns.append({"vendor": "twin", "task_id": "task-2", "contacts": 1})
    assert await differences(conn, books) == {"campaigns = intents": (1, 0)}


async def test_a_delivery_that_qolio_does_not_have_is_shown(conn: psycopg.Connection, books: Books) -> None:
    books.records.clear()
    assert await differences(conn, books) == {"Qolio calls = qa_delivery": (0, 1)}


async def test_a_call_that_qolio_dropped_is_no_difference_once_it_is_known_to_be_missing(
    conn: psycopg.Connection, books: Books
) -> None:
    books.records.clear()
    conn.execute("update ops.qa_delivery set state = 'MISSING'")
    assert await differences(conn, books) == {}


async def test_comparing_again_starts_from_fresh_books(conn: psycopg.Connection, books: Books) -> None:
    await differences(conn, books)
    assert await differences(conn, books) == {}


def test_a_sandbox_that_does_not_answer_is_named_with_the_cure(conn: psycopg.Connection, unused_tcp_port: int) -> None:
    with pytest.raises(ObzvonError, match=r"does not answer \(ConnectError\); start it with `make up`"):
        compare(conn, f"http://127.0.0.1:{unused_tcp_port}")


def test_nothing_to_compare_is_no_agreement() -> None:
    assert not print_comparisons(Console(quiet=True), [])
    assert print_comparisons(Console(quiet=True), [Comparison("twin", "dials", 1, 1, 0, 0)])


def test_equal_sums_with_different_rows_do_not_agree() -> None:
    assert not Comparison("twin", "dials", theirs=5, ours=5, only_theirs=1, only_ours=1).agrees


class OneStack:
    """A stack that runs: the warehouse of the test and the sandbox's books."""

    def __init__(self, dsn: str, books: Books) -> None:
        self.connect = lambda: psycopg.connect(dsn, autocommit=True)
        self.address = Address("", books.address, "admin", "")


@pytest.mark.parametrize(
    ("before", "dials", "code", "said"),
    [
        ("truncate ops.campaign_plan cascade", 1, 0, "Nothing to compare yet"),
        ("select", 1, 0, "attempts"),
        ("select", 0, 1, "attempts"),
    ],
)
async def test_the_command_compares_as_soon_as_there_is_a_plan(
    before: str, dials: int, code: int, said: str,
    conn: psycopg.Connection, warehouse_dsn: str, books: Books, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    conn.execute(before.encode())
    conn.commit()
    books.dials = books.dials[:dials]
    monkeypatch.setattr(command, "Stack", lambda: OneStack(warehouse_dsn, books))
    done = await asyncio.to_thread(CliRunner().invoke, command.app, ["reconcile"])
    assert (done.exit_code, said in done.output) == (code, True), done.output
