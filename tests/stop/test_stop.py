"""One way to stop: what was asked and what was reached is in the ledger, and what was dialled is still collected."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest
from launching import PLAN, BatchDialer, ScriptedDialer, forced, plan_of
from settling import lost, run, settled

from obzvon.errors import VendorError
from obzvon.ledger.intents import intents_of
from obzvon.stages.settle import take_apart
from obzvon.stages.stop import StopCause, can_be_stopped, stop
from obzvon.vendors.base import Acceptance, Found, StopOutcome
from obzvon.warehouse.db import connect_async

AT_VENDOR = "update ops.campaign_intent set state = %s, vendor_task_id = 'task-' || chunk_no, contacts_accepted = %s"
ROWS = "select state, stop_cause, stop_outcome, stop_asked_at is not null from ops.campaign_intent order by chunk_no"
UNDER_WAY = (
    "insert into ops.candidate_batch (intent_id, batch_no, state, contacts, sent_at)"
    " select intent_id, 1, 'sending', 1, now() from ops.campaign_intent"
)
EVENTS = "select from_state, to_state, detail from ops.intent_event order by event_id"


async def stopped(dsn: str, dialer: ScriptedDialer, cause: StopCause = StopCause.USER) -> dict[str, StopOutcome]:
    async with await connect_async(dsn) as conn:
        return await stop(conn, dialer, await intents_of(conn, PLAN), cause, run_id="run-1")


def world(conn: psycopg.Connection, state: str, accepted: int = 1, intents: int = 1) -> None:
    plan_of(conn, contacts=1, intents=intents)
    if state != "planned":
        forced(conn, AT_VENDOR, (state, accepted))
        conn.commit()


def rows(conn: psycopg.Connection, query: str) -> list[tuple[Any, ...]]:
    found = conn.execute(query).fetchall()
    conn.commit()
    return found


@pytest.mark.parametrize("outcome", StopOutcome)
@pytest.mark.parametrize("cause", StopCause)
async def test_a_running_campaign_is_stopped_and_stays_running_to_be_collected(
    warehouse_dsn: str, conn: psycopg.Connection, outcome: StopOutcome, cause: StopCause
) -> None:
    world(conn, "running", intents=2)
    dialer = ScriptedDialer(stop=outcome)
    assert set((await stopped(warehouse_dsn, dialer, cause)).values()) == {outcome}
    assert sorted(dialer.cancelled) == ["task-0", "task-1"]
    assert rows(conn, ROWS) == [("running", cause, outcome, True)] * 2
    assert all(event[:2] == ("running", "running") and event[2].startswith(cause) for event in rows(conn, EVENTS))
    assert len(rows(conn, EVENTS)) == 2


@pytest.mark.parametrize("state", ["planned", "collecting", "final", "cancelled"])
async def test_what_cannot_dial_any_more_or_yet_is_left_alone(
    warehouse_dsn: str, conn: psycopg.Connection, state: str
) -> None:
    world(conn, state)
    dialer = ScriptedDialer(stop=StopOutcome.CONFIRMED)
    assert await stopped(warehouse_dsn, dialer) == {}
    assert (dialer.cancelled, rows(conn, ROWS)) == ([], [(state, None, None, False)])


@pytest.mark.parametrize(
    ("accepted", "outcome", "state"),
    [
        (0, StopOutcome.CONFIRMED, "cancelled"),
        (1, StopOutcome.CONFIRMED, "running"),
        (0, StopOutcome.UNCONFIRMED, "running"),  # it may dial: it has to be watched
    ],
)
async def test_a_campaign_that_was_being_filled_is_filled_no_further(
    warehouse_dsn: str, conn: psycopg.Connection, accepted: int, outcome: StopOutcome, state: str
) -> None:
    world(conn, "created", accepted)
    await stopped(warehouse_dsn, ScriptedDialer(stop=outcome))
    assert rows(conn, ROWS)[0][0] == state


async def test_a_campaign_with_contacts_under_way_is_in_doubt_and_not_over(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    world(conn, "created", accepted=0)
    forced(conn, UNDER_WAY, ())
    conn.commit()
    await stopped(warehouse_dsn, ScriptedDialer(stop=StopOutcome.CONFIRMED))
    assert rows(conn, ROWS) == [("created", "a user ended the task", "confirmed", True)]
    async with await connect_async(warehouse_dsn) as aconn:
        assert len(await take_apart(aconn, PLAN, "run-1")) == 1
    assert rows(conn, ROWS) == [("in_doubt", "a user ended the task", "confirmed", True)]


async def test_a_stop_that_is_not_confirmed_is_asked_again_and_one_that_is_over_is_not(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    world(conn, "running")
    await stopped(warehouse_dsn, ScriptedDialer(stop=StopOutcome.UNCONFIRMED))
    again = ScriptedDialer(stop=StopOutcome.CONFIRMED)
    await stopped(warehouse_dsn, again)
    third = ScriptedDialer()
    await stopped(warehouse_dsn, third)
    assert (len(again.cancelled), third.cancelled) == (1, [])
    assert rows(conn, ROWS)[0][2] == "confirmed"


async def test_a_vendor_that_fails_the_stop_is_noted_as_unconfirmed(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    class Failing(ScriptedDialer):
        async def cancel(self, task_id: str) -> StopOutcome:
            raise VendorError("twin", "halted a task", "no usable answer", status=500)

    world(conn, "running")
    await stopped(warehouse_dsn, Failing())
    assert rows(conn, ROWS) == [("running", "a user ended the task", "unconfirmed", True)]


async def test_that_a_stop_was_asked_for_survives_the_death_of_whoever_asked(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    class Dying(ScriptedDialer):
        async def cancel(self, task_id: str) -> StopOutcome:
            raise asyncio.CancelledError

    world(conn, "running")
    with pytest.raises(asyncio.CancelledError):
        await stopped(warehouse_dsn, Dying())
    assert rows(conn, ROWS) == [("running", "a user ended the task", None, True)]
    async with await connect_async(warehouse_dsn) as aconn:
        assert [can_be_stopped(intent) for intent in await intents_of(aconn, PLAN)] == [True]


@pytest.mark.parametrize("state", ["sending", "in_doubt"])
async def test_a_stop_is_remembered_where_nobody_knows_whether_the_vendor_has_it(
    warehouse_dsn: str, conn: psycopg.Connection, state: str
) -> None:
    plan_of(conn, contacts=1)
    forced(conn, "update ops.campaign_intent set state = %s, submitted_at = now()", (state,))
    conn.commit()
    dialer = ScriptedDialer()
    assert await stopped(warehouse_dsn, dialer) == {}
    assert (dialer.cancelled, rows(conn, ROWS)) == ([], [(state, "a user ended the task", None, True)])
    assert "not known whether the vendor has it" in rows(conn, EVENTS)[0][2]


@pytest.mark.parametrize(
    ("found", "ends"), [((), "cancelled"), ((Found("t-9", "n", contacts=0, calls=0),), "cancelled")]
)
async def test_what_was_stopped_in_doubt_is_never_sent_filled_or_started(
    warehouse_dsn: str, conn: psycopg.Connection, found: tuple[Found, ...], ends: str
) -> None:
    plan_of(conn, contacts=2)
    await run(warehouse_dsn, BatchDialer(create=lost()))
    await stopped(warehouse_dsn, BatchDialer())
    await settled(warehouse_dsn, BatchDialer(find=lambda _: found))
    dialer = BatchDialer(find=lambda _: found, stop=StopOutcome.CONFIRMED)
    await run(warehouse_dsn, dialer)
    assert (dialer.created, dialer.handed, dialer.started) == ([], [], [])
    assert dialer.cancelled == [campaign.task_id for campaign in found]
    assert rows(conn, ROWS)[0][0] == "cancelled"


async def test_a_stop_reaches_a_launch_that_is_filling_the_campaign(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    plan_of(conn, contacts=5)
    batches: list[int] = []

    class Filling(BatchDialer):
        async def add_contacts(self, task_id: str, order: Any, contacts: Any) -> Acceptance:
            batches.append(len(contacts))
            if len(batches) == 2:  # the click comes while the second batch is on its way
                await stopped(warehouse_dsn, BatchDialer(stop=StopOutcome.CONFIRMED))
            return await super().add_contacts(task_id, order, contacts)

    dialer = Filling()
    await run(warehouse_dsn, dialer)
    assert (batches, dialer.started) == ([2, 2], [])
    assert rows(conn, ROWS) == [("running", "a user ended the task", "confirmed", True)]
