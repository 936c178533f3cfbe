"""The table of states."""

from __future__ import annotations

import itertools

import psycopg
import pytest
from launching import PLAN, forced, plan_of
from psycopg.types.json import Jsonb

from obzvon.errors import LedgerError
from obzvon.ledger.intents import intents_of, move
from obzvon.ledger.states import NOTHING_AT_VENDOR, TRANSITIONS, IntentState
from obzvon.warehouse.db import connect_async
from obzvon.warehouse.tables import INTENT_STATES


def test_the_states_of_the_ledger_are_those_of_the_schema() -> None:
    assert tuple(IntentState) == INTENT_STATES
    assert set(TRANSITIONS) == set(IntentState)


def test_only_final_and_cancelled_states_are_terminal() -> None:
    assert {s for s in IntentState if s.terminal} == {"final", "final_partial", "cancelled"}


def test_every_state_can_be_reached_from_planned() -> None:
    reached = {IntentState.PLANNED}
    while more := {n for s in reached for n in TRANSITIONS[s]} - reached:
        reached |= more
    assert reached == set(IntentState)


def test_nothing_is_sent_again_from_doubt_without_passing_planned() -> None:
    assert IntentState.SENDING not in TRANSITIONS[IntentState.IN_DOUBT]
    assert {s for s in IntentState if IntentState.SENDING in TRANSITIONS[s]} == {"planned"}
    assert {"planned", "refused"} == NOTHING_AT_VENDOR


async def test_a_move_happens_exactly_when_the_table_allows_it(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=1)
    async with await connect_async(warehouse_dsn) as aconn:
        for start, to in itertools.product(IntentState, IntentState):
            forced(conn, "update ops.campaign_intent set state = %s", (start,))
            conn.commit()
            (intent,) = await intents_of(aconn, PLAN)
            if to in TRANSITIONS[start]:
                assert (await move(aconn, intent, to, run_id="r")).state == to
            else:
                with pytest.raises(LedgerError, match="not a step"):
                    await move(aconn, intent, to, run_id="r")
            await aconn.rollback()


def test_sql_allows_exactly_the_steps_of_the_table_whoever_writes(conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=1)
    for start, to in itertools.product(IntentState, IntentState):
        forced(conn, "update ops.campaign_intent set state = %s", (start,))
        conn.commit()
        if to in TRANSITIONS[start] or to is start:
            conn.execute("update ops.campaign_intent set state = %s", (to,))
        else:
            with pytest.raises(psycopg.errors.CheckViolation, match="not a step of the ledger"):
                conn.execute("update ops.campaign_intent set state = %s", (to,))
        conn.rollback()


def test_sql_lets_an_intent_be_born_as_planned_only(conn: psycopg.Connection) -> None:
    plan_of(conn, contacts=1)
    copy = "insert into ops.campaign_intent select (jsonb_populate_record(i, %s)).* from ops.campaign_intent i"
    for number, state in enumerate(IntentState):
        born = Jsonb({"intent_id": f"{number:064d}", "chunk_no": 100 + number, "state": state})
        if state is IntentState.PLANNED:
            conn.execute(f"{copy} where chunk_no = 0", (born,))
        else:
            with pytest.raises(psycopg.errors.CheckViolation, match="begins as planned"), conn.transaction():
                conn.execute(f"{copy} where chunk_no = 0", (born,))


@pytest.mark.parametrize("state", IntentState)
@pytest.mark.parametrize("vendor_task_id", [None, "task"])
def test_sql_forgets_only_what_cannot_exist_at_the_vendor(
    conn: psycopg.Connection, state: IntentState, vendor_task_id: str | None
) -> None:
    plan_of(conn, contacts=1)
    forced(conn, "update ops.campaign_intent set state = %s, vendor_task_id = %s", (state, vendor_task_id))
    if state in NOTHING_AT_VENDOR and vendor_task_id is None:
        conn.execute("delete from ops.campaign_plan")
    else:
        with pytest.raises(psycopg.errors.CheckViolation, match="cannot be forgotten"):
            conn.execute("delete from ops.campaign_plan")


async def test_a_move_from_a_state_somebody_else_has_left_is_refused(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    plan_of(conn, contacts=1)
    async with await connect_async(warehouse_dsn) as aconn:
        (intent,) = await intents_of(aconn, PLAN)
        await aconn.commit()
        conn.execute("update ops.campaign_intent set state = 'sending'")
        conn.commit()
        with pytest.raises(LedgerError, match="somebody moved it on"):
            await move(aconn, intent, IntentState.SENDING, run_id="r")
