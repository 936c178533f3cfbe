"""The canary: its results against the campaign's limits, what proves nothing, and who may be sent after it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from launching import PLAN, forced, plan_of, spec
from psycopg.types.json import Jsonb

from obzvon.errors import CanaryNotPassed, LedgerError
from obzvon.ledger.intents import intents_of
from obzvon.ledger.keys import CANARY_BATCH
from obzvon.stages.canary import Figure, Verdict, check_canary, judge
from obzvon.warehouse.db import connect_async
from obzvon_provider.operators.canary import CanaryOperator

CONTACTS = 20
LIMITS = {"max_optout_share": 0.15, "max_invalid_share": 0.2, "max_network_share": 0.3, "max_refused_share": 0.1}
CONTEXT: Any = {"run_id": "run-1"}
CALL = """
insert into dwh.fact_call_attempt (vendor_code, vendor_call_id, call_month, intent_id, contact_key, started_at,
    local_started_at, date_key, local_hour, disposition_code, vendor_status_raw, row_hash, source_updated_at,
    loaded_at, batch_id)
select 'dialog', %(id)s, '2031-05-01', p.intent_id, c.contact_key, %(at)s, '2031-05-20 12:00', 20310520, 12,
    %(code)s, 'raw', repeat('0', 64), %(at)s, %(at)s, 'b1'
from ops.plan_contact p join dwh.dim_contact c using (contact_id) where p.row_no = %(row)s
"""


class World:
    """A plan whose first intent is the canary, over, with its contacts taken; the second is still to be sent."""

    def __init__(self, conn: psycopg.Connection) -> None:
        self.conn = conn
        self.canary, self.other = plan_of(conn, contacts=CONTACTS, intents=2)
        self.run("update ops.campaign_plan set spec = %s", Jsonb(spec(canary=LIMITS).canonical()))
        self.run("update ops.campaign_intent set batch_no = %s, state = 'final' where intent_id = %s",
                 CANARY_BATCH, self.canary)  # fmt: skip
        self.run("update ops.plan_contact set sent_state = 'accepted' where intent_id = %s", self.canary)
        self.run(
            "insert into dwh.dim_contact (contact_id, phone_key, tz_source, valid_from, is_current)"
            " select contact_id, phone_key, 'region', '2031-01-01Z', true from ops.plan_contact"
        )
        self.run("insert into dwh.dim_date values (20310520, '2031-05-20', 2, false, false, 'test')")

    def run(self, query: str, *values: object) -> None:
        forced(self.conn, query, values)
        self.conn.commit()

    def calls(self, **outcomes: int) -> None:
        """So many dials with each outcome, the canary's contacts one after the other."""
        codes = [code for code, count in outcomes.items() for _ in range(count)]
        for number, (code, row) in enumerate(zip(codes, cycle(range(1, CONTACTS + 1)), strict=False)):
            at = datetime(2031, 5, 20, 9, tzinfo=UTC)
            self.conn.execute(CALL, {"id": f"k{number}", "row": row, "code": code, "at": at})
        self.conn.commit()

    def judge(self) -> Verdict:
        return judge(self.conn, PLAN, "run-1")

    def figure(self, name: str) -> Figure:
        (found,) = [f for f in self.judge().figures if f.name == name]
        return found

    def stored(self) -> list[tuple[Any, ...]]:
        rows = self.conn.execute("select passed, dag_run_id, figures from ops.canary_verdict").fetchall()
        self.conn.commit()
        return rows


@pytest.fixture
def world(conn: psycopg.Connection) -> World:
    return World(conn)


async def may_be_sent(dsn: str, chunk: int) -> None:
    async with await connect_async(dsn) as conn:
        await check_canary(conn, (await intents_of(conn, PLAN))[chunk])


def test_good_results_pass_and_are_stored(world: World) -> None:
    world.calls(RPC_NO_RESULT=9, RPC_OPTOUT=1, NO_ANSWER=8, NETWORK_ERROR=1, INVALID_NUMBER=1)
    verdict = world.judge()
    assert verdict.passed
    assert [(f.name, f.count, f.of, f.share, f.limit, f.holds) for f in verdict.figures] == [
        ("optout", 1, 10, 0.1, 0.15, True),
        ("invalid", 1, 20, 0.05, 0.2, True),
        ("network", 1, 20, 0.05, 0.3, True),
        ("refused", 0, 20, 0.0, 0.1, True),
        ("silent", 0, 20, 0.0, 0.5, True),
    ]
    ((passed, run_id, figures),) = world.stored()
    assert (passed, run_id, figures["not_proven"]) == (True, "run-1", None)
    assert figures["figures"][0] == {
        "name": "optout", "count": 1, "of": 10, "share": 0.1, "limit": 0.15, "holds": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "calls", "count", "of"),
    [
        ("optout", {"RPC_OPTOUT": 3, "GOAL": 7, "NO_ANSWER": 10}, 3, 10),
        ("invalid", {"INVALID_NUMBER": 4, "EXCL_INVALID": 1, "GOAL": 15}, 5, 20),
        ("network", {"NETWORK_ERROR": 4, "CARRIER_BLOCK": 4, "GOAL": 12}, 8, 20),
        ("silent", {}, 20, 20),
    ],
)
def test_more_than_allowed_of_any_does_not_pass(
    world: World, name: str, calls: dict[str, int], count: int, of: int
) -> None:
    world.calls(**calls)
    verdict = world.judge()
    assert not verdict.passed
    assert [(f.name, f.count, f.of) for f in verdict.figures if not f.holds] == [(name, count, of)]
    assert f"{count} of {of}" in verdict.sentence
    assert not world.stored()[0][0]


def test_exactly_the_limit_passes(world: World) -> None:
    world.calls(RPC_OPTOUT=3, GOAL=17)
    assert world.figure("optout").holds
    world.run("update dwh.fact_call_attempt set disposition_code = 'RPC_OPTOUT' where vendor_call_id = 'k5'")
    assert not world.figure("optout").holds


def test_a_number_is_invalid_once_however_often_it_was_dialled(world: World) -> None:
    world.calls(INVALID_NUMBER=20)
    world.run("update dwh.fact_call_attempt set contact_key = (select min(contact_key) from dwh.dim_contact)")
    assert (world.figure("invalid").count, world.figure("invalid").of) == (1, 20)


def test_contacts_that_were_rejected_or_never_sent_were_not_taken(world: World) -> None:
    world.calls(GOAL=20)
    world.run("update ops.plan_contact set sent_state = 'rejected' where row_no = 1")
    world.run("update ops.plan_contact set sent_state = null where row_no in (2, 3)")
    refused = world.figure("refused")
    assert (refused.count, refused.of, refused.holds) == (3, 20, False)
    assert world.figure("invalid").of == 18  # handed over: the rejected one too


def test_calls_of_the_others_say_nothing_about_the_canary(world: World) -> None:
    world.calls(GOAL=20)
    world.run("update dwh.fact_call_attempt set intent_id = %s, disposition_code = 'RPC_OPTOUT'"
              " where vendor_call_id < 'k15'", world.other)  # fmt: skip
    assert world.figure("optout").count == 0


@pytest.mark.parametrize(
    ("state", "cure"),
    [
        ("planned", "clear `canary.launch`"),
        ("refused", "clear `canary.launch`"),
        ("running", "clear `canary.launch`"),
        ("collecting", "clear `canary.launch`"),
        ("in_doubt", "settle the doubt .* then clear `canary.judge`"),
        ("cancelled", "plan another call date"),
    ],
)
def test_a_canary_that_is_not_over_or_was_never_called_proves_nothing(world: World, state: str, cure: str) -> None:
    world.calls(GOAL=20)
    world.run("update ops.campaign_intent set state = %s, note = 'why' where intent_id = %s", state, world.canary)
    verdict = world.judge()
    assert not verdict.passed
    assert verdict.not_proven
    with pytest.raises(CanaryNotPassed, match=f"not proven.*is {state} .why.; .*{cure}"):
        raise CanaryNotPassed(verdict.sentence)
    assert [row[0] for row in world.stored()] == [False]


def test_judging_again_replaces_the_verdict(world: World) -> None:
    assert not world.judge().passed
    world.calls(GOAL=20)
    assert world.judge().passed
    assert [row[0] for row in world.stored()] == [True]


def test_a_verdict_under_which_others_were_sent_stays(world: World) -> None:
    world.calls(GOAL=20)
    assert world.judge().passed
    world.run("update ops.campaign_intent set submitted_at = now() where intent_id = %s", world.other)
    world.run("update dwh.fact_call_attempt set disposition_code = 'RPC_OPTOUT'")
    assert world.judge().passed
    assert world.figure("optout").count == 0


def test_a_plan_without_a_canary_passes_and_has_no_verdict(world: World) -> None:
    world.run("update ops.campaign_intent set batch_no = 0")
    assert world.judge().passed
    assert world.stored() == []


def test_a_canary_that_the_campaign_file_did_not_ask_for_is_refused(world: World) -> None:
    world.run("update ops.campaign_plan set spec = %s", Jsonb(spec().canonical()))
    with pytest.raises(LedgerError, match="has no `canary`"):
        world.judge()


async def test_others_are_sent_only_when_the_canary_has_passed(world: World, warehouse_dsn: str) -> None:
    await may_be_sent(warehouse_dsn, 0)
    with pytest.raises(CanaryNotPassed, match="no verdict yet"):
        await may_be_sent(warehouse_dsn, 1)
    world.calls(RPC_OPTOUT=10, GOAL=10)
    world.judge()
    with pytest.raises(CanaryNotPassed, match=r"opt-outs of conversations: 10 of 20 \(50.0%, at most 15.0%\)"):
        await may_be_sent(warehouse_dsn, 1)
    world.run("update dwh.fact_call_attempt set disposition_code = 'GOAL'")
    world.judge()
    await may_be_sent(warehouse_dsn, 1)


async def test_a_plan_without_a_canary_sends_everybody(world: World, warehouse_dsn: str) -> None:
    world.run("update ops.campaign_intent set batch_no = 0")
    for chunk in (0, 1):
        await may_be_sent(warehouse_dsn, chunk)


@pytest.fixture
def operator(warehouse_dsn: str, monkeypatch: pytest.MonkeyPatch) -> CanaryOperator:
    info = psycopg.conninfo.conninfo_to_dict(warehouse_dsn)
    uri = {"conn_type": "postgres", "host": info["host"], "login": info["user"], "schema": info["dbname"]}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", json.dumps(uri))
    return CanaryOperator(task_id="judge", plan_id=PLAN)


def test_the_task_gives_the_shares_of_a_canary_that_passed(world: World, operator: CanaryOperator) -> None:
    world.calls(RPC_OPTOUT=2, GOAL=18)
    shares = operator.execute(CONTEXT)
    assert shares == {"optout": 0.1, "invalid": 0.0, "network": 0.0, "refused": 0.0, "silent": 0.0}


def test_the_task_fails_for_good_with_the_figures_in_one_sentence(world: World, operator: CanaryOperator) -> None:
    world.calls(RPC_OPTOUT=6, GOAL=14)
    with pytest.raises(AirflowFailException, match=r"test_campaign 2031-05-20: did not pass.*6 of 20 \(30.0%"):
        operator.execute(CONTEXT)
    assert [row[0] for row in world.stored()] == [False]


def test_a_warehouse_that_cannot_answer_is_tried_again(world: World, operator: CanaryOperator) -> None:
    world.run("drop table ops.canary_verdict cascade")
    with pytest.raises(AirflowException) as raised:
        operator.execute(CONTEXT)
    assert not isinstance(raised.value, AirflowFailException)
