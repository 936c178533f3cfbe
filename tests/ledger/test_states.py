"""The table of states."""

from __future__ import annotations

import itertools

import psycopg
import pytest
from launching import PLAN, plan_of

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
            await aconn.execute("update ops.campaign_intent set state = %s", (start,))
            (intent,) = await intents_of(aconn, PLAN)
            if to in TRANSITIONS[start]:
                assert (await move(aconn, intent, to, run_id="r")).state == to
            else:
                with pytest.raises(LedgerError, match="not a step"):
                    await move(aconn, intent, to, run_id="r")


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
