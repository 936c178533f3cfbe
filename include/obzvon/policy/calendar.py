"""Working days and days off, by the subscriber's local date.

Federal days off and transfers are those of the `holidays` package (Russia), which follows the yearly government
decree. Saturdays and Sundays always count as days off, working Saturdays included: the stricter window.
"""

from __future__ import annotations

import logging
from datetime import date
from functools import cache

import holidays

from obzvon.campaigns.spec import Purpose
from obzvon.errors import PolicyError
from obzvon.policy.model import Policy

log = logging.getLogger(__name__)


@cache
def _russia() -> holidays.HolidayBase:
    return holidays.country_holidays("RU")


def knows(year: int) -> bool:
    """True when the decree with the year's transfers is in the calendar; other years have the statutory days only."""
    return year in _russia().special_public_holidays


def day_off(policy: Policy, day: date, offset: int) -> bool:
    """True when the day-off window applies on this local date at this offset (minutes east of UTC)."""
    regional = any(day in region.days for region in policy.region_days_off if region.offset_min == offset)
    return regional or day.isoweekday() >= 6 or day in _russia()


def check_calendar(purpose: Purpose, day: date) -> None:
    """Refuse debt campaigns in a year whose calendar is not known (PolicyError); warn for the other purposes."""
    if knows(day.year):
        return
    cause = f"the calendar of days off does not know {day.year}"
    if purpose is Purpose.DEBT:
        raise PolicyError(f"{cause}, and a debt campaign may not guess: update the holidays package, then start again")
    log.warning("%s: only statutory holidays and weekends count as days off; update the holidays package", cause)
