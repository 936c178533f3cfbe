"""The oracle: who may be called and the first reason why not, written again in plain Python.

It shares no code with the plan: rows are looked at one by one, what happened is a list. The rules in their order:
validity, consent, suppression by phone or person, one phone once, an earlier campaign that is not over, another
campaign on that day by phone or person, caps by phone and then by person, the window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

#: Minutes east of UTC of every Russian zone.
EVERYWHERE = frozenset(60 * hours for hours in range(2, 13))
#: (month, day) of the statutory holidays.
HOLIDAYS = {(1, n) for n in range(1, 9)} | {(2, 23), (3, 8), (5, 1), (5, 9), (6, 12), (11, 4)}
LEAD, RECALL_DAYS, DAYS_AHEAD = timedelta(minutes=10), 3, 7
Reason = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a list, as whoever wrote the list means it. `bad` is the reason of a phone that nobody can call."""

    number: int
    phone: str | None
    person: str | None
    offsets: frozenset[int]
    bad: str | None = None
    consent_date: date | None = None
    consent_ref: str | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What one purpose allows. Hours are (from, to); `day_off` None: nobody is called on days off."""

    workday: tuple[time, time]
    day_off: tuple[time, time] | None
    consent: bool
    day: int
    week: int
    month: int
    rolling: bool
    answered: bool
    by_phone: bool
    by_person: bool
    one_campaign: bool
    unknown_zone: bool
    regional: frozenset[tuple[int, date]]


@dataclass(frozen=True, slots=True)
class Ask:
    """A plan to be: `dials` are the worst case of one contact, on the day and in all."""

    campaign: str
    purpose: str
    call_date: date
    now: datetime
    dials_a_day: int
    dials: int
    min_minutes: int
    next_day: bool
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Opening:
    """When a row may be called (UTC), on which local date."""

    day: date
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Suppression:
    """Somebody is not to be called for a purpose, `*` for any, from one moment to another."""

    phone: str
    person: str | None
    purpose: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent of the register."""

    phone: str
    purpose: str
    given_on: date
    until: date | None = None


@dataclass(slots=True)
class Use:
    """What a campaign dialled, or may dial, of one phone on one date.

    `held` is the worst case and gives way to `dials` when the reports are in. `sent` says that the vendor has it.
    """

    phone: str
    person: str | None
    campaign: str
    purpose: str
    day: date
    held: int
    ends_at: datetime
    sent: bool = False
    dials: int = 0
    answered: int = 0

    def counts(self, answered: bool) -> int:
        return max(self.held, self.answered if answered else self.dials)


@dataclass(slots=True)
class Book:
    """Everything that is known when a plan is made."""

    suppressions: list[Suppression] = field(default_factory=list)
    consents: list[Consent] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)

    def suppressed(self, row: Row, purpose: str, now: datetime, last_call: datetime) -> bool:
        return any(
            (s.phone == row.phone or (s.person is not None and s.person == row.person))
            and s.purpose in ("*", purpose)
            and s.since <= last_call
            and (s.until is None or s.until > now)
            for s in self.suppressions
        )

    def consented(self, phone: str, purpose: str, day: date, last_day: date) -> bool:
        return any(
            c.phone == phone
            and c.purpose in ("*", purpose)
            and c.given_on <= day
            and (c.until is None or c.until >= last_day)
            for c in self.consents
        )

    def forget_unsent(self, now: datetime) -> None:
        """What was planned and never sent is nothing any more when its window is over."""
        for use in self.uses:
            if not use.sent and use.ends_at <= now:
                use.held = 0

    def of(self, same: Callable[[Use], bool]) -> list[Use]:
        return [use for use in self.uses if same(use)]


def opening(rules: Rules, offsets: frozenset[int], day: date, now: datetime, min_minutes: int) -> Opening | str:
    """When people who may be at any of these offsets may be called on a local date, or why not."""
    unknown = offsets == EVERYWHERE
    if unknown and not rules.unknown_zone:
        return "unknown_zone"
    found = [rules.day_off if is_day_off(rules, day, offset) else rules.workday for offset in offsets]
    hours = [each for each in found if each is not None]
    if len(hours) < len(found):
        return "day_off_closed"
    # a day off at one of the places only: the hours are those that are legal by the clock of each
    opens, closes = max(each[0] for each in hours), min(each[1] for each in hours)
    midnights = [datetime.combine(day, time(0), UTC) - timedelta(minutes=offset) for offset in offsets]
    start = max(midnights) + _since_midnight(opens)
    end = min(midnights) + _since_midnight(closes)
    needed = timedelta(minutes=min_minutes)
    if end - start < needed:
        return "unknown_zone" if unknown else "window_empty"
    start = max(start, now + LEAD)
    if end - start < needed:
        return "window_over"
    return Opening(day, start, end)


def is_day_off(rules: Rules, day: date, offset: int) -> bool:
    return day.weekday() >= 5 or (day.month, day.day) in HOLIDAYS or (offset, day) in rules.regional


def decide(ask: Ask, rules: Rules, book: Book) -> tuple[dict[int, Reason], dict[int, Opening]]:
    """(row number → first reason of those who are not called, row number → opening of those who are)."""
    book.forget_unsent(ask.now)
    found = {row.number: _opening(ask, rules, row) for row in ask.rows if row.phone}
    last_call = max((o.ends_at for o in found.values() if isinstance(o, Opening)), default=ask.now)
    excluded: dict[int, Reason] = {}
    called: dict[int, Opening] = {}
    phones: set[str] = set()
    callable_rows: dict[str, int] = {}
    for row in ask.rows:
        place = found.get(row.number)
        day = place.day if isinstance(place, Opening) else ask.call_date
        clear = _clear(row, ask, rules, book, day, last_call, phones)
        if clear or row.phone is None:
            excluded[row.number] = clear or ("EXCL_INVALID", row.bad or "empty")
            continue
        reason = _busy(row, ask, rules, book, day) or _caps(row, ask, rules, book, day, 1)
        if reason is None and not isinstance(place, Opening):
            reason = ("EXCL_WINDOW", place)
        if reason is None and row.person:
            nth = callable_rows[row.person] = callable_rows.get(row.person, 0) + 1
            reason = _caps(row, ask, rules, book, day, nth)
        if reason:
            excluded[row.number] = reason
        else:
            assert isinstance(place, Opening)
            called[row.number] = place
    return excluded, called


def _opening(ask: Ask, rules: Rules, row: Row) -> Opening | str:
    first = opening(rules, row.offsets, ask.call_date, ask.now, ask.min_minutes)
    if first != "window_over" or not ask.next_day:
        return first
    for number in range(1, DAYS_AHEAD + 1):
        later = opening(rules, row.offsets, ask.call_date + timedelta(days=number), ask.now, ask.min_minutes)
        if isinstance(later, Opening):
            return later
    return first


def _clear(
    row: Row, ask: Ask, rules: Rules, book: Book, day: date, last_call: datetime, phones: set[str]
) -> Reason | None:
    if row.phone is None:
        return ("EXCL_INVALID", row.bad or "empty")
    in_list = row.consent_date is not None and row.consent_date <= ask.call_date and row.consent_ref is not None
    last_day = day + timedelta(days=1) if ask.dials > ask.dials_a_day else day
    if rules.consent and not in_list and not book.consented(row.phone, ask.purpose, ask.call_date, last_day):
        if row.consent_date is None:
            return ("EXCL_NO_CONSENT", "no_consent")
        late = row.consent_date > ask.call_date
        return ("EXCL_NO_CONSENT", "consent_after_call_date" if late else "consent_without_proof")
    if book.suppressed(row, ask.purpose, ask.now, last_call):
        return ("EXCL_DNC", "suppressed")
    if row.phone in phones:
        return ("EXCL_DUPLICATE", "duplicate_phone")
    phones.add(row.phone)
    return None


def _busy(row: Row, ask: Ask, rules: Rules, book: Book, day: date) -> Reason | None:
    of_phone, of_person = _uses(row, book)
    before = range(1, RECALL_DAYS + 1)
    if any(u.sent and u.held and (ask.call_date - u.day).days in before for u in (*of_phone, *of_person)):
        return ("EXCL_DUPLICATE", "not_final_yet")
    if not rules.one_campaign:
        return None
    for uses, reason in ((of_phone, "other_campaign_phone"), (of_person, "other_campaign_person")):
        if any(u.day == day and max(u.held, u.dials) for u in uses):
            return ("EXCL_DUPLICATE", reason)
    return None


def _caps(row: Row, ask: Ask, rules: Rules, book: Book, day: date, nth: int) -> Reason | None:
    """The first cap that the nth row of the person would break; for the phone a row is always the first."""
    of_phone, of_person = _uses(row, book)
    checks = [(of_phone, 1, "phone")] if rules.by_phone and nth == 1 else []
    checks += [(of_person, nth, "person")] if rules.by_person and row.person else []
    for uses, rows, whose in checks:
        for period, cap, dials in (
            ("day", rules.day, ask.dials_a_day),
            ("week", rules.week, ask.dials),
            ("month", rules.month, ask.dials),
        ):
            same = [u for u in uses if u.purpose == ask.purpose]
            if most(same, period, day, rules) + rows * dials > cap:
                return ("EXCL_CAP", f"cap_{period}_{whose}")
    return None


def most(uses: Sequence[Use], period: str, day: date, rules: Rules) -> int:
    """Dials in the day, the calendar month, the calendar week, or the fullest seven days in a row that hold it."""
    return max(
        sum(use.counts(rules.answered) for use in uses if inside(use.day)) for inside in _periods(period, day, rules)
    )


def _periods(period: str, day: date, rules: Rules) -> Iterator[Callable[[date], bool]]:
    if period == "day":
        yield lambda other: other == day
    elif period == "month":
        yield lambda other: (other.year, other.month) == (day.year, day.month)
    elif not rules.rolling:
        yield lambda other: other.isocalendar()[:2] == day.isocalendar()[:2]
    else:
        for back in range(7):
            yield lambda other, back=back: 0 <= (other - day).days + back <= 6  # type: ignore[misc]


def _uses(row: Row, book: Book) -> tuple[list[Use], list[Use]]:
    of_phone = book.of(lambda use: use.phone == row.phone)
    return of_phone, book.of(lambda use: row.person is not None and use.person == row.person)


def _since_midnight(clock: time) -> timedelta:
    return timedelta(hours=clock.hour, minutes=clock.minute)


def too_many(uses: Iterable[Use], rules: Rules) -> list[str]:
    """Caps that what was really dialled breaks: every period of every phone and person, for one purpose."""
    broken = []
    keys: list[tuple[str, Callable[[Use], Any]]] = []
    keys += [("phone", lambda use: use.phone)] if rules.by_phone else []
    keys += [("person", lambda use: use.person)] if rules.by_person else []
    uses = list(uses)
    for whose, key in keys:
        for who in {key(use) for use in uses} - {None}:
            mine = [use for use in uses if key(use) == who]
            for use in mine:
                for period, cap in (("day", rules.day), ("week", rules.week), ("month", rules.month)):
                    if most(mine, period, use.day, rules) > cap:
                        broken.append(f"{whose} {period} {use.day}: more than {cap}")
    return broken
