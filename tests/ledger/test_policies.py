"""Whoever asks not to be called is suppressed as widely as the policy of the plan says, in one commit with the call."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from loading import NINE, PLAN, SECRET, Vendor, call, plan_of
from policies import relaxed
from psycopg.types.json import Jsonb

from obzvon.campaigns.spec import Purpose
from obzvon.ledger.keys import phone_key
from obzvon.ledger.policies import caps_of
from obzvon.policy.caps import CapRule
from obzvon.policy.model import Cap, Policy
from obzvon.warehouse.db import connect_async

pytestmark = pytest.mark.stack
PERSON = "a" * 64


def policy(**rules: object) -> Policy:
    """The relaxed policy with these rules for surveys."""
    shipped = relaxed()
    survey = shipped.purposes[Purpose.SURVEY].model_copy(update=rules)
    return shipped.model_copy(update={"purposes": {**shipped.purposes, Purpose.SURVEY: survey}})


def made_under(conn: psycopg.Connection, given: Policy) -> None:
    """The plan was made under this policy."""
    conn.execute(
        "insert into ops.policy (policy_hash, version, policy) values (%s, %s, %s)",
        (given.policy_hash, given.version, Jsonb(given.canonical())),
    )
    conn.execute("update ops.campaign_plan set policy_hash = %s where plan_id = %s", (given.policy_hash, PLAN))
    conn.execute("update ops.plan_contact set person_key = %s where row_no = 2", (PERSON,))
    conn.commit()


@pytest.fixture
def vendor(conn: psycopg.Connection, warehouse_dsn: str, tmp_path: Path) -> Vendor:
    (intent,) = plan_of(conn, 3)
    return Vendor(warehouse_dsn, tmp_path, intent)


@pytest.mark.parametrize(("scope", "purpose"), [("purpose", "survey"), ("all", "*")])
async def test_an_opt_out_holds_for_the_plans_purpose_or_for_all_as_its_policy_says(
    vendor: Vendor, conn: psycopg.Connection, scope: str, purpose: str
) -> None:
    made_under(conn, policy(opt_out=scope))
    await vendor.collect(conn, "b1", [call(1, 2, disposition="RPC_OPTOUT"), call(2, 3)])
    query = "select phone_key, person_key, purpose, source, valid_from, valid_to, evidence_ref from ops.suppression"
    stored = (phone_key(SECRET, "+79160000002"), PERSON, purpose, "bot", NINE.replace(minute=1), None, "dialog:k1")
    assert conn.execute(query).fetchall() == [stored]
    together = "select f.xmin = s.xmin from dwh.fact_call_attempt f, ops.suppression s where f.vendor_call_id = 'k1'"
    assert conn.execute(together).fetchall() == [(True,)]
    conn.commit()
    vendor.load(conn, "b1")
    assert conn.execute(query).fetchall() == [stored]


async def test_a_load_that_fails_suppresses_nobody_and_stores_no_call(vendor: Vendor, conn: psycopg.Connection) -> None:
    conn.execute("alter table dwh.fact_campaign_contact add constraint nobody check (attempts = 0)")
    conn.commit()
    await vendor.pull("b1", [call(1, 2, disposition="RPC_OPTOUT")])
    with pytest.raises(psycopg.errors.CheckViolation):  # the snapshot of the contact comes after the suppression
        vendor.load(conn, "b1")
    counts = "select (select count(*) from ops.suppression), (select count(*) from dwh.fact_call_attempt)"
    assert conn.execute(counts).fetchone() == (0, 0)


async def test_an_opt_out_of_somebody_unknown_and_of_an_old_plan_holds_for_every_purpose(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    await vendor.collect(conn, "b1", [call(1, None, phone="+79990000001", disposition="RPC_OPTOUT")])
    stored = conn.execute("select phone_key, person_key, purpose from ops.suppression").fetchall()
    assert stored == [(phone_key(SECRET, "+79990000001"), None, "*")]


async def test_the_caps_of_a_plan_are_those_of_its_own_policy(conn: psycopg.Connection, warehouse_dsn: str) -> None:
    plan_of(conn, 1)
    async with await connect_async(warehouse_dsn) as reader:
        assert await caps_of(reader, PLAN, Purpose.SURVEY) == CapRule("survey")
        cap = Cap(day=2, week=3, month=4, week_kind="rolling", count="answered", scope=("person",))
        made_under(conn, policy(cap=cap))
        expected = CapRule("survey", 2, 3, 4, True, True, by_phone=False, by_person=True, one_campaign=False)
        assert await caps_of(reader, PLAN, Purpose.SURVEY) == expected
