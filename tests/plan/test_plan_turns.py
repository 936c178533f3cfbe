"""Plans decide one after the other, each seeing what the one before has reserved."""

from __future__ import annotations

from datetime import UTC, date, datetime

import psycopg
import pytest
from plan_lists import EVE, FRIDAY, Planner, TwoTries, campaign, frames, row, same_phone
from policies import relaxed

from obzvon.campaigns.spec import Purpose
from obzvon.errors import ConfigError, ListError
from obzvon.policy.model import Cap, Policy
from obzvon.stages.plan import plan
from obzvon.vendors.settings import Redials, WorstCase
from obzvon.warehouse.db import connect

pytestmark = pytest.mark.stack
SATURDAY = date(2026, 11, 21)


def capped(dials: int) -> Policy:
    """Surveys may ring a phone so often."""
    policy = relaxed()
    rules = policy.purposes[Purpose.SURVEY].model_copy(update={"cap": Cap(day=dials, week=dials, month=99)})
    return policy.model_copy(update={"purposes": {**policy.purposes, Purpose.SURVEY: rules}})


class NextDay(TwoTries):
    """A dialer that rings a second time on the day after."""

    @property
    def worst_case(self) -> WorstCase:
        return WorstCase((Redials("again", 1, 24 * 3600),))


@pytest.mark.parametrize("level", [psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE])
def test_a_plan_wants_to_see_what_the_one_before_it_stored(
    conn: psycopg.Connection, level: psycopg.IsolationLevel
) -> None:
    conn.isolation_level = level
    with pytest.raises(ConfigError) as refused:
        plan(conn, campaign(), relaxed(), FRIDAY, now=EVE, chunks=frames([row(1)]))
    has = level.name.lower().replace("_", " ")
    assert str(refused.value).endswith(f"needs transaction isolation read committed, this connection has {has}")
    assert conn.execute("select count(*) from ops.campaign_plan").fetchone() == (0,)


def test_the_second_of_two_plans_waits_and_sees_what_the_first_has_reserved(warehouse_dsn: str) -> None:
    """Two campaigns of two dials each, and room for three: only one may have the phone that they share."""
    policy, rows = capped(3), [row(1), row(2)]
    others = [row(7, **same_phone(1)), row(3)]
    with connect(warehouse_dsn) as one, connect(warehouse_dsn) as two:
        two.execute("set lock_timeout = '100ms'")
        two.commit()
        with one.transaction():
            plan(one, campaign(), policy, FRIDAY, now=EVE, chunks=frames(rows))
            with pytest.raises(psycopg.errors.LockNotAvailable):
                plan(two, campaign(name="other"), policy, FRIDAY, now=EVE, chunks=frames(others))
        plan(two, campaign(name="other"), policy, FRIDAY, now=EVE, chunks=frames(others))
        decided = two.execute(
            "select p.campaign_id, c.row_no, c.exclusion_reason from ops.plan_contact c"
            " join ops.campaign_plan p using (plan_id) order by 1, 2"
        ).fetchall()
    assert decided == [("autumn", 1, None), ("autumn", 2, None), ("other", 1, "cap_day_phone"), ("other", 2, None)]


def test_a_plan_that_had_begun_before_the_other_committed_sees_it_as_well(warehouse_dsn: str) -> None:
    """The list is staged outside the turn: a snapshot from then would not know the first plan."""
    policy = capped(3)
    with connect(warehouse_dsn) as one, connect(warehouse_dsn) as two, two.transaction():
        assert two.execute("select count(*) from ops.attempt_reservation").fetchone() == (0,)
        plan(one, campaign(), policy, FRIDAY, now=EVE, chunks=frames([row(1)]))
        with pytest.raises(ListError, match="cap_day_phone"):
            plan(two, campaign(name="other"), policy, FRIDAY, now=EVE, chunks=frames([row(1)]))


def test_whom_the_next_day_calls_is_reserved_on_that_date(conn: psycopg.Connection, planned: Planner) -> None:
    """In the evening Moscow is too late, while Kaliningrad still has time."""
    evening = datetime(2026, 11, 20, 16, 40, tzinfo=UTC)
    spec = campaign(when_late="next_day", vendor=NextDay())
    planned([row(1), row(2, tz_offsets=[120])], spec=spec, now=evening)
    intents = conn.execute("select zone, call_date, local_date, window_start_utc from ops.campaign_intent order by 1")
    assert intents.fetchall() == [
        ("+02:00", FRIDAY, None, datetime(2026, 11, 20, 16, 50, tzinfo=UTC)),
        ("+03:00", FRIDAY, SATURDAY, datetime(2026, 11, 21, 8, tzinfo=UTC)),
    ]
    reserved = conn.execute(
        "select c.row_no, r.local_date, r.held from ops.attempt_reservation r"
        " join ops.plan_contact c using (phone_key, intent_id) order by 1, 2"
    )
    sunday = date(2026, 11, 22)
    assert reserved.fetchall() == [(1, SATURDAY, 1), (1, sunday, 1), (2, FRIDAY, 1), (2, SATURDAY, 1)]
