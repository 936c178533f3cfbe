"""The forecast is the house's own history times the policy's prices, and says what it rests on."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from approving import called, campaign, person, planned, rules

from obzvon.campaigns.spec import CampaignSpec
from obzvon.policy.model import Price
from obzvon.stages.plan import PlanSummary
from obzvon.stages.planning.forecast import Attempts, Basis, Forecast, Span, read_forecast
from obzvon.stages.planning.need import needs_approval

DAYS = (date(2031, 5, 13), date(2031, 5, 14), date(2031, 5, 15))


def forecast(conn: psycopg.Connection, summary: PlanSummary) -> Forecast:
    found = read_forecast(conn, summary.plan_id)
    assert found is not None
    return found


def span(low: str, expected: str, high: str) -> Span:
    return Span(Decimal(low), Decimal(expected), Decimal(high))


def test_without_history_the_talk_is_unknown_and_the_worst_case_is_expected(conn: psycopg.Connection) -> None:
    found = forecast(conn, planned(conn, 10))
    assert found.history.basis is Basis.NONE
    assert found.attempts == Attempts(10, 20, 20)
    assert found.minutes == span("0.00", "0.00", "0.00")
    assert found.cost_rub == span("15.00", "30.00", "30.00")  # (1 + 0.50) ₽ a dial
    assert found.upper_rub is None
    assert found.finish_expected == found.finish_latest == datetime(2031, 5, 20, 17, tzinfo=UTC)


def test_a_warehouse_without_the_schema_of_facts_has_no_history(conn: psycopg.Connection) -> None:
    conn.execute("drop schema dwh cascade")
    assert forecast(conn, planned(conn, 2)).history.basis is Basis.NONE


def test_the_campaigns_own_past_gives_averages_and_their_spread(conn: psycopg.Connection) -> None:
    for day, dials, talk in zip(DAYS, (1, 2, 2), (60, 30, 120), strict=True):
        called(conn, planned(conn, 4, day=day), day, dials=dials, talk=talk)
    found = forecast(conn, planned(conn, 10))
    history = found.history
    assert (history.basis, history.call_dates, history.attempts) == (Basis.CAMPAIGN, 3, 20)
    assert history.attempts_a_contact == Decimal(20) / 12
    # of all 20 dials together: (4 x 60 + 8 x 30 + 8 x 120) seconds; of the dates 0.5, 1 and 2 minutes a dial
    assert (history.minutes, history.minutes_p10, history.minutes_p90) == (
        Decimal("1.2"),
        Decimal("0.6"),
        Decimal("1.8"),
    )
    assert found.attempts == Attempts(10, 17, 20)
    assert found.minutes == span("6.00", "20.40", "36.00")
    assert found.cost_rub == span("51.00", "147.90", "246.00")
    assert found.upper_rub == Decimal("246.00")


def test_what_was_not_dialled_is_no_past_dial(conn: psycopg.Connection) -> None:
    called(conn, planned(conn, 4, day=DAYS[0]), DAYS[0], dials=1, talk=60, disposition="VENDOR_BLACKLIST")
    assert forecast(conn, planned(conn, 4)).history.basis is Basis.NONE


def test_a_plan_that_is_still_called_is_no_history(conn: psycopg.Connection) -> None:
    earlier = planned(conn, 4, day=DAYS[0])
    called(conn, earlier, DAYS[0], dials=1, talk=60)
    first = "(select min(intent_id) from ops.campaign_intent where plan_id = %s)"
    conn.execute("set session_replication_role = replica")
    conn.execute(f"update ops.campaign_intent set state = 'running' where intent_id = {first}", [earlier.plan_id])
    conn.execute("set session_replication_role = origin")
    assert forecast(conn, planned(conn, 4)).history.basis is Basis.NONE


@pytest.mark.parametrize(("purpose", "basis"), [("survey", Basis.VENDOR_AND_PURPOSE), ("service", Basis.NONE)])
def test_a_new_campaign_goes_by_others_of_the_vendor_and_the_purpose(
    conn: psycopg.Connection, purpose: str, basis: Basis
) -> None:
    other = campaign(name="older", purpose=purpose)
    called(conn, planned(conn, 4, spec=other, day=DAYS[0]), DAYS[0], dials=2, talk=60)
    found = forecast(conn, planned(conn, 10))
    assert found.history.basis is basis
    assert found.finish_expected == found.finish_latest


def test_the_finish_is_the_usual_share_of_the_window(conn: psycopg.Connection) -> None:
    for day, hour in zip(DAYS, (8, 11, 12), strict=True):  # the window is 10:00 to 20:00 in Moscow, 7 to 17 UTC
        at = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
        called(conn, planned(conn, 4, day=day), day, dials=1, talk=0, at=at)
    found = forecast(conn, planned(conn, 4))
    assert found.finish_expected == datetime(2031, 5, 20, 11, tzinfo=UTC)
    assert found.finish_latest == datetime(2031, 5, 20, 17, tzinfo=UTC)


@pytest.mark.parametrize(("hour", "finish"), [(0, 7), (2, 9), (10, 17)])
def test_the_finish_is_not_before_the_window_that_opens_last_has_had_its_share(
    conn: psycopg.Connection, hour: int, finish: int
) -> None:
    """Past lists were of Vladivostok, whose window is 0 to 10 UTC; this one has Moscow as well, 7 to 17 UTC."""
    far = [person(number, tz_offsets=[600]) for number in range(1, 5)]
    for day in DAYS:
        at = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
        called(conn, planned(conn, far, day=day), day, dials=1, talk=0, at=at)
    found = forecast(conn, planned(conn, [*far, person(5)]))
    assert found.finish_expected == datetime(2031, 5, 20, finish, tzinfo=UTC)
    assert found.finish_latest == datetime(2031, 5, 20, 17, tzinfo=UTC)


def test_where_the_zone_that_opens_first_ends_last_the_whole_is_what_counts(conn: psycopg.Connection) -> None:
    """People who may be in Vladivostok or in Moscow can be called from 7 to 10 UTC only."""
    both = [person(1, tz_offsets=[600]), person(2, tz_offsets=[180, 600]), person(3)]
    for day in DAYS:
        at = datetime(day.year, day.month, day.day, 15, 18, tzinfo=UTC)
        called(conn, planned(conn, both, day=day), day, dials=1, talk=0, at=at)
    assert forecast(conn, planned(conn, both)).finish_expected == datetime(2031, 5, 20, 16, tzinfo=UTC)


def test_a_vendor_without_a_price_costs_the_fee_and_nobody_knows_the_upper_end(conn: psycopg.Connection) -> None:
    found = forecast(conn, planned(conn, 10, policy=rules(prices={})))
    assert not found.price_known
    assert found.cost_rub == span("5.00", "10.00", "10.00")
    assert found.upper_rub is None


def test_where_talk_is_free_the_upper_end_needs_no_history(conn: psycopg.Connection) -> None:
    policy = rules(prices={"dialog": Price(attempt_rub=Decimal(2))})
    assert forecast(conn, planned(conn, 10, policy=policy)).upper_rub == Decimal("50.00")


def test_a_forecast_is_read_back_as_it_was_stored(conn: psycopg.Connection) -> None:
    called(conn, planned(conn, 3, day=DAYS[0]), DAYS[0], dials=1, talk=7)
    found = forecast(conn, planned(conn, 3))
    assert Forecast.load(found.dump()) == found


ABOVE: dict[str, Any] = {"when": "above", "contacts": 1000, "cost_rub": "500"}


@pytest.mark.parametrize(
    ("rule", "to_call", "high", "needed"),
    [
        ({"when": "never", "contacts": 0}, 10**6, None, False),
        ({"when": "always"}, 1, Decimal(0), True),
        (ABOVE, 1000, Decimal(500), False),
        (ABOVE, 1001, Decimal(0), True),
        (ABOVE, 1, Decimal("500.01"), True),
        (ABOVE, 1, None, True),
        ({"when": "above", "contacts": 1000}, 1, None, False),
    ],
)
def test_when_a_person_must_be_asked(rule: dict[str, Any], to_call: int, high: Decimal | None, needed: bool) -> None:
    assert needs_approval(campaign(approval=rule), to_call, high) is needed


@pytest.mark.parametrize(("limit", "stored"), [("100", "needed"), ("300", "not_needed")])
def test_the_plan_stores_whether_a_person_must_be_asked(conn: psycopg.Connection, limit: str, stored: str) -> None:
    called(conn, planned(conn, 4, day=DAYS[0]), DAYS[0], dials=2, talk=60)
    spec: CampaignSpec = campaign(approval={"when": "above", "cost_rub": limit})
    summary = planned(conn, 10, spec=spec)  # 20 dials at most, a minute each: 150 ₽
    assert conn.execute("select approval from ops.campaign_plan where plan_id = %s", [summary.plan_id]).fetchone() == (
        stored,
    )


def test_a_long_history_is_looked_at_only_as_far_as_it_helps(conn: psycopg.Connection) -> None:
    """The older plan is past the sample."""
    old = planned(conn, 2, day=DAYS[0])
    called(conn, old, DAYS[0], dials=2, talk=600)
    new = planned(conn, 4, day=DAYS[1])
    called(conn, new, DAYS[1], dials=1, talk=60)
    conn.execute("update ops.campaign_plan set contacts_to_call = 200000 where plan_id = %s", [new.plan_id])
    found = forecast(conn, planned(conn, 4))
    assert (found.history.call_dates, found.history.attempts, found.history.minutes) == (1, 4, Decimal(1))
