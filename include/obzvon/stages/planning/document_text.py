"""The plan's document in words: Markdown for the question in the UI, and a print for the command line.

Both say the same, what a person decides on first: how many, when, for how much, what changed, warnings; then small
tables, and how the plan was made. It fits one screen: reasons are summed up by decision, and of more than `ZONES` zones
the smallest are one row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from itertools import groupby, zip_longest
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from obzvon.dispositions import Disposition
from obzvon.stages.planning.differences import Differences
from obzvon.stages.planning.document import PlanDocument, ZonePart
from obzvon.stages.planning.forecast import Basis, Forecast, History, Span
from obzvon.stages.planning.summary import ExcludedCount

__all__ = ["headline", "markdown", "print_document"]

ZONES, REASONS, SETTINGS, TALL = 12, 6, 8, 5
MOSCOW = ZoneInfo("Europe/Moscow")

#: Why people are not called, beside the code.
WORDS = {
    Disposition.EXCL_INVALID: "no phone to call, or a variable that does not fit",
    Disposition.EXCL_NO_CONSENT: "no proven consent",
    Disposition.EXCL_DNC: "asked not to be called",
    Disposition.EXCL_DUPLICATE: "twice in the list, or with another campaign",
    Disposition.EXCL_CAP: "called as often as the policy allows",
    Disposition.EXCL_WINDOW: "no hours in which they may be called",
}


@dataclass(frozen=True, slots=True)
class _Grid:
    """A small table; the last `numbers` columns are right-aligned."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: int
    short: tuple[int, ...] = ()  # columns that are enough where two rows stand on one line


def headline(document: PlanDocument) -> str:
    """One line: lists cut it off, so the numbers come first and the hash is the end."""
    head, summary = document.head, document.summary
    cost = f", {_span(document.forecast.cost_rub)}" if document.forecast else ""
    return (
        f"Call {_n(summary.contacts_to_call)} contacts by {head.vendor.capitalize()} on {head.call_date:%d.%m.%Y}? "
        f"{head.campaign}: {_n(summary.worst_case_attempts)} dials at most{cost}, plan {document.hash}"
    )


def markdown(document: PlanDocument) -> str:
    """The whole document."""
    head = (f"**{document.head.campaign}**", document.head.title)
    parts = [_markdown_lines(_side_by_side([head, *_facts(document)]), ["---"] * 4)]
    parts += [_markdown_list(title, lines) for title, lines in _news(document)]
    parts += [_markdown_grid(grid) for grid in _grids(document)]
    parts += [_markdown_list("How it was made", list(_made(document)))]
    return "\n\n".join(parts)


def print_document(console: Console, document: PlanDocument) -> None:
    """The same on a console."""
    head = document.head
    console.print(f"{head.campaign}: {head.title}", style="bold", markup=False)
    facts = Table(box=None, show_header=False, pad_edge=False)
    for name, value in _facts(document):
        facts.add_row(name, value)
    console.print(facts)
    for title, lines in _news(document):
        _print_list(console, title, lines)
    for grid in _grids(document):
        console.print(_console_grid(grid))
    _print_list(console, "How it was made", list(_made(document)))


def _facts(document: PlanDocument) -> Iterator[tuple[str, str]]:
    """What a person decides on."""
    head, summary, forecast = document.head, document.summary, document.forecast
    called = f"{_n(summary.contacts_to_call)} of {_n(summary.contacts_total)} contacts"
    yield "To call", f"{called}, {_n(summary.intents)} vendor campaigns of up to {_n(head.chunk_size)}"
    yield "Calls", f"{head.call_date}, {head.purpose}, by {head.vendor}"
    yield "Hours", _hours(document)
    expected = f", {_n(forecast.attempts.expected)} expected" if forecast else ""
    yield "Dials", f"{_n(summary.worst_case_attempts)} at most{expected}"
    if forecast:
        yield "Cost", _cost(forecast)
        latest = f"{_moment(forecast.finish_latest)} at the latest"
        own = forecast.history.basis is Basis.CAMPAIGN
        yield "Finish", f"{_moment(forecast.finish_expected)} expected, {latest}" if own else latest
    if document.canary:
        part = document.canary
        yield "First alone", f"{_n(part.contacts)} contacts, {_both(part.starts_at, part.ends_at)}"


def _made(document: PlanDocument) -> Iterator[str]:
    """What a person may want to look up."""
    head, forecast = document.head, document.forecast
    yield f"plan {document.hash}, made {_moment(head.planned_at)}"
    yield f"policy version {head.policy_version or 'not stored'}"
    if head.list_changed_at:
        yield f"list written {_moment(head.list_changed_at)}"
    if forecast:
        yield f"forecast: {_basis(forecast.history)}"


def _hours(document: PlanDocument) -> str:
    """Their own clocks, and when that is here."""
    summary, zones = document.summary, document.zones
    here = _both(summary.window_start, summary.window_end)
    if not zones:
        return here
    first, last = min(part.local_from for part in zones), max(part.local_to for part in zones)
    return f"{first:%H:%M}–{last:%H:%M} local time of each; {here}"


def _cost(forecast: Forecast) -> str:
    said = f"{_span(forecast.cost_rub)}, {_rubles(forecast.cost_rub.expected)} expected"
    if not forecast.price_known:
        return f"{said}; the policy has no price of this vendor (`prices`), so only the marking fee is counted"
    return said if forecast.upper_rub is not None else f"{said}; without talk, whose length nobody knows yet"


def _basis(history: History) -> str:
    if history.basis is Basis.NONE:
        return "no past calls of this campaign, nor of this vendor and purpose"
    whose = "of this campaign" if history.basis is Basis.CAMPAIGN else "of other campaigns, same vendor and purpose"
    return (
        f"{_n(history.attempts)} past dials on {history.call_dates} call date{'s'[: history.call_dates > 1]} {whose}: "
        f"{history.minutes:.2f} min of talk a dial ({history.minutes_p10:.2f} to {history.minutes_p90:.2f})"
    )


def _grids(document: PlanDocument) -> Iterator[_Grid]:
    if document.summary.excluded:
        yield _Grid("Not called", ("decision", "that is", "reasons", "contacts"), tuple(_excluded(document)), 1)
    if document.zones:
        columns = ("zone", "hours there", "Moscow", "UTC", "contacts", "vendor campaigns")
        yield _Grid("Zones", columns, tuple(_zones(document)), 2, short=(0, 1, 4))


def _excluded(document: PlanDocument) -> Iterator[tuple[str, ...]]:
    ordered = sorted(document.summary.excluded, key=lambda group: (group.code, -group.contacts, group.reason))
    for code, groups in groupby(ordered, key=lambda group: group.code):
        found = [(_reason(document, group), group.contacts) for group in groups]
        words, reasons = WORDS[Disposition(code)], _some([text for text, _ in found], REASONS)
        yield code, words, reasons, _n(sum(contacts for _, contacts in found))


def _reason(document: PlanDocument, group: ExcludedCount) -> str:
    """The reason with its count; where other campaigns have the people, which ones."""
    said = f"{group.reason} {_n(group.contacts)}"
    held = [f"{who.campaign} {_n(who.contacts)}" for who in document.holders if who.reason == group.reason]
    return f"{said} ({_some(held, REASONS)})" if held else said


def _zones(document: PlanDocument) -> Iterator[tuple[str, ...]]:
    most = sorted(document.zones, key=lambda part: -part.contacts)
    shown, rest = set(most[:ZONES]), most[ZONES:]
    for part in document.zones:
        if part in shown:
            hours = (_stretch(part.starts_at, part.ends_at, zone) for zone in (MOSCOW, UTC))
            yield _place(part), _local(part, document.head.call_date), *hours, _n(part.contacts), _n(part.intents)
    if rest:
        contacts, intents = sum(part.contacts for part in rest), sum(part.intents for part in rest)
        yield f"{len(rest)} more", "", "", "", _n(contacts), _n(intents)


def _place(part: ZonePart) -> str:
    """Where the zone is not certain, the first and the last of its candidates."""
    names = part.zone.split("/")
    return part.zone if len(names) < 4 else f"{names[0]} … {names[-1]} ({len(names)})"


def _local(part: ZonePart, call_date: date) -> str:
    hours = f"{part.local_from:%H:%M}–{part.local_to:%H:%M}"
    return hours if part.local_date == call_date else f"{part.local_date:%d.%m} {hours}"


def _news(document: PlanDocument) -> Iterator[tuple[str, list[str]]]:
    if document.last:
        yield f"Since the plan of {document.last.call_date}", list(_changes(document.last))
    if document.warnings:
        yield "Warnings", list(document.warnings)


def _changes(last: Differences) -> Iterator[str]:
    pairs = {"contacts": last.total, "to call": last.to_call, "dials at most": last.worst_case}
    yield ", ".join(f"{name} {_n(before)} → {_n(now)}" for name, (before, now) in pairs.items())
    if last.forecasts:
        yield f"cost {_span(last.forecasts[0].cost_rub)} → {_span(last.forecasts[1].cost_rub)}"
    if last.reasons:
        found = [f"{change.code}/{change.reason} {_n(change.before)} → {_n(change.now)}" for change in last.reasons]
        yield f"not called: {_some(found, REASONS)}"
    if last.settings:
        yield f"settings that differ: {_some(last.settings, SETTINGS)}"


def _some(texts: Sequence[str], most: int) -> str:
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def _markdown_grid(grid: _Grid) -> str:
    ruler = ("---",) * (len(grid.columns) - grid.numbers) + ("---:",) * grid.numbers
    columns, rows = grid.columns, list(grid.rows)
    if grid.short and len(rows) > TALL:
        columns, ruler, *rows = (tuple(row[place] for place in grid.short) for row in (columns, ruler, *rows))
        columns, ruler, rows = columns * 2, ruler * 2, _side_by_side(rows)
    return f"**{grid.title}**\n\n{_markdown_lines([columns, *rows], ruler)}"


def _side_by_side(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Two rows on one line, the second half beside the first: what a person decides on stays on one screen."""
    half = (len(rows) + 1) // 2
    empty = ("",) * len(rows[0])
    return [left + right for left, right in zip_longest(rows[:half], rows[half:], fillvalue=empty)]


def _markdown_lines(rows: Sequence[tuple[str, ...]], ruler: Sequence[str]) -> str:
    """A table; its first row is the header."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (rows[0], ruler, *rows[1:]))


def _console_grid(grid: _Grid) -> Table:
    table = Table(title=f"\n{grid.title}", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for place, name in enumerate(grid.columns):
        table.add_column(name, justify="right" if place >= len(grid.columns) - grid.numbers else "left")
    for row in grid.rows:
        table.add_row(*row)
    return table


def _markdown_list(title: str, lines: Sequence[str]) -> str:
    return f"**{title}**\n\n" + "\n".join(f"* {line}" for line in lines)


def _print_list(console: Console, title: str, lines: Sequence[str]) -> None:
    console.print(f"\n{title}", style="bold", markup=False)
    for line in lines:
        console.print(f"  {line}", markup=False, soft_wrap=True)


def _n(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _rubles(amount: Decimal) -> str:
    return f"{amount:,.2f}".replace(",", " ") + " ₽"


def _span(span: Span) -> str:
    return _rubles(span.low) if span.low == span.high else f"{_rubles(span.low)[:-2]}–{_rubles(span.high)}"


def _moment(moment: datetime) -> str:
    here, utc = moment.astimezone(MOSCOW), moment.astimezone(UTC)
    there = f"{utc:%H:%M}" if utc.date() == here.date() else f"{utc:%Y-%m-%d %H:%M}"
    return f"{here:%Y-%m-%d %H:%M} Moscow ({there} UTC)"


def _both(start: datetime, end: datetime) -> str:
    return f"{_stretch(start, end, MOSCOW)} Moscow ({_stretch(start, end, UTC)} UTC)"


def _stretch(start: datetime, end: datetime, zone: tzinfo) -> str:
    first, last = start.astimezone(zone), end.astimezone(zone)
    until = f"{last:%H:%M}" if first.date() == last.date() else f"{last:%d.%m %H:%M}"
    return f"{first:%d.%m %H:%M}–{until}"
