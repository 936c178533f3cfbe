"""Switched off while a launch is at work: whatever was created is stopped, because it dials by its own schedule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from launching import NOW, PLAN, BatchDialer, ScriptedDialer, forced, plan_of, spec
from twin_launches import campaign, shown, signed_in, told

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import CanaryNotPassed, KillSwitchOpen, NobodyApproved, TryEnds
from obzvon.ledger.keys import CANARY_BATCH
from obzvon.sandbox.process import running_sandbox
from obzvon.stages.launch import Launcher, LaunchResult, launch
from obzvon.vendors.base import Contact, Dialer, Order, StopOutcome
from obzvon.warehouse.db import connect_async

ROWS = "select state, stop_cause, stop_outcome, contacts_accepted from ops.campaign_intent order by chunk_no"
OFF = "calling is switched off"


async def no_pause(seconds: float) -> None:
    assert 0 < seconds <= 120


async def run(
    dsn: str,
    dialer: Dialer,
    kill: Callable[[], bool],
    settings: CampaignSpec | None = None,
) -> LaunchResult:
    async with await connect_async(dsn) as conn:
        return await launch(Launcher(conn, dialer, settings or spec(), "run-1", kill, lambda: NOW, no_pause), PLAN, 0)


def rows(conn: psycopg.Connection) -> list[tuple[Any, ...]]:
    found = conn.execute(ROWS).fetchall()
    conn.commit()
    return found


async def test_a_campaign_that_was_being_filled_is_stopped_and_collected(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    plan_of(conn, contacts=5, intents=2)
    dialer = BatchDialer(stop=StopOutcome.CONFIRMED)
    result = await run(warehouse_dsn, dialer, lambda: len(dialer.handed) >= 2)
    assert (len(dialer.created), len(dialer.handed), len(dialer.cancelled), dialer.started) == (1, 2, 1, [])
    assert ([type(problem) for problem in result.problems], result.at_work) == ([KillSwitchOpen], 1)
    assert rows(conn) == [("running", OFF, "confirmed", 2), ("planned", None, None, 0)]


async def test_a_campaign_without_contacts_is_stopped_and_over(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=5)
    dialer = BatchDialer(stop=StopOutcome.CONFIRMED)
    with pytest.raises(KillSwitchOpen):
        await run(warehouse_dsn, dialer, lambda: bool(dialer.created))
    assert (dialer.handed, len(dialer.cancelled)) == ([], 1)
    assert rows(conn) == [("cancelled", OFF, "confirmed", 0)]


@pytest.mark.parametrize("state", ["created", "running"])
async def test_what_an_earlier_launch_left_is_stopped_by_one_that_finds_the_switch_open(
    warehouse_dsn: str, conn: psycopg.Connection, state: str
) -> None:
    plan_of(conn, contacts=2)
    forced(conn, "update ops.campaign_intent set state = %s, vendor_task_id = 't-1', contacts_accepted = 1", [state])
    conn.commit()
    dialer = BatchDialer(stop=StopOutcome.CONFIRMED)
    for _ in range(2):
        await run(warehouse_dsn, dialer, lambda: True)
    assert (dialer.cancelled, dialer.handed, dialer.started) == (["t-1"], [], [])
    assert rows(conn) == [("running", OFF, "confirmed", 1)]


async def test_nothing_is_stopped_where_nothing_was_created(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=1, intents=2)
    dialer = ScriptedDialer()
    with pytest.raises(KillSwitchOpen):
        await run(warehouse_dsn, dialer, lambda: True)
    assert (dialer.created, dialer.cancelled) == ([], [])
    assert rows(conn) == [("planned", None, None, 0)] * 2


async def test_a_canary_without_a_verdict_is_said_once(
    warehouse_dsn: str, conn: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    canary, *_ = plan_of(conn, contacts=1, intents=4)
    forced(conn, "update ops.campaign_intent set batch_no = %s where intent_id = %s", [CANARY_BATCH, canary])
    conn.commit()
    with pytest.raises(CanaryNotPassed):
        await run(warehouse_dsn, ScriptedDialer(), lambda: False)
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1


async def test_a_plan_that_nobody_approved_is_said_once(
    warehouse_dsn: str, conn: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    plan_of(conn, contacts=1, intents=3)
    conn.execute("update ops.campaign_plan set approval = 'needed'")
    conn.commit()
    with pytest.raises(NobodyApproved):
        await run(warehouse_dsn, ScriptedDialer(), lambda: False)
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1


@pytest.mark.stack
@pytest.mark.parametrize(
    ("off_after", "ends"), [(2, ("running", OFF, "confirmed", 2)), (9, ("running", None, None, 5))]
)
async def test_at_twin_nobody_is_dialled_when_the_start_moment_comes(
    warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path, off_after: int, ends: tuple[Any, ...]
) -> None:
    plan_of(conn, contacts=5)
    by_twos = campaign(candidate_batch=2)
    with running_sandbox(tmp_path, speed=0) as sandbox:
        async with signed_in(sandbox, by_twos) as dialer:
            await run(warehouse_dsn, dialer, lambda: _handed(conn) >= off_after, by_twos)
        (task,) = conn.execute("select vendor_task_id from ops.campaign_intent").fetchone() or ("",)
        assert rows(conn) == [ends]
        await told(sandbox, "clock", {"advance_seconds": timedelta(days=365 * 10).total_seconds()})
        dials = await shown(sandbox, "dials", task=task)
    assert any(dial["dialed"] for dial in dials) is (off_after > 5)


def _handed(conn: psycopg.Connection) -> int:
    (count,) = conn.execute("select coalesce(sum(contacts_accepted), 0) from ops.campaign_intent").fetchone() or (0,)
    conn.commit()
    return int(count)


async def test_a_worker_that_is_told_to_end_stops_nothing_at_the_vendor(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    plan_of(conn, contacts=5, intents=2)
    dialer = BatchDialer(stop=StopOutcome.CONFIRMED)

    def ends() -> bool:
        if len(dialer.handed) >= 2:
            raise TryEnds("this try ends")
        return False

    with pytest.raises(TryEnds):
        await run(warehouse_dsn, dialer, ends)
    assert dialer.cancelled == []
    assert [row[:3] for row in rows(conn)] == [("created", None, None), ("planned", None, None)]


async def test_switched_off_while_the_request_waits_to_leave_nobody_is_sent(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    """The login and the place in the budget may take a minute; the switch is read once more after them."""
    plan_of(conn, contacts=2)
    asked: list[int] = []

    def switched() -> bool:
        asked.append(1)
        return len(asked) > 2  # at the start, before the ledger notes it, and last of all when the request leaves

    dialer = ScriptedDialer()
    with pytest.raises(KillSwitchOpen):
        await run(warehouse_dsn, dialer, switched)
    assert (dialer.created, dialer.handed) == ([], [])
    assert [row[0] for row in rows(conn)] == ["planned"]
    sent = conn.execute("select count(sent_state) from ops.plan_contact").fetchone()
    assert sent == (0,)


async def test_an_opt_out_while_the_request_waits_to_leave_is_not_sent(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    plan_of(conn, contacts=2)
    opted: list[int] = []

    class Slow(ScriptedDialer):
        async def create(self, order: Order, contacts: Sequence[Contact]) -> str:
            if not opted:
                opted.append(1)
                conn.execute(
                    "insert into ops.suppression (phone_key, purpose, reason, source, valid_from)"
                    " select phone_key, '*', 'asked', 'crm', '2030-01-01' from ops.plan_contact where row_no = 1"
                )
                conn.commit()
            return await super().create(order, contacts)

    dialer = Slow()
    await run(warehouse_dsn, dialer, lambda: False)
    assert (len(dialer.created), len(dialer.handed)) == (1, 1)
    left = conn.execute("select row_no, exclusion_reason from ops.plan_contact order by row_no").fetchall()
    assert left[0][1] == "suppressed_after_plan" or left[1][1] == "suppressed_after_plan"
    assert [row[3] for row in rows(conn)] == [1]
