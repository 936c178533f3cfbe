"""Redials of a later date count for the week and the month, not for the day of the first call."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from plan_lists import EVE, FRIDAY, TwoTries, campaign, frames, row
from policies import relaxed

from obzvon.campaigns.spec import Purpose
from obzvon.policy.model import Cap, Policy
from obzvon.stages.plan import plan
from obzvon.vendors.settings import Redials, WorstCase

pytestmark = pytest.mark.stack
DAY_LATER = 24 * 3600
SCOPES = ("phone", "person")


class TwoDays(TwoTries):
    """A dialer that rings twice, an hour apart, and twice on the day after."""

    @property
    def worst_case(self) -> WorstCase:
        return WorstCase((Redials("again", 1, 3600), Redials("later", 2, DAY_LATER)))


def capped(day: int, week: int, month: int, **changes: Any) -> Policy:
    """Surveys under these caps; several campaigns a day."""
    policy = relaxed()
    cap = Cap(day=day, week=week, month=month, **{"scope": SCOPES, **changes})
    rules = policy.purposes[Purpose.SURVEY].model_copy(update={"cap": cap})
    return policy.model_copy(update={"purposes": {**policy.purposes, Purpose.SURVEY: rules}})


def decided(conn: psycopg.Connection, policy: Policy, rows: list[dict[str, Any]]) -> list[str | None]:
    """Why each row is not called, None where it is."""
    made = plan(conn, campaign(vendor=TwoDays()), policy, FRIDAY, now=EVE, chunks=frames(rows))
    query = "select exclusion_reason from ops.plan_contact where plan_id = %s order by row_no"
    found = conn.execute(query, (made.plan_id,)).fetchall()
    return [reason for (reason,) in found]


def test_the_worst_case_of_the_dialer_is_two_a_day_and_four_in_all() -> None:
    assert (TwoDays().worst_case.a_day, TwoDays().worst_case.total) == (2, 4)


@pytest.mark.parametrize(
    ("caps", "reason"),
    [
        ((4, 6, 6), None),
        ((3, 6, 6), "cap_day_phone"),
        ((4, 5, 9), "cap_week_phone"),
        ((4, 9, 5), "cap_month_phone"),
    ],
)
def test_two_dials_of_another_campaign_on_that_day_and_four_of_this_one(
    conn: psycopg.Connection, caps: tuple[int, int, int], reason: str | None
) -> None:
    """A bystander is called all the same."""
    policy = capped(*caps)
    plan(conn, campaign(name="earlier"), policy, FRIDAY, now=EVE, chunks=frames([row(1)]))
    assert decided(conn, policy, [row(1), row(2)]) == [reason, None]


@pytest.mark.parametrize(
    ("caps", "reason"),
    [
        ((4, 8, 8), None),
        ((3, 8, 8), "cap_day_person"),
        ((4, 7, 9), "cap_week_person"),
        ((4, 9, 7), "cap_month_person"),
    ],
)
def test_two_phones_of_a_person_share_the_persons_room(
    conn: psycopg.Connection, caps: tuple[int, int, int], reason: str | None
) -> None:
    rows = [row(n, person_key="a" * 64) for n in (1, 2)]
    assert decided(conn, capped(*caps, scope=("person",)), rows) == [None, reason]


def test_what_keeps_one_phone_of_a_person_from_being_called_leaves_the_room_to_the_other(
    conn: psycopg.Connection,
) -> None:
    """The first phone is full by itself: another campaign has it, and nobody said whose it was."""
    policy = capped(2, 9, 9)
    plan(conn, campaign(name="earlier"), policy, FRIDAY, now=EVE, chunks=frames([row(1)]))
    rows = [row(n, person_key="a" * 64) for n in (1, 2)]
    assert decided(conn, policy, rows) == ["cap_day_phone", None]
