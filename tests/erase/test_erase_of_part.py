"""Where schema `dwh` lacks facts, nobody's calls are known for sure: erasing and retention refuse until it is whole."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from days import DAYS, Days, contents
from loading import SECRET

from obzvon.errors import ConfigError
from obzvon.ledger.keys import plan_id
from obzvon.policy.model import load_policy
from obzvon.stages.erase import erase, erase_again
from obzvon.stages.retention import keep_to_retention
from obzvon.vendors.dialog import Dialog
from obzvon.warehouse.db import connect

FIRST, SECOND = DAYS[:2]
PHONE = "+79160000001"
POLICY = load_policy(Path(__file__).resolve().parents[2] / "include" / "policy" / "policy.yaml")

DELIVERED = (
    "insert into ops.qa_delivery (call_uid, vendor_code, vendor_call_id, intent_id, payload_hash, state)"
    " select vendor_code || ':' || vendor_call_id, vendor_code, vendor_call_id, intent_id, repeat('0', 64), 'SENT'"
    " from dwh.fact_call_attempt"
)


@pytest.fixture
async def days(warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path) -> Days:
    """The person was called on two days, with a transcript each time."""
    days = Days(warehouse_dsn, conn, tmp_path)
    days.dialer = Dialog
    for day in (FIRST, SECOND):
        days.plan(day)
        plan = plan_id("test_campaign", day)
        conn.execute("insert into pii.contact_payload values (%s, 1, %s, %s, 'Имя', '{}')", (plan, PHONE, PHONE))
        conn.commit()
        calls = [{"phone_number": PHONE, "call_start": f"{day}T12:00:00+03:00", "status": "Разговор"}]
        await days.pull(day, "collect", [{"columns": [], "data": calls, "count": 1}])
        days.final(day)
    days.run(
        "insert into pii.dialog_turn select vendor_code, vendor_call_id, call_month, 1, 'client', 0, 1, 'меня зовут'"
        " from dwh.fact_call_attempt"
    )
    return days


def refused(days: Days, words: str) -> None:
    """Nobody erases anything, and nothing is changed."""
    before = contents(days.dsn) if "gone" not in words else None
    with pytest.raises(ConfigError, match=words):
        erase(days.dsn, days.archive, PHONE, secret=SECRET)
    with connect(days.dsn) as conn:
        conn.autocommit = True
        with pytest.raises(ConfigError, match=words):
            erase_again(conn, days.archive, secret=SECRET)
        with pytest.raises(ConfigError, match=words):
            keep_to_retention(conn, days.archive, POLICY, DAYS[0].replace(year=2040))
        assert conn.execute("select count(*) from ops.erasure").fetchone() == (0,)
    assert before is None or contents(days.dsn) == before


def turns(days: Days) -> int:
    (count,) = days.conn.execute("select count(*) from pii.dialog_turn").fetchall()[0]
    days.conn.commit()
    return int(count)


def test_until_everything_is_replayed_nobody_is_erased(days: Days) -> None:
    days.run("drop schema dwh cascade")
    refused(days, "schema dwh are gone")
    days.replay(SECOND, SECOND)
    refused(days, f"1 plans and 1 calls .*everything from {FIRST} to {SECOND}")
    days.replay(FIRST, SECOND)
    counts = erase(days.dsn, days.archive, PHONE, secret=SECRET).counts
    assert (counts["archive records"], counts["pii.contact_payload"], turns(days)) == (2, 2, 0)


@pytest.mark.parametrize(
    "left",
    [
        "",
        "insert into ops.recording (call_uid, vendor_code, vendor_call_id, intent_id, state)"
        " select vendor_code || ':' || vendor_call_id, vendor_code, vendor_call_id, intent_id, 'REFUSED'"
        " from dwh.fact_call_attempt limit 1",
        f"{DELIVERED} limit 1",
    ],
    ids=["transcripts", "recording", "delivery"],
)
def test_a_call_without_a_fact_of_which_something_is_left_refuses_too(days: Days, left: str) -> None:
    """A replay that died half way: the plans are there, their calls are not."""
    if left:
        days.run("delete from pii.dialog_turn")
        days.run(left)
    days.run("delete from dwh.fact_call_attempt")
    refused(days, f"0 plans and {1 if left else 2} calls")
    days.replay(FIRST, SECOND)
    assert erase(days.dsn, days.archive, PHONE, secret=SECRET).counts["archive records"] == 2


def test_the_calls_of_the_erased_do_not_come_back_and_are_in_nobodys_way(days: Days) -> None:
    days.run(DELIVERED)
    assert len(erase(days.dsn, days.archive, PHONE, secret=SECRET).left_over["qolio"]) == 2
    days.run("drop schema dwh cascade")
    days.replay(FIRST, SECOND)
    assert erase(days.dsn, days.archive, "+79160000002", secret=SECRET).counts["suppressions"] == 1


def test_a_plan_that_retention_erased_is_in_nobodys_way(days: Days) -> None:
    days.run(DELIVERED)
    with connect(days.dsn) as conn:
        conn.autocommit = True
        assert keep_to_retention(conn, days.archive, POLICY, DAYS[0].replace(year=2040)).plans == 2
    days.run("drop schema dwh cascade")
    assert [plan.problem for plan in days.replay(FIRST, SECOND)] == [None, None]
    assert erase(days.dsn, days.archive, PHONE, secret=SECRET).left_over["vendors"] != []
