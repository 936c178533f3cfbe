"""Launch creates each vendor campaign at most once, whatever goes wrong, and says what a person must check."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import NoReturn

import psycopg
import pytest
from launching import NOW, PLAN, BatchDialer, ScriptedDialer, plan_of, spec

from obzvon.errors import (
    AuthRefused,
    InDoubt,
    InDoubtError,
    KillSwitchOpen,
    LedgerError,
    NotSent,
    RateLimited,
    Refused,
    VendorError,
)
from obzvon.stages.launch import Launcher, LaunchResult, launch
from obzvon.vendors.base import Acceptance, Contact, Order
from obzvon.warehouse.db import connect_async


async def no_pause(seconds: float) -> None:
    assert 0 < seconds <= 120


async def run(
    dsn: str, dialer: ScriptedDialer, *, kill: Callable[[], bool] = lambda: False, now: datetime = NOW
) -> LaunchResult:
    async with await connect_async(dsn) as conn:
        return await launch(Launcher(conn, dialer, spec(), "run-1", kill, lambda: now, no_pause), PLAN, 0)


def states(conn: psycopg.Connection) -> Counter[str]:
    rows = conn.execute("select state from ops.campaign_intent").fetchall()
    conn.commit()
    return Counter(state for (state,) in rows)


def failing(error: BaseException, times: int = 1) -> Callable[[Order], str]:
    left = [times]

    def create(order: Order) -> str:
        if left[0]:
            left[0] -= 1
            raise error
        return f"task-{order.intent_id[:8]}"

    return create


async def test_every_intent_is_created_once_and_running(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=3, intents=2)
    dialer = ScriptedDialer()
    result = await run(warehouse_dsn, dialer)
    assert (len(dialer.created), result.contacts_sent, result.at_work) == (2, 6, 2)
    assert states(conn) == {"running": 2}
    assert len(set(dialer.handed)) == 6


async def test_a_second_launch_sends_nothing(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=3, intents=2)
    await run(warehouse_dsn, ScriptedDialer())
    again = ScriptedDialer()
    result = await run(warehouse_dsn, again)
    assert (again.created, again.handed, result.contacts_sent, result.at_work) == ([], [], 0, 2)


async def test_sending_is_committed_before_the_request_leaves(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=1)
    seen: list[Counter[str]] = []

    def create(order: Order) -> str:
        seen.append(states(conn))
        return "t"

    await run(warehouse_dsn, ScriptedDialer(create))
    assert seen == [{"sending": 1}]


async def test_a_worker_killed_while_sending_leaves_the_intent_in_doubt_and_nothing_is_sent_again(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    (key,) = plan_of(conn, contacts=1)
    with pytest.raises(asyncio.CancelledError):
        await run(warehouse_dsn, ScriptedDialer(failing(asyncio.CancelledError())))
    assert states(conn) == {"sending": 1}
    again = ScriptedDialer()
    for _ in range(2):
        (doubt,) = (await run(warehouse_dsn, again)).doubts
        assert f"[af:{key[:8]}]" in str(doubt)
    assert (again.created, states(conn)) == ([], {"in_doubt": 1})


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (NotSent("dialog", "create campaign", "connection refused"), "planned"),
        (AuthRefused("dialog", "log in", "login or password is wrong", status=401), "planned"),
        (Refused("dialog", "create campaign", "project_id is not known", status=422), "refused"),
        (InDoubt("dialog", "create campaign", "no answer"), "in_doubt"),
        (VendorError("dialog", "create campaign", "an error nobody thought of"), "in_doubt"),
    ],
)
async def test_what_an_error_proves_decides_the_state(
    warehouse_dsn: str, conn: psycopg.Connection, error: VendorError, state: str
) -> None:
    plan_of(conn, contacts=1)
    expected = nullcontext() if state == "in_doubt" else pytest.raises(type(error))  # a doubt is settled, not raised
    with expected:
        await run(warehouse_dsn, ScriptedDialer(failing(error, times=3)))
    assert states(conn) == {state: 1}
    sent = conn.execute("select distinct sent_state from ops.plan_contact").fetchall()
    assert sent == [("sending" if state == "in_doubt" else None,)]


@pytest.mark.parametrize(
    "error", [NotSent("dialog", "create", "refused"), Refused("dialog", "create", "no", status=422)]
)
async def test_what_was_not_created_is_created_by_the_next_run(
    warehouse_dsn: str, conn: psycopg.Connection, error: VendorError
) -> None:
    plan_of(conn, contacts=2)
    with pytest.raises(VendorError):
        await run(warehouse_dsn, ScriptedDialer(failing(error, times=3)))
    dialer = ScriptedDialer()
    await run(warehouse_dsn, dialer)
    assert (len(dialer.created), states(conn)) == (1, {"running": 1})


async def test_the_problem_of_one_intent_does_not_stop_the_others(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=1, intents=3)
    result = await run(warehouse_dsn, ScriptedDialer(failing(InDoubt("dialog", "create campaign", "no answer"))))
    assert states(conn) == {"in_doubt": 1, "running": 2}
    assert ([type(doubt) for doubt in result.doubts], result.problems) == ([InDoubtError], [])


async def test_a_vendor_that_answers_nothing_usable_stops_the_batch(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    plan_of(conn, contacts=1, intents=6)
    dialer = ScriptedDialer(failing(InDoubt("dialog", "create campaign", "no answer"), times=99))
    with pytest.raises(InDoubtError, match="3 intents in a row"):
        await run(warehouse_dsn, dialer)
    assert (len(dialer.created), states(conn)) == (3, {"in_doubt": 3, "planned": 3})


async def test_an_open_kill_switch_sends_nothing(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=1, intents=2)
    dialer = ScriptedDialer()
    with pytest.raises(KillSwitchOpen, match=r"campaign test_campaign .* `obzvon resume test_campaign`"):
        await run(warehouse_dsn, dialer, kill=lambda: True)
    assert (dialer.created, states(conn)) == ([], {"planned": 2})


async def test_the_kill_switch_is_read_before_every_create(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=1, intents=3)
    dialer = ScriptedDialer()
    await run(warehouse_dsn, dialer, kill=lambda: len(dialer.started) >= 1)
    assert len(dialer.created) == 1
    assert states(conn) == {"running": 1, "planned": 2}


async def test_an_opt_out_between_plan_and_launch_is_not_called(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=3)
    conn.execute(
        "insert into ops.suppression (phone_key, reason, source, valid_from)"
        " select phone_key, 'asked', 'crm', now() - interval '1 minute' from ops.plan_contact where row_no = 2"
    )
    conn.commit()
    dialer = ScriptedDialer()
    await run(warehouse_dsn, dialer)
    assert [e.rsplit("-")[-1] for e in dialer.handed] == ["1", "3"]
    reason = "select exclusion_reason from ops.plan_contact where exclusion_code = 'EXCL_DNC'"
    assert conn.execute(reason).fetchall() == [("suppressed_after_plan",)]


async def test_a_window_that_is_over_is_not_launched(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=1)
    dialer = ScriptedDialer()
    await run(warehouse_dsn, dialer, now=NOW + timedelta(days=1, hours=4, minutes=45))
    assert (dialer.created, states(conn)) == ([], {"cancelled": 1})


async def test_two_launches_at_once_create_once(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=2, intents=4)
    dialer = ScriptedDialer()
    await asyncio.gather(*(run(warehouse_dsn, dialer) for _ in range(3)))
    assert (len(dialer.created), len(dialer.handed), states(conn)) == (4, 8, {"running": 4})


async def test_contacts_go_in_batches_and_the_start_comes_last(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=5)
    sizes: list[int] = []

    def add(batch: list[Contact]) -> Acceptance:
        assert not dialer.started
        sizes.append(len(batch))
        return Acceptance(len(batch))

    dialer = BatchDialer(add=add)
    await run(warehouse_dsn, dialer)
    assert (sizes, len(set(dialer.handed)), len(dialer.started)) == ([2, 2, 1], 5, 1)
    row = conn.execute("select contacts_sent, contacts_accepted, contacts_rejected from ops.campaign_intent").fetchone()
    assert row == (5, 5, 0)


async def test_contacts_the_vendor_rejects_keep_its_reason(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=2)
    dialer = BatchDialer(add=lambda batch: Acceptance(1, {batch[0].external_id: "wrong number format"}))
    await run(warehouse_dsn, dialer)
    rows = conn.execute("select sent_state, vendor_reason from ops.plan_contact order by row_no").fetchall()
    assert rows == [("rejected", "wrong number format"), ("accepted", None)]
    assert states(conn) == {"running": 1}


async def test_a_batch_in_doubt_is_not_sent_again_and_nothing_starts(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    plan_of(conn, contacts=5)
    batches: list[int] = []

    def add(batch: list[Contact]) -> Acceptance:
        batches.append(len(batch))
        if len(batches) == 2:
            raise InDoubt("twin", "add contacts", "no answer")
        return Acceptance(len(batch))

    dialer = BatchDialer(add=add)
    for _ in range(2):
        assert len((await run(warehouse_dsn, dialer)).doubts) == 1
    assert (batches, dialer.started, states(conn)) == ([2, 2], [], {"in_doubt": 1})
    marks = "select sent_state, count(*) from ops.plan_contact group by 1"
    assert dict(conn.execute(marks).fetchall()) == {"accepted": 2, "sending": 2, None: 1}


async def test_a_worker_killed_while_adding_contacts_leaves_doubt(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=2)

    def killed(batch: object) -> NoReturn:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await run(warehouse_dsn, BatchDialer(add=killed))
    again = BatchDialer()
    assert len((await run(warehouse_dsn, again)).doubts) == 1
    assert (again.created, again.handed, again.started) == ([], [], [])


async def test_a_batch_that_never_left_is_sent_again(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=3)
    calls: list[int] = []

    def add(batch: list[Contact]) -> Acceptance:
        calls.append(len(batch))
        if len(calls) == 2:
            raise NotSent("twin", "add contacts", "connection refused")
        return Acceptance(len(batch))

    dialer = BatchDialer(add=add)
    await run(warehouse_dsn, dialer)
    assert (calls, len(dialer.created), len(dialer.handed)) == ([2, 1, 1], 1, 3)
    assert states(conn) == {"running": 1}


async def test_a_short_blip_costs_nobody_a_call(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=1, intents=3)
    dialer = ScriptedDialer(failing(NotSent("dialog", "create campaign", "no connection"), times=2))
    result = await run(warehouse_dsn, dialer)
    assert (len(dialer.created), result.problems, states(conn)) == (5, [], {"running": 3})


async def test_a_vendor_that_stays_away_stops_the_batch(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=1, intents=3)
    dialer = ScriptedDialer(failing(RateLimited("dialog", "create campaign", 500.0), times=99))
    with pytest.raises(RateLimited):
        await run(warehouse_dsn, dialer)
    assert (len(dialer.created), states(conn)) == (3, {"planned": 3})


def half_filled() -> BatchDialer:
    """Takes the first batch; the second never leaves."""
    batches: list[int] = []

    def add(batch: list[Contact]) -> Acceptance:
        batches.append(len(batch))
        if len(batches) > 1:
            raise NotSent("twin", "add contacts", "no connection")
        return Acceptance(len(batch))

    return BatchDialer(add=add)


async def test_a_half_filled_campaign_is_not_filled_or_started_after_its_window(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    plan_of(conn, contacts=5)
    with pytest.raises(NotSent):
        await run(warehouse_dsn, half_filled())
    late = BatchDialer()
    result = await run(warehouse_dsn, late, now=NOW + timedelta(days=3))
    assert (late.created, late.handed, late.started, late.cancelled) == ([], [], [], ["task-" + key(conn)])
    assert states(conn) == {"running": 1}  # what it dialled by itself is still collected
    assert [type(problem) for problem in result.problems] == [LedgerError]


def key(conn: psycopg.Connection) -> str:
    rows = conn.execute("select left(intent_id, 8) from ops.campaign_intent").fetchall()
    conn.commit()
    return str(rows[0][0])


async def test_an_opt_out_between_two_batches_is_not_called(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=5)
    with pytest.raises(NotSent):
        await run(warehouse_dsn, half_filled())
    conn.execute(
        "insert into ops.suppression (phone_key, reason, source, valid_from)"
        " select phone_key, 'asked', 'crm', now() from ops.plan_contact where row_no = 4"
    )
    conn.commit()
    dialer = BatchDialer()
    await run(warehouse_dsn, dialer)
    assert [e.rsplit("-")[-1] for e in dialer.handed] == ["3", "5"]
    assert states(conn) == {"running": 1}


async def test_a_vendor_that_takes_nobody_fails_the_launch_every_time(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    plan_of(conn, contacts=2)
    dialer = BatchDialer(add=lambda batch: Acceptance(0, {c.external_id: "blocked" for c in batch}))
    for _ in range(2):
        with pytest.raises(LedgerError, match="the vendor took no"):
            await run(warehouse_dsn, dialer)
    assert (len(dialer.created), dialer.started, states(conn)) == (1, [], {"refused": 1})


async def test_a_refused_batch_is_a_problem_of_the_run(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=4)
    batches: list[int] = []

    def add(batch: list[Contact]) -> Acceptance:
        batches.append(len(batch))
        if len(batches) == 1:
            raise Refused("twin", "add contacts", "the vendor refused it, naming variables", status=422)
        return Acceptance(len(batch))

    result = await run(warehouse_dsn, BatchDialer(add=add))
    assert [type(problem) for problem in result.problems] == [Refused]
    assert states(conn) == {"running": 1}


async def test_a_plan_cannot_be_made_anew_between_reading_its_contacts_and_sending_them(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    plan_of(conn, contacts=2)
    locked: list[bool] = []

    class Watched(ScriptedDialer):
        def check(self, order: Order, now: datetime) -> None:  # runs after the contacts were read
            with pytest.raises(psycopg.errors.LockNotAvailable):
                conn.execute("select state from ops.campaign_intent for update nowait")
            conn.rollback()
            locked.append(True)

    await run(warehouse_dsn, Watched())
    assert locked == [True]
