"""When the people of a zone may be called: one UTC interval that is a legal hour at every candidate offset.

Pure: the moment of planning is an argument. Offsets are minutes east of UTC, call dates are subscriber-local.
Rules: hours by purpose and kind of day, the intersection ("safe window") where the zone is not certain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum

from obzvon.campaigns.spec import Purpose, Window
from obzvon.errors import PolicyError
from obzvon.ledger.keys import ALL_OFFSETS
from obzvon.policy.calendar import day_off
from obzvon.policy.model import Policy, Range


@dataclass(frozen=True, slots=True)
class Opening:
    """The interval in which a zone may be called.

    `starts_at` and `ends_at` are UTC and already exclude the past. `local_from` and `local_to` are the subscriber's
    hours that hold at every candidate offset, whatever the moment of planning.
    """

    starts_at: datetime
    ends_at: datetime
    local_from: time
    local_to: time


class Closed(StrEnum):
    """Why a zone cannot be called at all; the reason stored with its contacts."""

    WINDOW_OVER = "window_over"
    WINDOW_EMPTY = "window_empty"
    UNKNOWN_ZONE = "unknown_zone"


def check_window(policy: Policy, purpose: Purpose, campaign: Window | None, name: str) -> None:
    """Refuse (PolicyError) a campaign window that reaches outside the purpose's hours on a working day.

    The narrower hours of days off are no error: on those days the campaign is cut to them.
    """
    start, end = policy.rules(purpose).window.workday
    if campaign and (campaign.start < start or campaign.end > end):
        raise PolicyError(
            f"campaign {name}: window {_hours((campaign.start, campaign.end))} reaches outside {_hours((start, end))}, "
            f"which {policy.source} (purposes.{purpose}.window.workday) allows: narrow `window` in the campaign file"
        )


def opening(
    policy: Policy,
    purpose: Purpose,
    call_date: date,
    offsets: Sequence[int],
    campaign: Window | None,
    *,
    now: datetime,
    min_minutes_left: int,
) -> Opening | Closed:
    """The interval for contacts who may be at any of `offsets`, or why there is none.

    An interval shorter than `min_minutes_left` is no interval. Nothing starts before `now` + the policy's `lead_min`,
    rounded up to the minute.
    """
    if _unknown(offsets) and policy.unknown_zone == "exclude":
        return Closed.UNKNOWN_ZONE
    hours = [local_hours(policy, purpose, call_date, offset, campaign) for offset in offsets]
    starts_at = max(_moment(call_date, start, offset) for (start, _), offset in zip(hours, offsets, strict=True))
    ends_at = min(_moment(call_date, end, offset) for (_, end), offset in zip(hours, offsets, strict=True))
    needed = timedelta(minutes=max(min_minutes_left, 1))
    if ends_at - starts_at < needed:
        return Closed.UNKNOWN_ZONE if _unknown(offsets) else Closed.WINDOW_EMPTY
    starts_at = max(starts_at, _whole_minute(now + timedelta(minutes=policy.lead_min)))
    if ends_at - starts_at < needed:
        return Closed.WINDOW_OVER
    return Opening(starts_at, ends_at, max(start for start, _ in hours), min(end for _, end in hours))


def local_hours(policy: Policy, purpose: Purpose, day: date, offset: int, campaign: Window | None) -> Range:
    """Subscriber-local (from, to) on this date at one offset; `from` is not before `to` when nothing is left."""
    rules = policy.rules(purpose)
    start, end = rules.window.dayoff if day_off(policy, day, offset) else rules.window.workday
    start, end = _shifted(start, rules.margin_min), _shifted(end, -rules.margin_min)
    return (max(start, campaign.start), min(end, campaign.end)) if campaign else (start, end)


def _unknown(offsets: Sequence[int]) -> bool:
    return set(offsets) >= set(ALL_OFFSETS)


def _moment(day: date, clock: time, offset: int) -> datetime:
    return datetime.combine(day, clock, timezone(timedelta(minutes=offset))).astimezone(UTC)


def _shifted(clock: time, minutes: int) -> time:
    return (datetime.combine(date.min, clock, UTC) + timedelta(days=1, minutes=minutes)).time()


def _whole_minute(moment: datetime) -> datetime:
    floor = moment.astimezone(UTC).replace(second=0, microsecond=0)
    return floor if floor == moment else floor + timedelta(minutes=1)


def _hours(hours: Range) -> str:
    return f"{hours[0]:%H:%M}–{hours[1]:%H:%M}"
