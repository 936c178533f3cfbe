"""Delivery to a real server: the sandbox's journal is the judge, not our own ledger."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import psycopg
import pytest
from qa_rows import SAMPLE, World, campaign

from obzvon.errors import AuthRefused, ConfigError, InDoubt
from obzvon.qolio.answers import Accepted
from obzvon.qolio.client import QolioClient
from obzvon.qolio.payload import PhoneCall
from obzvon.sandbox.process import Sandbox, running_sandbox
from obzvon.stages.deliver import DeliverySummary, deliver
from obzvon.vendors.account import Account
from obzvon.vendors.http import Patience

pytestmark = pytest.mark.stack
PATH = "/api/v1/integrations/c34f637a-0000-4000-8000-000000000001/phone_calls"
TOKEN = "sandbox-qolio-integration-token"
QUICK = Patience(attempts=4, budget=20, first=0.01, longest=0.05)
TASK = """
import asyncio, sys
from qa_rows import campaign
from obzvon.qolio.client import QolioClient
from obzvon.stages.deliver import deliver
from obzvon.vendors.account import Account

async def main(dsn, plan_id, address, token, path):
    account = Account(address, password=token, options={"integration_path": path})
    async with QolioClient.connected(account) as client:
        await deliver(dsn, campaign(), client, plan_id)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


class Qolio:
    """The sandbox's Qolio with its admin paths."""

    def __init__(self, server: Sandbox, http: aiohttp.ClientSession) -> None:
        self.server, self.http = server, http

    async def calls(self) -> dict[str, dict[str, Any]]:
        """Recorded calls by uid: `body` and `writes`."""
        async with self.http.get(f"{self.server.admin}/qolio/calls") as answer:
            return {call["uid"]: call for call in await answer.json()}

    async def posts(self) -> list[dict[str, Any]]:
        """Every request that came in."""
        query = {"vendor": "qolio", "method": "POST", "limit": 100_000}
        async with self.http.get(f"{self.server.admin}/requests", params=query) as answer:
            return list(await answer.json())

    async def fault(self, **fault: Any) -> None:
        async with self.http.post(f"{self.server.admin}/faults", json={"vendor": "qolio", **fault}) as answer:
            assert answer.status == 200

    def account(self, **changes: Any) -> Account:
        values = {"base_url": self.server.qolio, "password": TOKEN, "options": {"integration_path": PATH}}
        return Account(**(values | changes))

    async def deliver(self, dsn: str, world: World, **account: Any) -> DeliverySummary:
        async with QolioClient.connected(self.account(**account), patience=QUICK) as client:
            return await deliver(dsn, world.spec, client, world.plan_id)


@pytest.fixture
async def qolio(server: Sandbox) -> AsyncIterator[Qolio]:
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{server.admin}/reset") as answer:
            assert answer.status == 200
        async with http.delete(f"{server.admin}/faults") as answer:
            assert answer.status == 200
        yield Qolio(server, http)


@pytest.fixture
def world(conn: psycopg.Connection) -> World:
    return World(conn)


async def test_the_vendors_example_is_journaled_field_by_field(qolio: Qolio) -> None:
    async with QolioClient.connected(qolio.account()) as client:
        assert await client.add_call(PhoneCall.model_validate(SAMPLE)) == Accepted(200, 1)
    (request,) = await qolio.posts()
    assert request["body"] == SAMPLE


async def test_ledger_and_journal_agree_to_the_row(qolio: Qolio, world: World, warehouse_dsn: str) -> None:
    world.calls(100)
    assert (await qolio.deliver(warehouse_dsn, world)).sent == 100
    ledger = {row[0] for row in world.conn.execute("select call_uid from ops.qa_delivery where state = 'SENT'")}
    calls = await qolio.calls()
    assert calls.keys() == ledger
    assert {call["writes"] for call in calls.values()} == {1}
    assert (await qolio.deliver(warehouse_dsn, world)).unchanged == 100
    assert len(await qolio.posts()) == 100


async def test_an_inactive_operator_rejects_its_calls_only(
    qolio: Qolio, conn: psycopg.Connection, warehouse_dsn: str
) -> None:
    world = World(conn, campaign(qolio={"operator_id": "bot:inactive"}))
    world.calls(3)
    assert (await qolio.deliver(warehouse_dsn, world)).rejected == 3
    assert conn.execute("select distinct http_status, reason from ops.qa_delivery").fetchall() == [(422, "operator_id")]
    assert await qolio.calls() == {}


@pytest.mark.parametrize(
    "fault",
    [
        {"do": "answer", "status": 502, "body": "<html>502 Bad Gateway</html>"},
        {"do": "too_many", "retry_after": 1},
        {"do": "too_many", "retry_after": 1, "as_date": True},
        {"do": "drop_before"},
        {"do": "drop_after"},
        {"do": "truncate"},
    ],
    ids=lambda fault: "-".join(str(value)[:10] for value in fault.values()),
)
async def test_a_passing_fault_loses_and_doubles_nothing(
    qolio: Qolio, world: World, warehouse_dsn: str, fault: dict[str, Any]
) -> None:
    world.calls(30)
    await qolio.fault(**fault, skip=4, times=3)
    assert (await qolio.deliver(warehouse_dsn, world)).sent == 30
    assert len(await qolio.calls()) == 30
    assert world.states() == {"SENT": 30}


async def test_a_wrong_token_is_one_sentence_and_nothing_is_recorded(
    qolio: Qolio, world: World, warehouse_dsn: str
) -> None:
    world.calls(20)
    with pytest.raises(AuthRefused, match="token is wrong"):
        await qolio.deliver(warehouse_dsn, world, password="wrong")
    assert await qolio.calls() == {}


async def test_a_wrong_integration_is_one_sentence_and_nothing_is_recorded(
    qolio: Qolio, world: World, warehouse_dsn: str
) -> None:
    world.calls(20)
    with pytest.raises(ConfigError, match="integration_path"):
        await qolio.deliver(warehouse_dsn, world, options={"integration_path": PATH.replace("c34", "c35")})
    assert await qolio.calls() == {}


async def test_a_vendor_that_is_down_is_one_sentence_and_the_rest_goes_later(
    qolio: Qolio, world: World, warehouse_dsn: str
) -> None:
    world.calls(20)
    with pytest.raises(InDoubt, match="run deliver again when Qolio is back"):
        await qolio.deliver(warehouse_dsn, world, base_url="http://127.0.0.1:9")
    assert (await qolio.deliver(warehouse_dsn, world)).sent == 20


async def test_a_killed_worker_repeats_only_what_was_in_flight(
    qolio: Qolio, world: World, warehouse_dsn: str, pytestconfig: pytest.Config
) -> None:
    world.calls(80)
    await qolio.fault(do="delay", delay=0.05, times=10_000)
    command = [sys.executable, "-c", TASK, warehouse_dsn, world.plan_id, qolio.server.qolio, TOKEN, PATH]
    worker = await asyncio.create_subprocess_exec(*command, cwd=pytestconfig.rootpath / "tests")
    while len(await qolio.calls()) < 30:
        assert worker.returncode is None
        await asyncio.sleep(0.01)
    worker.kill()
    await worker.wait()
    async with qolio.http.delete(f"{qolio.server.admin}/faults") as answer:
        assert answer.status == 200
    in_flight = 3 * world.spec.limits.qolio_concurrency  # unanswered, waiting for the ledger, being written
    second = await qolio.deliver(warehouse_dsn, world)
    calls = await qolio.calls()
    assert len(calls) == 80
    assert second.sent + second.unchanged == 80
    assert sum(call["writes"] - 1 for call in calls.values()) <= in_flight
    posts = len(await qolio.posts())
    assert posts <= 80 + in_flight
    assert (await qolio.deliver(warehouse_dsn, world)).unchanged == 80
    assert len(await qolio.posts()) == posts
