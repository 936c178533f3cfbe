"""When a zone may be called, by the numbers of the policy file that ships."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from obzvon.campaigns.spec import Purpose, Window
from obzvon.errors import PolicyError
from obzvon.ledger.keys import ALL_OFFSETS
from obzvon.policy.model import Policy, load_policy
from obzvon.policy.windows import Closed, Opening, check_window, opening

SHIPPED = Path(__file__).parents[2] / "include/policy/policy.yaml"
MSK, MOSCOW, KALININGRAD, VLADIVOSTOK, UFA = ZoneInfo("Europe/Moscow"), 180, 120, 600, 300
FRIDAY, SATURDAY, WORKING_SATURDAY = date(2026, 11, 20), date(2026, 11, 21), date(2027, 2, 20)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def shipped() -> Policy:
    return load_policy(SHIPPED)


@pytest.fixture(scope="module")
def no_margin(shipped: Policy) -> Policy:
    """The law's bare hours, without the house's margin."""
    debt = shipped.purposes[Purpose.DEBT].model_copy(update={"margin_min": 0})
    return shipped.model_copy(update={"purposes": {**shipped.purposes, Purpose.DEBT: debt}})


def window(start: str, end: str) -> Window:
    return Window.model_validate({"from": start, "to": end})


def opened(
    policy: Policy,
    purpose: Purpose,
    day: date,
    offsets: tuple[int, ...],
    campaign: Window | None = None,
    *,
    now: datetime = LONG_AGO,
    min_minutes_left: int = 30,
) -> Opening | Closed:
    return opening(policy, purpose, day, offsets, campaign, now=now, min_minutes_left=min_minutes_left)


def moscow(found: Opening | Closed) -> str:
    assert isinstance(found, Opening), found
    return " ".join(f"{moment.astimezone(MSK):%H:%M}" for moment in (found.starts_at, found.ends_at))


@pytest.mark.parametrize(
    ("purpose", "day", "offsets", "hours"),
    [
        ("debt", FRIDAY, (MOSCOW,), "08:00 22:00"),
        ("debt", SATURDAY, (MOSCOW,), "09:00 20:00"),
        ("debt", FRIDAY, (VLADIVOSTOK,), "01:00 15:00"),
        ("debt", FRIDAY, (KALININGRAD,), "09:00 23:00"),
        ("survey", FRIDAY, (VLADIVOSTOK,), "03:00 13:00"),
        ("survey", FRIDAY, (KALININGRAD,), "11:00 21:00"),
        ("service", SATURDAY, (MOSCOW,), "10:00 19:00"),
        ("advertising", SATURDAY, (MOSCOW,), "11:00 18:00"),
        # the safe windows that the rules compute for all eleven zones
        ("debt", FRIDAY, ALL_OFFSETS, "09:00 13:00"),
        ("debt", SATURDAY, ALL_OFFSETS, "10:00 11:00"),
        # a region in two zones: the hours that both share
        ("survey", FRIDAY, (540, 600), "04:00 13:00"),
    ],
)
def test_the_window_in_moscow_time(
    no_margin: Policy, purpose: Purpose, day: date, offsets: tuple[int, ...], hours: str
) -> None:
    assert moscow(opened(no_margin, Purpose(purpose), day, offsets)) == hours


def test_ten_to_eight_in_all_zones_at_once_is_never(shipped: Policy) -> None:
    assert opened(shipped, Purpose.SURVEY, FRIDAY, ALL_OFFSETS) is Closed.UNKNOWN_ZONE


def test_ten_past_nine_to_ten_to_eight_leaves_forty_minutes(no_margin: Policy) -> None:
    found = opened(no_margin, Purpose.DEBT, FRIDAY, ALL_OFFSETS, window("09:10", "19:50"))
    assert isinstance(found, Opening)
    assert found.ends_at - found.starts_at == timedelta(minutes=40)


def test_a_safe_window_shorter_than_the_least_useful_time_is_no_window(no_margin: Policy) -> None:
    found = opened(no_margin, Purpose.DEBT, SATURDAY, ALL_OFFSETS, min_minutes_left=61)
    assert found is Closed.UNKNOWN_ZONE


def test_the_margin_is_cut_from_both_ends(shipped: Policy) -> None:
    assert moscow(opened(shipped, Purpose.DEBT, FRIDAY, (MOSCOW,))) == "08:10 21:50"


def test_unknown_zones_may_be_excluded_altogether(no_margin: Policy) -> None:
    strict = no_margin.model_copy(update={"unknown_zone": "exclude"})
    assert opened(strict, Purpose.DEBT, FRIDAY, ALL_OFFSETS) is Closed.UNKNOWN_ZONE
    assert moscow(opened(strict, Purpose.DEBT, FRIDAY, (540, 600))) == "02:00 15:00"


@pytest.mark.parametrize(
    "day",
    [
        WORKING_SATURDAY,  # a working day by decree, yet a Saturday to the people called
        date(2027, 2, 22),  # day off moved from that Saturday
        date(2026, 12, 31),  # moved from a January Sunday
        date(2027, 11, 5),
        date(2027, 1, 5),  # New Year's holidays
        date(2027, 5, 10),  # Victory Day fell on a Sunday
        date(2026, 11, 22),
    ],
)
def test_days_off_have_the_narrower_window(no_margin: Policy, day: date) -> None:
    assert moscow(opened(no_margin, Purpose.DEBT, day, (MOSCOW,))) == "09:00 20:00"


@pytest.mark.parametrize("day", [date(2027, 2, 19), date(2026, 12, 30), date(2027, 11, 8)])
def test_working_days_next_to_days_off_have_the_full_window(no_margin: Policy, day: date) -> None:
    assert moscow(opened(no_margin, Purpose.DEBT, day, (MOSCOW,))) == "08:00 22:00"


def test_a_regional_day_off_binds_its_zone_and_every_uncertain_zone_with_it(no_margin: Policy) -> None:
    day = date(2026, 5, 27)
    assert moscow(opened(no_margin, Purpose.DEBT, day, (UFA,))) == "07:00 18:00"
    assert moscow(opened(no_margin, Purpose.DEBT, day, (MOSCOW,))) == "08:00 22:00"
    both = opened(no_margin, Purpose.DEBT, day, (MOSCOW, UFA))
    assert moscow(both) == "08:00 18:00"
    assert isinstance(both, Opening)
    assert (both.local_from, both.local_to) == (time(9), time(20))


def test_the_kind_of_day_is_the_subscribers(no_margin: Policy) -> None:
    """At 23:30 on a Moscow Friday it is Saturday in Vladivostok: planned for that Saturday, Saturday's hours hold."""
    now = datetime(2026, 11, 20, 23, 30, tzinfo=MSK)
    found = opened(no_margin, Purpose.DEBT, SATURDAY, (VLADIVOSTOK,), now=now)
    assert isinstance(found, Opening)
    assert (found.local_from, found.local_to) == (time(9), time(20))
    assert found.starts_at == datetime(2026, 11, 20, 23, 0, tzinfo=UTC)
    assert opened(no_margin, Purpose.DEBT, FRIDAY, (VLADIVOSTOK,), now=now) is Closed.WINDOW_OVER


def test_noon_in_moscow_leaves_vladivostok_one_hour(shipped: Policy) -> None:
    noon = datetime(2026, 11, 20, 12, 0, tzinfo=MSK)
    found = opened(shipped, Purpose.SURVEY, FRIDAY, (VLADIVOSTOK,), now=noon)
    assert moscow(found) == "12:10 13:00"
    assert isinstance(found, Opening)
    assert (found.local_from, found.local_to) == (time(10), time(20))


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        (datetime(2026, 11, 20, 19, 20, tzinfo=MSK), "19:30 20:00"),
        (datetime(2026, 11, 20, 19, 20, 0, 1, tzinfo=MSK), None),
        (datetime(2026, 11, 20, 19, 19, 1, tzinfo=MSK), "19:30 20:00"),
        (datetime(2026, 11, 20, 19, 55, tzinfo=MSK), None),
        (datetime(2026, 11, 21, 3, 0, tzinfo=MSK), None),
        (datetime(2026, 11, 20, 9, 45, tzinfo=MSK), "10:00 20:00"),
    ],
)
def test_a_window_that_is_nearly_over_is_over(shipped: Policy, now: datetime, hours: str | None) -> None:
    found = opened(shipped, Purpose.SURVEY, FRIDAY, (MOSCOW,), now=now)
    assert found is Closed.WINDOW_OVER if hours is None else moscow(found) == hours


def test_a_campaign_window_narrows_the_policys(shipped: Policy) -> None:
    assert moscow(opened(shipped, Purpose.SURVEY, FRIDAY, (MOSCOW,), window("12:00", "15:30"))) == "12:00 15:30"
    assert moscow(opened(shipped, Purpose.SURVEY, SATURDAY, (MOSCOW,), window("10:00", "15:30"))) == "11:00 15:30"


def test_an_evening_campaign_has_no_hours_on_a_day_off(shipped: Policy) -> None:
    assert opened(shipped, Purpose.SURVEY, SATURDAY, (MOSCOW,), window("18:30", "20:00")) is Closed.WINDOW_EMPTY


@pytest.mark.parametrize(("start", "end"), [("09:59", "12:00"), ("12:00", "20:01")])
def test_a_campaign_window_never_widens_the_policys(shipped: Policy, start: str, end: str) -> None:
    with pytest.raises(PolicyError) as refused:
        check_window(shipped, Purpose.SURVEY, window(start, end), "autumn")
    sentence = str(refused.value)
    assert f"campaign autumn: window {start}–{end} reaches outside 10:00–20:00" in sentence
    assert "policy.yaml (purposes.survey.window.workday)" in sentence
    assert "narrow `window` in the campaign file" in sentence


def test_a_campaign_window_inside_the_policys_passes(shipped: Policy) -> None:
    check_window(shipped, Purpose.SURVEY, window("10:00", "20:00"), "autumn")
    check_window(shipped, Purpose.SURVEY, None, "autumn")
