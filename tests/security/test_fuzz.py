"""Changed bodies by the thousand: `make fuzz` reads a million of them (OBZVON_FUZZ_BODIES), this file a few."""

from __future__ import annotations

import asyncio
import io
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aiohttp import web
from fuzz_targets import DIALOG, DIALOG_ROW, TARGETS, TWIN, TWIN_ROW
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import changed_record
from vendors.vendor_world import order, session, vendor

from obzvon.errors import ContractBreak, VendorError
from obzvon.qolio.account import QolioAccount
from obzvon.qolio.sign_in import SignIn
from obzvon.vendors.base import Dialer, Task, Totals
from obzvon.vendors.dialog import Dialog
from obzvon.vendors.dialog_auth import DialogLogin
from obzvon.vendors.http import VendorSession
from obzvon.vendors.twin import Twin
from obzvon.vendors.twin_auth import TwinLogin
from obzvon.warehouse.load.staging import Staging

ROOT = Path(__file__).resolve().parents[2]
BODIES = os.environ.get("OBZVON_FUZZ_BODIES", "3000")
EXAMPLES = int(os.environ.get("OBZVON_FUZZ_EXAMPLES", "10"))


def test_every_reader_takes_a_body_or_refuses_it_as_documented() -> None:
    """In a process of its own, whose memory the kernel limits: a library may end it."""
    command = [sys.executable, str(ROOT / "tests" / "security" / "fuzz.py"), "--bodies", BODIES]
    env = os.environ | {"PYTHONPATH": f"{ROOT / 'tests'}{os.pathsep}{ROOT / 'tests' / 'security'}"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    read = re.findall(r"^(.+?) +([\d,]+) taken +([\d,]+) refused$", done.stdout, flags=re.MULTILINE)
    assert {name.strip() for name, _, _ in read} == set(TARGETS)
    assert sum(int(number.replace(",", "")) for _, *numbers in read for number in numbers) == int(BODIES)


@pytest.mark.parametrize(("dialer", "campaign", "name", "record"), [
    (Dialog, DIALOG, "data", DIALOG_ROW), (Twin, TWIN, "items", TWIN_ROW),
])  # fmt: skip
def test_what_the_reader_takes_the_warehouse_takes_or_puts_in_quarantine(
    conn: psycopg.Connection, dialer: type[Dialer], campaign: Any, name: str, record: dict[str, Any]
) -> None:
    """Rows that no column, no index and no COPY could hold must not fail the load of their neighbours."""
    rng = random.Random(7)
    records = [changed_record(rng, record | {"id": f"call-{number}"}) for number in range(400)]
    page = f'{{"{name}": [{", ".join(records)}]}}'.encode()
    rows = [row for row in dialer.contents(campaign, "calls", io.BytesIO(page)) if not isinstance(row, Totals)]
    archive_id = _archived(conn)
    staging = Staging(conn, campaign, b"a secret of thirty-two characters")
    assert staging.add(archive_id, rows) == len(rows)
    assert staging.attempts + staging.quarantined == len(rows)
    assert staging.attempts > 100
    broken = sum(isinstance(row, ContractBreak) for row in rows)
    assert staging.quarantined >= broken > 50


def _archived(conn: psycopg.Connection) -> int:
    """A page of the archive for the rows to belong to; what it belongs to itself is of no interest here."""
    conn.execute("set session_replication_role = replica")
    found = conn.execute(
        "insert into ops.raw_archive (intent_id, batch_id, kind, page_no, path, sha256, bytes, request, fetched_at)"
        " values ('i', 'b', 'calls', 1, 'p', repeat('0', 64), 1, '{}', now()) returning archive_id"
    ).fetchone()
    conn.execute("set session_replication_role = origin")
    assert found is not None
    return int(found[0])


# answers to requests ----------------------------------------------------------------------------------------------

ODD = st.sampled_from([10**30, 1e308, "", "..", "a/b", "\x00", "x" * 300, "9" * 5_000, True, [[]], {"identity": ".."}])
NAMES = st.sampled_from(
    ["id", "identity", "campaign", "token", "refreshToken", "access_token", "items", "count", "name", "status", "data",
     "meta", "total-pages", "attributes", "active", "email", "included", "type", "callCount", "error", "detail", "loc"]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=5),
    max_leaves=12,
)
BODIES_OF_ANSWERS = JSON.map(web.json_response) | st.builds(
    web.Response,
    status=st.sampled_from([200, 201, 204, 301, 400, 401, 403, 404, 409, 422, 429, 500, 503]),
    body=st.binary(max_size=200) | st.just(b"[" * 5_000) | st.just(b"<html>"),
    content_type=st.sampled_from(["application/json", "text/html", "text/plain"]),
    headers=st.dictionaries(
        st.sampled_from(["Retry-After", "Date", "Location", "access-token", "uid", "client", "Authorization"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30) | st.just("9" * 400),
    ),
)
TASK = Task(order(), "e2b1", 3)


async def _users(http: VendorSession) -> None:
    async for users in QolioAccount(http, SignIn(http.account)).users():
        assert all(isinstance(user.active, bool) for user in users)


async def _listed(http: VendorSession) -> None:
    await Twin(http, TWIN).find("[af:ab12cd34]", datetime(2030, 1, 1, tzinfo=UTC), datetime(2030, 1, 2, tzinfo=UTC))


async def _created(http: VendorSession, dialer: type[Dialer], campaign: Any) -> None:
    task = await dialer(http, campaign).create(order(), [])
    assert task.strip() == task or dialer is Dialog
    assert 0 < len(task) <= 200
    assert task.isprintable()


REQUESTS: dict[str, Callable[[VendorSession], Any]] = {
    "Dialog's login": lambda http: DialogLogin(http.account).header(http),
    "TWIN's login": lambda http: TwinLogin(http.account).header(http),
    "Qolio's sign-in": lambda http: SignIn(http.account).header(http),
    "Dialog creates": lambda http: _created(http, Dialog, DIALOG),
    "TWIN creates": lambda http: _created(http, Twin, TWIN),
    "TWIN lists tasks": _listed,
    "TWIN's calls are looked at": lambda http: Twin(http, TWIN).look(TASK),
    "Dialog's report is looked at": lambda http: Dialog(http, DIALOG).look(TASK),
    "TWIN is stopped": lambda http: Twin(http, TWIN).cancel("e2b1"),
    "Qolio lists users": _users,
}


OPTIONS = {
    "platform_timezone": "Asia/Yekaterinburg", "company_timezone": "Europe/Moscow", "account_email": "a@b.example",
    "account_password": "x", "ready_seconds": 0,
}  # fmt: skip


@pytest.mark.parametrize("asked", REQUESTS)
def test_whatever_a_vendor_answers_it_is_understood_or_an_error_of_the_tree(asked: str) -> None:
    answers = list[web.Response]()

    async def play(_: web.Request) -> web.StreamResponse:
        given = answers[0]
        return web.Response(status=given.status, body=given.body, headers=given.headers)

    async def ask(url: str) -> None:
        async with session(url, **OPTIONS) as http:
            with suppress(VendorError, ContractBreak):
                await REQUESTS[asked](http)

    with asyncio.Runner() as runner:
        played = vendor(play)
        url = runner.run(played.__aenter__()).url

        @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(answer=BODIES_OF_ANSWERS)
        def play_one(answer: web.Response) -> None:
            answers[:] = [answer]
            runner.run(ask(url))

        play_one()
        runner.run(played.__aexit__(None, None, None))
