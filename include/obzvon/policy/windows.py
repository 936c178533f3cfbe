"""When the people of a zone may be called: one UTC interval that is a legal hour at every candidate offset.

Pure: the moment of planning is an argument. Offsets are minutes east of UTC, call dates are subscriber-local.
Rules: hours by purpose and kind of day, the intersection ("safe window") where the zone is not certain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum

from obzvon.campaigns.spec import Hours, Purpose, WhenLate, Window
from obzvon.ledger.keys import ALL_OFFSETS
from obzvon.policy.calendar import day_off, knows
from obzvon.policy.model import Policy, Range, Rules

#: How far `when_late: next_day` looks.
DAYS_AHEAD = 7


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
    DAY_OFF_CLOSED = "day_off_closed"
    UNKNOWN_ZONE = "unknown_zone"


def window_faults(policy: Policy, purpose: Purpose, campaign: Window | None) -> list[tuple[str, str]]:
    """(key, what is wrong and the cure) for each kind of day on which a campaign's window leaves the purpose's hours.

    Nothing is cut in silence: whoever writes 12–20 for days off that end at 18 believes that people are called till 20.
    """
    if campaign is None:
        return []
    allowed, faults = policy.rules(purpose).window, list[tuple[str, str]]()
    start, end = allowed.workday
    if campaign.start < start or campaign.end > end:
        where = f"{policy.source} (purposes.{purpose}.window.workday)"
        faults.append(("window", f"{_beyond('window', campaign, allowed.workday)} {where} allows: narrow `window`"))
    dayoff, (start, end) = campaign.hours(day_off=True), allowed.dayoff
    if dayoff is not None and (dayoff.start < start or dayoff.end > end):
        where = f"{policy.source} (purposes.{purpose}.window.dayoff)"
        name, cure = ("window", "give") if campaign.dayoff is None else ("window.dayoff", "narrow")
        example = _example(policy, purpose, dayoff)
        cure = f"{cure} window.dayoff, e.g. {example}, or dayoff: closed" if example else "say dayoff: closed"
        faults.append((name, f"{_beyond(name, dayoff, allowed.dayoff)} {where} allows on days off: {cure}"))
    return faults


def opening_or_next(
    policy: Policy,
    purpose: Purpose,
    call_date: date,
    offsets: Sequence[int],
    campaign: Window | None,
    *,
    now: datetime,
    min_minutes_left: int,
    when_late: WhenLate,
) -> tuple[Opening | Closed, date]:
    """The opening of `call_date` and that date; for `next_day`, when it is too late, the next opening and its date.

    The next one lies at most 7 days on; on every date that date's rules hold. A debt campaign does not go on into a
    year whose days off the calendar does not know. Where there is no next one, `call_date` stays closed.
    """

    def on(day: date) -> Opening | Closed:
        return opening(policy, purpose, day, offsets, campaign, now=now, min_minutes_left=min_minutes_left)

    asked = on(call_date)
    if asked is not Closed.WINDOW_OVER or when_late != "next_day":
        return asked, call_date
    for day in (call_date + timedelta(days=number) for number in range(1, DAYS_AHEAD + 1)):
        if purpose is Purpose.DEBT and not knows(day.year):
            break
        if isinstance(found := on(day), Opening):
            return found, day
    return asked, call_date


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
    asked = [local_hours(policy, purpose, call_date, offset, campaign) for offset in offsets]
    hours = [found for found in asked if found is not None]
    if len(hours) < len(asked):
        return Closed.DAY_OFF_CLOSED
    # a day off at one place only: the vendor is told one pair of hours, so it has to be legal at every place
    local_from, local_to = max(start for start, _ in hours), min(end for _, end in hours)
    starts_at = max(_moment(call_date, local_from, offset) for offset in offsets)
    ends_at = min(_moment(call_date, local_to, offset) for offset in offsets)
    needed = timedelta(minutes=max(min_minutes_left, 1))
    if ends_at - starts_at < needed:
        return Closed.UNKNOWN_ZONE if _unknown(offsets) else Closed.WINDOW_EMPTY
    starts_at = max(starts_at, _whole_minute(now + timedelta(minutes=policy.lead_min)))
    if ends_at - starts_at < needed:
        return Closed.WINDOW_OVER
    return Opening(starts_at, ends_at, local_from, local_to)


def local_hours(policy: Policy, purpose: Purpose, day: date, offset: int, campaign: Window | None) -> Range | None:
    """Subscriber-local (from, to) on this date at one offset; `from` is not before `to` when nothing is left.

    None: it is a day off, and the campaign calls nobody on days off.
    """
    rules, off = policy.rules(purpose), day_off(policy, day, offset)
    start, end = inner(rules, day_off=off)
    if campaign is None:
        return start, end
    hours = campaign.hours(day_off=off)
    return None if hours is None else (max(start, hours.start), min(end, hours.end))


def inner(rules: Rules, *, day_off: bool) -> Range:
    """The hours of a kind of day, less the margin at both ends."""
    start, end = rules.window.dayoff if day_off else rules.window.workday
    return _shifted(start, rules.margin_min), _shifted(end, -rules.margin_min)


def _unknown(offsets: Sequence[int]) -> bool:
    return set(offsets) >= set(ALL_OFFSETS)


def _moment(day: date, clock: time, offset: int) -> datetime:
    return datetime.combine(day, clock, timezone(timedelta(minutes=offset))).astimezone(UTC)


def _shifted(clock: time, minutes: int) -> time:
    return (datetime.combine(date.min, clock, UTC) + timedelta(days=1, minutes=minutes)).time()


def _whole_minute(moment: datetime) -> datetime:
    floor = moment.astimezone(UTC).replace(second=0, microsecond=0)
    return floor if floor == moment else floor + timedelta(minutes=1)


def _beyond(name: str, hours: Hours, allowed: Range) -> str:
    return f"{name} {_written((hours.start, hours.end))} reaches outside {_written(allowed)}, which"


def _example(policy: Policy, purpose: Purpose, hours: Hours) -> str:
    """What is left of these hours on a day off, as the file would say it; empty when nothing is."""
    start, end = inner(policy.rules(purpose), day_off=True)
    start, end = max(start, hours.start), min(end, hours.end)
    return f'{{from: "{_clock(start)}", to: "{_clock(end)}"}}' if start < end else ""


def _written(hours: Range) -> str:
    """Hours for a person, and in seconds after midnight as a vendor may count them."""
    start, end = ((clock.hour * 60 + clock.minute) * 60 + clock.second for clock in hours)
    return f"{_clock(hours[0])}–{_clock(hours[1])} ({start}–{end} s of the day)"


def _clock(clock: time) -> str:
    return f"{clock:%H:%M:%S}" if clock.second else f"{clock:%H:%M}"
