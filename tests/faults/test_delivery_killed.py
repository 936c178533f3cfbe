"""A delivery that is killed at its worst moment: as many calls as may be under way are taken by Qolio, unanswered."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from qa_rows import World, campaign

from faults import page
from faults.campaigns import account
from faults.sizes import CALLS, KILLED_AT, WHOLE
from faults.world import Books
from obzvon.qolio.client import QolioClient
from obzvon.sandbox.process import Sandbox, running_sandbox
from obzvon.stages.deliver import DeliverySummary, deliver

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900 if WHOLE else 120)]
POSTS = {"vendor": "qolio", "method": "POST", "path": "/phone_calls", "bodies": False, "limit": 100_000}
IN_FLIGHT = campaign().limits.qolio_concurrency


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), speed=0) as sandbox:
        yield sandbox


@pytest.fixture
def books(server: Sandbox) -> Iterator[Books]:
    made = Books(server)
    yield made
    made.close()


def conversations(conn: psycopg.Connection, count: int) -> World:
    """A plan with so many conversations, a second apart."""
    world = World(conn)
    world.calls(1)
    world.run(
        "insert into dwh.fact_call_attempt select (jsonb_populate_record(f, jsonb_build_object("
        " 'vendor_call_id', to_char(n, 'FM00000'), 'started_at', f.started_at + make_interval(secs => n)))).*"
        " from dwh.fact_call_attempt f, generate_series(2, %s) n",
        count,
    )
    conn.commit()
    return world


def delivered(dsn: str, plan_id: str, base_url: str) -> DeliverySummary:
    """One run of the stage; also the body of the process that is killed."""

    async def run() -> DeliverySummary:
        async with QolioClient.connected(account("qolio", base_url, {})) as client:
            return await deliver(dsn, campaign(), client, plan_id)

    return asyncio.run(run())


def killed_at(count: int, books: Books, *job: str) -> None:
    """Deliver in a process that is killed when Qolio has `count` calls, the last IN_FLIGHT of them unanswered.

    The answers before them are in the ledger: those still on their way there would be sent again too.
    """
    hold = {"vendor": "qolio", "path": "/phone_calls$", "do": "hold", "skip": count - IN_FLIGHT, "times": IN_FLIGHT}
    books.tell("faults", hold)
    worker = multiprocessing.get_context("spawn").Process(target=delivered, args=job)
    worker.start()
    with psycopg.connect(job[0], autocommit=True) as conn:
        while len(books.look("held")) < IN_FLIGHT or _noted(conn) < count - IN_FLIGHT:
            assert worker.is_alive(), "the delivery ended before it could be killed"
            time.sleep(0.02)
    worker.kill()
    worker.join()
    books.no_faults()


def test_the_second_run_sends_the_rest_and_what_was_in_flight_and_the_third_nothing(
    conn: psycopg.Connection, warehouse_dsn: str, server: Sandbox, books: Books
) -> None:
    job = (warehouse_dsn, conversations(conn, CALLS).plan_id, server.base_url)
    began = time.monotonic()
    killed_at(KILLED_AT, books, *job)
    assert len(books.look("qolio/calls")) == KILLED_AT
    second = delivered(*job)
    assert second.sent == CALLS - KILLED_AT + IN_FLIGHT
    posts = len(books.look("requests", **POSTS))
    assert posts == CALLS + IN_FLIGHT
    third = delivered(*job)
    assert (third.sent, third.unchanged) == (0, CALLS)
    assert len(books.look("requests", **POSTS)) == posts
    calls = books.look("qolio/calls")
    doubled = len(calls) - len({call["uid"] for call in calls})
    assert (len(calls), doubled) == (CALLS, 0)
    assert sorted(call["writes"] for call in calls if call["writes"] > 1) == [2] * IN_FLIGHT
    _keep(second.sent, third.sent, doubled, time.monotonic() - began)


def _noted(conn: psycopg.Connection) -> int:
    return int(conn.execute("select count(*) from ops.qa_delivery where state = 'SENT'").fetchall()[0][0])


def _keep(second: int, third: int, doubled: int, seconds: float) -> None:
    """Tell what was seen; the whole size goes to the page's lines."""
    line = {"deliveries": CALLS, "killed_at": KILLED_AT, "in_flight": IN_FLIGHT, "second": second, "third": third}
    line |= {"doubled": doubled, "seconds": round(seconds), "date": datetime.now(UTC).date().isoformat()}
    print(f"\n{json.dumps(line)}")
    if WHOLE:
        page.path("delivery").write_text(f"{json.dumps(line)}\n", encoding="utf-8")
