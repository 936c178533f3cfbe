"""Planning the same campaign and date again: replaced while nothing has left, kept from then on."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import psycopg
import pytest
from launching import forced
from plan_lists import EVE, FRIDAY, Planner, campaign, frames, row

from obzvon.errors import ListError
from obzvon.policy.model import Policy
from obzvon.stages.plan import plan

pytestmark = pytest.mark.stack


def count(conn: psycopg.Connection, table: str) -> int:
    found = conn.execute(f"select count(*) from {table}").fetchone()
    assert found is not None
    return int(found[0])


def test_the_same_list_gives_the_same_plan(planned: Planner) -> None:
    first = planned([row(1), row(2)])
    again = planned([row(1), row(2)])
    later = planned([row(1), row(2)], now=EVE + timedelta(hours=20), dag_run_id="run-2")
    assert first == again
    assert not again.reused
    assert later.plan_hash == first.plan_hash


@pytest.mark.parametrize(
    "change",
    [
        {"phone_key": "f" * 64, "phone_e164": "+79990000000"},
        {"tz_offsets": [300]},
        {"variables": '{"sum": 2}'},
        {"contact_id": "other"},
    ],
)
def test_another_decision_gives_another_hash(planned: Planner, change: dict[str, object]) -> None:
    assert planned([row(1), row(2)]).plan_hash != planned([row(1), row(2, **change)]).plan_hash


def test_another_campaign_file_gives_another_hash(planned: Planner) -> None:
    assert planned([row(1)]).plan_hash != planned([row(1)], spec=campaign(title="Another title")).plan_hash


@pytest.mark.parametrize("state", ["planned", "refused"])
def test_a_plan_of_which_nothing_is_at_the_vendor_is_replaced(
    conn: psycopg.Connection, planned: Planner, state: str
) -> None:
    planned([row(1), row(2), row(3, tz_offsets=[600])])
    forced(conn, "update ops.campaign_intent set state = %s where zone = '+10:00'", (state,))
    second = planned([row(5)])
    assert (second.reused, second.contacts_total) == (False, 1)
    tables = ("ops.campaign_plan", "ops.campaign_intent", "ops.plan_contact", "pii.contact_payload")
    assert [count(conn, table) for table in (*tables, "ops.attempt_reservation")] == [1, 1, 1, 1, 1]


def test_a_plan_under_way_is_returned_unchanged_and_the_list_is_not_read(
    conn: psycopg.Connection, planned: Planner, policy: Policy
) -> None:
    first = planned([row(1), row(2, tz_offsets=[600])])
    conn.execute("update ops.campaign_intent set state = 'sending' where zone = '+10:00'")

    def unread() -> pd.DataFrame:
        raise AssertionError("the list was read")

    again = plan(conn, campaign(), policy, FRIDAY, now=EVE, chunks=(unread() for _ in range(1)))
    assert again.reused
    assert (again.plan_id, again.plan_hash, again.zones) == (first.plan_id, first.plan_hash, first.zones)


def test_another_date_is_another_plan(conn: psycopg.Connection, planned: Planner) -> None:
    assert planned([row(1)]).plan_id != planned([row(1)], call_date=date(2026, 11, 23)).plan_id
    assert count(conn, "ops.campaign_plan") == 2


def test_a_list_that_breaks_half_way_leaves_the_plan_of_before(
    conn: psycopg.Connection, planned: Planner, policy: Policy
) -> None:
    first = planned([row(1), row(2)])
    conn.commit()

    def broken() -> pd.DataFrame:
        raise ListError("the file ends in the middle of a row")

    chunks = (frame for part in (frames([row(3)]), (broken() for _ in range(1))) for frame in part)
    with pytest.raises(ListError, match="ends in the middle"):
        plan(conn, campaign(), policy, FRIDAY, now=EVE, chunks=chunks)
    assert conn.execute("select plan_hash, contacts_total from ops.campaign_plan").fetchall() == [(first.plan_hash, 2)]


def test_a_second_planner_waits_for_the_first(warehouse_dsn: str, policy: Policy) -> None:
    """The lock of the plan is held until the first transaction ends; the loser of the race sees the winner's plan."""
    with psycopg.connect(warehouse_dsn) as one, psycopg.connect(warehouse_dsn) as two:
        two.execute("set lock_timeout = '100ms'")
        two.commit()
        with one.transaction():
            plan(one, campaign(), policy, FRIDAY, now=EVE, chunks=frames([row(1)]))
            with pytest.raises(psycopg.errors.LockNotAvailable):
                plan(two, campaign(), policy, FRIDAY, now=EVE, chunks=frames([row(2)]))
        assert plan(two, campaign(), policy, FRIDAY, now=EVE, chunks=frames([row(1), row(2)])).contacts_total == 2
