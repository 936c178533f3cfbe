"""A person is asked with the evidence; each answer does what it says and is written down with who and when."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from launching import NOW, PLAN, ScriptedDialer, forced, plan_of
from settling import AT, FAST, LOST, findings, lost, one, run, settled, state

from obzvon.errors import VendorError
from obzvon.ledger.intents import Intent, intents_of, lock
from obzvon.stages.launch import Launcher, launch
from obzvon.stages.settle import Answer, Choice, Question, UnusableAnswer, answer, check_at_vendor, take_apart
from obzvon.vendors.base import Found
from obzvon.warehouse.db import connect_async


async def asked_at_dialog(dsn: str, conn: psycopg.Connection, contacts: int = 2) -> Question:
    plan_of(conn, contacts=contacts)
    await run(dsn, ScriptedDialer(create=lost()))
    asked = await settled(dsn, ScriptedDialer())
    assert isinstance(asked, Question)
    return asked


async def say(dsn: str, question: Question, choice: Choice, task_id: str | None = None, at: datetime = AT) -> Intent:
    async with await connect_async(dsn) as conn:
        return await answer(conn, question, Answer(choice, "anna", at, task_id), FAST.settle, run_id="run-1")


async def test_the_question_shows_the_evidence_and_no_person(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    asked = await asked_at_dialog(warehouse_dsn, conn)
    for part in (
        "test_campaign",
        "+03:00",
        "| Contacts | 2 |",
        "2031-05-19 12:00:00 UTC",
        str(LOST),
        "[af:",
        "2031-05-20 07:00",
    ):
        assert part in asked.evidence
    assert "7916" not in asked.evidence


async def test_it_exists_brings_the_campaign_to_work_without_a_request(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    asked = await asked_at_dialog(warehouse_dsn, conn)
    assert (await say(warehouse_dsn, asked, Choice.EXISTS, " 12345 ")).state == "created"
    dialer = ScriptedDialer()
    await run(warehouse_dsn, dialer)
    assert (dialer.created, state(conn)) == ([], ("running", "12345"))
    assert one(conn, "select contacts_sent, contacts_accepted from ops.campaign_intent") == (2, 2)
    row = one(conn, "select finding, settled_by, answered_at, vendor_task_id from ops.settlement")
    assert row == ("exists", "anna", AT, "12345")


async def test_it_does_not_exist_sends_once_more(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    asked = await asked_at_dialog(warehouse_dsn, conn)
    assert (await say(warehouse_dsn, asked, Choice.ABSENT)).state == "planned"
    dialer = ScriptedDialer()
    await run(warehouse_dsn, dialer)
    assert (len(dialer.created), len(dialer.handed), state(conn)[0]) == (1, 2, "running")
    assert findings(conn) == [("creation", "absent", "anna")]


async def test_it_does_not_exist_counts_only_when_the_request_can_no_longer_arrive(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    asked = await asked_at_dialog(warehouse_dsn, conn)
    with pytest.raises(UnusableAnswer, match="before 12:15 UTC nobody can know"):
        await say(warehouse_dsn, asked, Choice.ABSENT, at=NOW + timedelta(minutes=14))
    assert (state(conn)[0], findings(conn)) == ("in_doubt", [])
    assert (await say(warehouse_dsn, asked, Choice.ABSENT, at=NOW + timedelta(minutes=15))).state == "planned"


async def test_leave_it_leaves_it_and_is_written_down(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    asked = await asked_at_dialog(warehouse_dsn, conn)
    assert (await say(warehouse_dsn, asked, Choice.LEAVE)).state == "in_doubt"
    assert findings(conn) == [("creation", "left", "anna")]


async def test_an_answer_to_an_older_doubt_of_the_same_intent_does_nothing(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    asked = await asked_at_dialog(warehouse_dsn, conn)
    await say(warehouse_dsn, asked, Choice.ABSENT)
    async with await connect_async(warehouse_dsn) as aconn:  # sent again a minute later, and in doubt again
        later = Launcher(
            aconn, ScriptedDialer(create=lost()), FAST, "r", lambda: False, lambda: NOW + timedelta(minutes=1)
        )
        await launch(later, PLAN, 0)
    assert (await say(warehouse_dsn, asked, Choice.ABSENT)).state == "in_doubt"
    assert len(findings(conn)) == 1


@pytest.mark.parametrize("task_id", [None, "  ", "theirs"])
async def test_an_answer_without_an_id_of_its_own_is_not_taken(
    warehouse_dsn: str, conn: psycopg.Connection, task_id: str | None
) -> None:
    asked = await asked_at_dialog(warehouse_dsn, conn)
    other = (
        "insert into ops.campaign_intent select (jsonb_populate_record(i, jsonb_build_object('intent_id',"
        " repeat('9', 64), 'chunk_no', 9, 'state', 'running', 'vendor_task_id', 'theirs'))).*"
        " from ops.campaign_intent i"
    )
    forced(conn, other)
    conn.commit()
    with pytest.raises(UnusableAnswer):
        await say(warehouse_dsn, asked, Choice.EXISTS, task_id)
    assert findings(conn) == []


@pytest.mark.parametrize(
    ("found", "taken"),
    [
        (None, True),  # the vendor cannot list: the person's word counts
        (VendorError("twin", "list tasks", "no usable answer", status=500), True),  # nor does a list that fails object
        ((Found("mine", "n"),), True),
        ((Found("other", "n"),), False),
        ((), False),
    ],
)
async def test_where_the_vendor_lists_campaigns_the_one_said_to_exist_carries_the_marker(
    warehouse_dsn: str, conn: psycopg.Connection, found: Any, taken: bool
) -> None:
    asked = await asked_at_dialog(warehouse_dsn, conn)

    def find(marker: str) -> Any:
        if isinstance(found, Exception):
            raise found
        return found

    said = Answer(Choice.EXISTS, "anna", AT, "mine")
    with nullcontext() if taken else pytest.raises(UnusableAnswer, match="lists no such campaign"):
        await check_at_vendor(ScriptedDialer(find=find), asked.doubt, said, AT)


async def test_a_sender_that_was_thought_dead_writes_nothing_over_a_later_sending(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    """The zombie's answer comes after a person said "absent" and another worker has sent again."""
    plan_of(conn, contacts=1)
    asked, go = asyncio.Event(), asyncio.Event()

    class Zombie(ScriptedDialer):
        async def create(self, order: Any, contacts: Any) -> str:
            asked.set()
            await go.wait()
            return "late"

    async with await connect_async(warehouse_dsn) as aconn:
        slow = asyncio.create_task(launch(Launcher(aconn, Zombie(), FAST, "r", lambda: False, lambda: NOW), PLAN, 0))
        await asked.wait()
        forced(conn, "update ops.campaign_intent set submitted_at = submitted_at + interval '1 minute'")
        conn.commit()
        go.set()
        with pytest.raises(Exception, match="somebody moved it on"):
            await slow
    assert state(conn) == ("sending", None)


# batches of doubts --------------------------------------------------------------------------------------------------


async def test_every_doubt_is_a_batch_of_its_own_and_keeps_its_number(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    first, second, third = plan_of(conn, contacts=1, intents=3)
    sent = "update ops.campaign_intent set state = %s, submitted_at = now() where intent_id = %s"
    for key, where in ((first, "in_doubt"), (second, "sending"), (third, "sending")):
        forced(conn, sent, (where, key))
    conn.commit()
    async with await connect_async(warehouse_dsn) as aconn, await connect_async(warehouse_dsn) as sender:
        async with lock(sender, third):  # its worker lives
            assert await take_apart(aconn, PLAN, "r") == [1000, 1001]
        assert [i.intent_id for i in await intents_of(aconn, PLAN, 1000)] == [first]
        assert [i.intent_id for i in await intents_of(aconn, PLAN, 1001)] == [second]
        forced(conn, "update ops.campaign_intent set state = 'running' where intent_id = %s", (first,))
        conn.commit()
        assert await take_apart(aconn, PLAN, "r") == [1000, 1001, 1002]
        assert len(await intents_of(aconn, PLAN, 0)) == 3
