"""When a zone may be called, by the numbers of the policy file that ships."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from obzvon.campaigns.spec import Purpose, Window
from obzvon.ledger.keys import ALL_OFFSETS
from obzvon.policy.calendar import knows
from obzvon.policy.model import Policy, load_policy
from obzvon.policy.windows import Closed, Opening, opening, opening_or_next, window_faults

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


def window(start: str, end: str, *dayoff: str) -> Window:
    """A campaign's window; `dayoff` is nothing, `closed`, or from and to."""
    off = {"from": dayoff[0], "to": dayoff[1]} if len(dayoff) == 2 else "".join(dayoff) or None
    return Window.model_validate({"from": start, "to": end, "dayoff": off})


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
    # one pair of hours for both, for the vendor is told one: 09:00-20:00 by either clock
    assert moscow(both) == "09:00 18:00"
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
    campaign = window("12:00", "15:30", "12:30", "17:00")
    assert moscow(opened(shipped, Purpose.SURVEY, FRIDAY, (MOSCOW,), campaign)) == "12:00 15:30"
    assert moscow(opened(shipped, Purpose.SURVEY, SATURDAY, (MOSCOW,), campaign)) == "12:30 17:00"


def test_without_hours_for_days_off_the_same_hours_hold_on_them(shipped: Policy) -> None:
    assert moscow(opened(shipped, Purpose.SURVEY, SATURDAY, (MOSCOW,), window("12:00", "15:30"))) == "12:00 15:30"


def test_the_margin_holds_for_a_campaigns_own_hours_too(shipped: Policy) -> None:
    campaign = window("08:00", "22:00", "09:00", "20:00")
    assert moscow(opened(shipped, Purpose.DEBT, FRIDAY, (MOSCOW,), campaign)) == "08:10 21:50"
    assert moscow(opened(shipped, Purpose.DEBT, SATURDAY, (MOSCOW,), campaign)) == "09:10 19:50"


def test_a_campaign_may_call_nobody_on_days_off(shipped: Policy) -> None:
    campaign = window("18:30", "20:00", "closed")
    assert moscow(opened(shipped, Purpose.SURVEY, FRIDAY, (MOSCOW,), campaign)) == "18:30 20:00"
    assert opened(shipped, Purpose.SURVEY, SATURDAY, (MOSCOW,), campaign) is Closed.DAY_OFF_CLOSED


def test_a_day_off_at_one_possible_zone_closes_them_all(no_margin: Policy) -> None:
    day, campaign = date(2026, 5, 27), window("10:00", "18:00", "closed")  # a day off in Ufa only
    assert moscow(opened(no_margin, Purpose.DEBT, day, (MOSCOW,), campaign)) == "10:00 18:00"
    assert opened(no_margin, Purpose.DEBT, day, (MOSCOW, UFA), campaign) is Closed.DAY_OFF_CLOSED


@pytest.mark.parametrize(("start", "end"), [("09:59", "12:00"), ("12:00", "20:01")])
def test_a_campaign_window_never_widens_the_policys(shipped: Policy, start: str, end: str) -> None:
    ((key, sentence),) = window_faults(shipped, Purpose.SURVEY, window(start, end, "closed"))
    assert key == "window"
    assert f"window {start}–{end} (" in sentence
    assert "reaches outside 10:00–20:00 (36000–72000 s of the day)" in sentence
    assert "policy.yaml (purposes.survey.window.workday) allows: narrow `window`" in sentence


def test_hours_that_are_illegal_on_days_off_are_refused_and_not_cut(shipped: Policy) -> None:
    """The hours of TWIN's own example; on working days they are legal."""
    ((key, sentence),) = window_faults(shipped, Purpose.DEBT, window("09:01:40", "21:56:40"))
    assert key == "window"
    assert sentence.startswith(
        "window 09:01:40–21:56:40 (32500–79000 s of the day) reaches outside 09:00–20:00 (32400–72000 s of the day), "
    )
    assert sentence.endswith(
        "policy.yaml (purposes.debt.window.dayoff) allows on days off: give window.dayoff, "
        'e.g. {from: "09:10", to: "19:50"}, or dayoff: closed'
    )


def test_an_evening_window_can_only_be_closed_on_days_off(shipped: Policy) -> None:
    ((_, sentence),) = window_faults(shipped, Purpose.SURVEY, window("18:30", "20:00"))
    assert sentence.endswith("allows on days off: say dayoff: closed")


def test_hours_for_days_off_may_not_widen_them(shipped: Policy) -> None:
    ((key, sentence),) = window_faults(shipped, Purpose.SURVEY, window("12:00", "15:00", "10:00", "15:00"))
    assert key == "window.dayoff"
    assert "window.dayoff 10:00–15:00 (36000–54000 s of the day) reaches outside 11:00–18:00" in sentence
    assert 'narrow window.dayoff, e.g. {from: "11:00", to: "15:00"}, or dayoff: closed' in sentence


@pytest.mark.parametrize(
    "campaign",
    [None, window("11:00", "18:00"), window("10:00", "20:00", "closed"), window("10:00", "20:00", "11:00", "18:00")],
)
def test_a_campaign_window_inside_the_policys_passes(shipped: Policy, campaign: Window | None) -> None:
    assert window_faults(shipped, Purpose.SURVEY, campaign) == []


def late(
    policy: Policy, day: date, when_late: str, campaign: Window | None = None, **given: Any
) -> tuple[Opening | Closed, date]:
    """What is found for Moscow on the evening of `day`, when its window is over; `given` replaces parts."""
    values = {"now": datetime(day.year, day.month, day.day, 21, 30, tzinfo=MSK), "purpose": Purpose.SURVEY} | given
    return opening_or_next(
        policy, values["purpose"], day, (MOSCOW,), campaign, now=values["now"], min_minutes_left=30, when_late=when_late
    )


def test_who_is_late_is_refused_unless_the_campaign_says_next_day(shipped: Policy) -> None:
    assert late(shipped, FRIDAY, "refuse") == (Closed.WINDOW_OVER, FRIDAY)


def test_the_next_day_has_the_hours_of_its_own_kind(shipped: Policy) -> None:
    found, day = late(shipped, FRIDAY, "next_day")
    assert (day, moscow(found)) == (SATURDAY, "11:00 18:00")
    found, day = late(shipped, date(2026, 11, 22), "next_day")
    assert (day, moscow(found)) == (date(2026, 11, 23), "10:00 20:00")


def test_days_on_which_the_campaign_is_closed_are_passed_over(shipped: Policy) -> None:
    found, day = late(shipped, FRIDAY, "next_day", window("18:30", "20:00", "closed"))
    assert (day, moscow(found)) == (date(2026, 11, 23), "18:30 20:00")


def test_a_window_still_open_stays_on_its_date(shipped: Policy) -> None:
    noon = datetime(2026, 11, 20, 12, 0, tzinfo=MSK)
    found, day = late(shipped, FRIDAY, "next_day", now=noon)
    assert (day, moscow(found)) == (FRIDAY, "12:10 20:00")


def test_a_date_on_which_nobody_is_called_anyway_is_not_late(shipped: Policy) -> None:
    closed = window("10:00", "18:00", "closed")
    assert late(shipped, SATURDAY, "next_day", closed) == (Closed.DAY_OFF_CLOSED, SATURDAY)


def test_no_opening_within_a_week_leaves_the_date_closed(shipped: Policy) -> None:
    """The eleven days of the New Year are all days off."""
    last = date(2026, 12, 30)
    found = late(shipped, last, "next_day", window("10:00", "20:00", "closed"))
    assert found == (Closed.WINDOW_OVER, last)


def test_debt_does_not_go_on_into_a_year_whose_days_off_nobody_knows(shipped: Policy) -> None:
    year = next(year for year in range(2027, 2100) if not knows(year))
    last = date(year - 1, 12, 31)
    evening = datetime(year - 1, 12, 31, 22, 30, tzinfo=MSK)
    assert late(shipped, last, "next_day", purpose=Purpose.DEBT, now=evening) == (Closed.WINDOW_OVER, last)
    assert late(shipped, last, "next_day", now=evening)[1] == date(year, 1, 1)
