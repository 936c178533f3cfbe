"""Settling: what the vendor shows decides, a look that fails decides nothing, else a person is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from launching import NOW, PLAN, BatchDialer, forced, plan_of
from settling import FAST, LOST, Clock, findings, lost, one, run, settled, shown, state

from obzvon.errors import AuthRefused, VendorError
from obzvon.ledger.intents import Intent, intents_of
from obzvon.ledger.keys import marker
from obzvon.stages.settle import Question, Settler, Sight
from obzvon.stages.stop import StopCause, stop
from obzvon.vendors.base import Acceptance, Contact, Found, StopOutcome
from obzvon.warehouse.db import connect_async


async def test_the_one_campaign_with_the_marker_is_adopted(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    (key,) = plan_of(conn, contacts=3)
    await run(warehouse_dsn, BatchDialer(create=lost()))
    looked: list[str] = []

    def find(text: str) -> tuple[Found, ...]:
        looked.append(text)
        return (Found("t-9", f"Опрос {text}", "BLANK", 0, 0),)

    await settled(warehouse_dsn, BatchDialer(find=find))
    assert (looked, state(conn)) == ([marker(key)], ("created", "t-9"))
    assert findings(conn) == [("creation", "exists", "lookup")]
    dialer = BatchDialer(find=lambda _: (Found("t-9", "n", contacts=len(dialer.handed)),))
    await run(warehouse_dsn, dialer)
    assert (dialer.created, len(dialer.handed), dialer.started) == ([], 3, ["t-9"])


async def test_a_campaign_nobody_finds_in_several_spaced_looks_is_created_again(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    plan_of(conn, contacts=2)
    await run(warehouse_dsn, BatchDialer(create=lost()))
    clock, looks = Clock(), []
    await settled(warehouse_dsn, BatchDialer(find=lambda text: looks.append(text) or ()), clock)  # type: ignore[func-returns-value]
    assert (len(looks), clock.sleeps) == (3, 2)
    assert clock.now - NOW >= timedelta(seconds=16)  # two pauses of ten seconds, a fifth of jitter
    assert (state(conn), findings(conn)) == (("planned", None), [("creation", "absent", "lookup")])
    dialer = BatchDialer()
    await run(warehouse_dsn, dialer)
    assert (len(dialer.created), len(dialer.handed), state(conn)[0]) == (1, 2, "running")


async def test_a_look_that_fails_is_not_none_and_nothing_is_sent(
    warehouse_dsn: str, conn: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    plan_of(conn, contacts=1)
    await run(warehouse_dsn, BatchDialer(create=lost()))

    def find(text: str) -> tuple[Found, ...]:
        raise VendorError("twin", "list tasks", "no usable answer", status=500)

    clock = Clock()
    asked = await settled(warehouse_dsn, BatchDialer(find=find), clock)
    assert isinstance(asked, Question)
    assert "did not answer for 5 minutes" in asked.evidence
    assert clock.now - NOW >= timedelta(minutes=5)
    assert state(conn) == ("in_doubt", None)
    assert "nothing is sent; waiting until the vendor can be asked: twin: list tasks" in caplog.text
    again = BatchDialer()
    await run(warehouse_dsn, again)
    assert again.created == []


async def test_looks_that_fail_between_do_not_hide_the_campaign(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=1)
    await run(warehouse_dsn, BatchDialer(create=lost()))
    await settled(warehouse_dsn, BatchDialer(find=shown(LOST, LOST, 0)))
    assert state(conn)[0] == "created"


async def test_wrong_credentials_end_the_looking(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=1)
    await run(warehouse_dsn, BatchDialer(create=lost()))
    with pytest.raises(AuthRefused):
        await settled(warehouse_dsn, BatchDialer(find=shown(AuthRefused("twin", "list tasks", "wrong"))))
    assert state(conn)[0] == "in_doubt"


@pytest.mark.parametrize(
    ("found", "seen"),
    [
        ((Found("a", "n"), Found("b", "n")), "2 campaigns carry the marker: a, b"),
        ((Found("a", "n", contacts=7),), "holds 7 contacts"),
    ],
)
async def test_what_cannot_be_ours_alone_is_asked_of_a_person(
    warehouse_dsn: str, conn: psycopg.Connection, found: tuple[Found, ...], seen: str
) -> None:
    plan_of(conn, contacts=1)
    await run(warehouse_dsn, BatchDialer(create=lost()))
    asked = await settled(warehouse_dsn, BatchDialer(find=lambda _: found))
    assert isinstance(asked, Question)
    assert seen in asked.evidence
    assert (state(conn)[0], findings(conn)) == ("in_doubt", [])


async def test_a_campaign_of_another_intent_is_not_adopted(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=1, intents=2)
    await run(warehouse_dsn, BatchDialer(create=lost()))
    theirs = "update ops.campaign_intent set state = 'running', vendor_task_id = 'theirs' where chunk_no = 1"
    forced(conn, theirs)
    conn.commit()
    async with await connect_async(warehouse_dsn) as aconn:
        ours = (await intents_of(aconn, PLAN))[0]
        dialer, clock = BatchDialer(find=lambda _: (Found("theirs", "n"),)), Clock()
        after = await Settler(aconn, dialer, FAST, "r", clock, clock.sleep).settle(ours)
    assert isinstance(after, Intent)
    assert (after.state, after.vendor_task_id) == ("planned", None)


async def test_where_nothing_can_be_listed_an_empty_campaign_is_a_possible_orphan(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    plan_of(conn, contacts=2)
    await run(warehouse_dsn, BatchDialer(create=lost()))
    clock = Clock()
    await settled(warehouse_dsn, BatchDialer(), clock)
    assert (state(conn), findings(conn), clock.sleeps) == (("planned", None), [("creation", "orphan", "lookup")], 0)


# contacts -----------------------------------------------------------------------------------------------------------


def second_lost() -> Callable[[Sequence[Contact]], Acceptance]:
    batches: list[int] = []

    def add(batch: Sequence[Contact]) -> Acceptance:
        batches.append(len(batch))
        if len(batches) == 2:
            raise LOST
        return Acceptance(len(batch))

    return add


async def half(dsn: str, conn: psycopg.Connection) -> None:
    """Five contacts, batches of two: the first is taken, the second is in doubt."""
    plan_of(conn, contacts=5)
    await run(dsn, BatchDialer(add=second_lost()))
    assert state(conn)[0] == "in_doubt"


async def test_a_batch_that_the_vendors_count_shows_is_accepted(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    await half(warehouse_dsn, conn)
    await settled(warehouse_dsn, BatchDialer(find=shown(2, 4)))
    assert findings(conn) == [("contacts", "exists", "lookup")]
    dialer = BatchDialer(find=shown(5))
    await run(warehouse_dsn, dialer)
    assert ([e.rsplit("-")[-1] for e in dialer.handed], len(dialer.started)) == (["5"], 1)
    assert one(conn, "select contacts_sent, contacts_accepted from ops.campaign_intent") == (5, 5)


@pytest.mark.parametrize("held", [2, 3, None])
async def test_a_batch_that_is_not_there_whole_is_fenced_off_in_a_halted_campaign(
    warehouse_dsn: str, conn: psycopg.Connection, held: int | None
) -> None:
    await half(warehouse_dsn, conn)
    old = state(conn)[1]
    dialer = BatchDialer(find=shown(held), look=lambda task: nothing_seen(), stop=StopOutcome.CONFIRMED)
    await settled(warehouse_dsn, dialer)
    assert (dialer.cancelled, state(conn)) == ([old], ("planned", None))
    assert findings(conn) == [("contacts", "orphan", "lookup")]
    assert one(conn, "select vendor_task_id from ops.settlement") == (old,)
    assert one(conn, "select count(*) from ops.plan_contact where sent_state is not null") == (0,)
    fresh = BatchDialer(create=lambda order: "t-2")
    await run(warehouse_dsn, fresh)
    assert (len(fresh.created), len(fresh.handed), fresh.started) == (1, 5, ["t-2"])


async def test_what_was_seen_settles_no_later_doubt(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    await half(warehouse_dsn, conn)
    async with await connect_async(warehouse_dsn) as aconn:
        (intent,) = await intents_of(aconn, PLAN)
        settler = Settler(aconn, BatchDialer(), FAST, "r")
        looked = await settler.doubt(intent)
        assert looked is not None
        forced(conn, "update ops.candidate_batch set sent_at = sent_at + interval '1 minute' where state = 'in_doubt'")
        conn.commit()
        after = await settler.conclude(looked, Sight(contacts=4))
    assert isinstance(after, Intent)
    assert (after.state, findings(conn)) == ("in_doubt", [])


async def test_between_the_halt_and_the_look_before_it_nobody_may_have_been_dialled(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    await half(warehouse_dsn, conn)
    calls = iter([0, 0, 0, 0, 1])  # three looks for the count, one before the halt, one after it

    def find(text: str) -> tuple[Found, ...]:
        return (Found(f"task-{text[4:12]}", "n", contacts=3, calls=next(calls)),)

    dialer = BatchDialer(find=find, stop=StopOutcome.CONFIRMED)
    assert isinstance(await settled(warehouse_dsn, dialer), Question)
    assert (len(dialer.cancelled), state(conn)[0]) == (1, "in_doubt")


async def test_a_campaign_that_was_stopped_in_doubt_is_collected_and_never_started(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    await half(warehouse_dsn, conn)
    async with await connect_async(warehouse_dsn) as aconn:
        stopper = BatchDialer(stop=StopOutcome.CONFIRMED)
        await stop(aconn, stopper, await intents_of(aconn, PLAN), StopCause.USER, run_id="r")
    await settled(warehouse_dsn, BatchDialer(find=shown(4)))
    dialer = BatchDialer(find=shown(4))
    await run(warehouse_dsn, dialer)
    assert (dialer.handed, dialer.started, state(conn)[0]) == ([], [], "running")


def nothing_seen() -> Any:
    from obzvon.vendors.base import Progress

    return Progress(NOW, 0, 0, 0, 0, 0, "")


@pytest.mark.parametrize(
    ("calls", "stop"),
    [(1, StopOutcome.CONFIRMED), (None, StopOutcome.CONFIRMED), (0, StopOutcome.UNCONFIRMED)],
)
async def test_who_may_have_been_dialled_or_not_stopped_is_never_sent_again(
    warehouse_dsn: str, conn: psycopg.Connection, calls: int | None, stop: StopOutcome
) -> None:
    await half(warehouse_dsn, conn)
    dialer = BatchDialer(find=shown(3, calls=calls), stop=stop)
    asked = await settled(warehouse_dsn, dialer)
    assert isinstance(asked, Question)
    assert "the vendor holds 3 contacts, 2 before and 2 sent" in asked.evidence
    assert (state(conn)[0], len(dialer.cancelled)) == ("in_doubt", 1 if calls == 0 else 0)


async def test_the_calls_of_all_contacts_prove_that_they_arrived(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    from obzvon.vendors.base import Progress

    await half(warehouse_dsn, conn)
    await settled(warehouse_dsn, BatchDialer(look=lambda task: Progress(NOW, 4, 4, 0, 4, 0, "x")))
    assert (state(conn)[0], findings(conn)) == ("created", [("contacts", "exists", "lookup")])


async def test_contacts_the_vendor_lost_without_a_word_are_sent_again_before_anybody_is_dialled(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    plan_of(conn, contacts=2)
    held, sent = set[str](), list[int]()

    def add(batch: Sequence[Contact]) -> Acceptance:
        assert not dialer.started
        sent.append(len(batch))
        held.update(c.external_id for c in batch[: len(sent)])  # the first time one is lost
        return Acceptance(len(batch))

    dialer = BatchDialer(add=add, find=lambda text: (Found(f"task-{text[4:12]}", "n", contacts=len(held)),))
    await run(warehouse_dsn, dialer)
    assert (sent, len(held), len(dialer.started), state(conn)[0]) == ([2, 2], 2, 1, "running")


async def test_a_campaign_that_holds_too_many_is_not_started(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=2)
    dialer = BatchDialer(find=shown(3))
    await run(warehouse_dsn, dialer)
    assert (dialer.started, state(conn)[0]) == ([], "in_doubt")
