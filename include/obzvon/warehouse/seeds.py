"""Reference rows of the warehouse: dispositions, regions, the production calendar and the steps of an intent.

Dispositions and vendors' statuses are CSV files that a reviewer can read, regions those of `contacts.regions`, the
calendar is the `holidays` package for Russia. Every function upserts and writes only what differs, so seeding on each
deployment costs nothing and a newer package or file corrects what an older one wrote.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import holidays
import psycopg

from obzvon.contacts.regions import subjects
from obzvon.ledger.states import TRANSITIONS, IntentState
from obzvon.vendors.statuses import rules

__all__ = ["ensure_days", "seed"]

FIRST_YEAR = 2024
SUNDAY = 7
SATURDAY = 6

_DISPOSITION = """
insert into dwh.dim_disposition as d values (
    %(disposition_code)s, %(disposition_group)s, %(title_ru)s, %(is_terminal)s::boolean, %(is_retryable)s::boolean,
    %(is_rpc)s::boolean, %(is_goal)s::boolean, %(counts_towards_cap)s::boolean, nullif(%(suppress_purpose)s, ''))
on conflict (disposition_code) do update set
    disposition_group = excluded.disposition_group, title_ru = excluded.title_ru, is_terminal = excluded.is_terminal,
    is_retryable = excluded.is_retryable, is_rpc = excluded.is_rpc, is_goal = excluded.is_goal,
    counts_towards_cap = excluded.counts_towards_cap, suppress_purpose = excluded.suppress_purpose
where d is distinct from excluded
"""

#: Rows of statuses that the file no longer has go, so that priorities may be given anew.
_STATUSES_GONE = """
delete from dwh.map_disposition m where not exists (
    select from unnest(%s::text[], %s::smallint[], %s::text[], %s::text[]) g (vendor_code, priority, status, condition)
    where (g.vendor_code, g.priority, g.status) = (m.vendor_code, m.priority, m.status)
      and nullif(g.condition, '') is not distinct from m.condition)
"""
_STATUS = """
insert into dwh.map_disposition as m (vendor_code, priority, status, condition, disposition_code, alert, note_ru)
values (%s, %s, %s, nullif(%s, ''), %s, nullif(%s, ''), %s)
on conflict (vendor_code, priority) do update set
    disposition_code = excluded.disposition_code, alert = excluded.alert, note_ru = excluded.note_ru
where m is distinct from excluded
"""

_REGION = """
insert into dwh.dim_region as r (region_key, subject_name, tz_offsets, tz_names, is_multi_tz)
values (%(region_key)s, %(subject_name)s, %(tz_offsets)s, %(tz_names)s, %(is_multi_tz)s)
on conflict (region_key) do update set
    subject_name = excluded.subject_name, tz_offsets = excluded.tz_offsets,
    tz_names = excluded.tz_names, is_multi_tz = excluded.is_multi_tz
where r is distinct from excluded
"""

_DAY = """
insert into dwh.dim_date as d (date_key, day, iso_dow, is_ru_day_off, is_working_weekend, calendar_source)
values (%(date_key)s, %(day)s, %(iso_dow)s, %(is_ru_day_off)s, %(is_working_weekend)s, %(calendar_source)s)
on conflict (date_key) do update set
    is_ru_day_off = excluded.is_ru_day_off, is_working_weekend = excluded.is_working_weekend,
    calendar_source = excluded.calendar_source
where d is distinct from excluded
"""

#: The trigger on `ops.campaign_intent` reads these rows: the table of states in Python is the only one there is.
_STEPS = """
with given as (select * from unnest(%s::text[], %s::text[]) as s (from_state, to_state)),
     gone as (delete from ops.intent_step where (from_state, to_state) not in (select from_state, to_state from given))
insert into ops.intent_step select from_state, to_state from given on conflict do nothing
"""


def seed(conn: psycopg.Connection) -> None:
    """Bring the reference rows up to date in one transaction."""
    with conn.transaction(), conn.cursor() as cur:
        cur.executemany(_DISPOSITION, list(_dispositions()))
        known = [list(column) for column in zip(*(row[:4] for row in _statuses()), strict=True)]
        cur.execute(_STATUSES_GONE, known)
        cur.executemany(_STATUS, _statuses())
        cur.executemany(_REGION, list(_regions()))
        cur.executemany(_DAY, [_day(d) for year in known_years() for d in _days_of(year)])
        cur.execute(_STEPS, [[str(start) for start, _ in _steps()], [str(end) for _, end in _steps()]])


def ensure_days(conn: psycopg.Connection, days: Iterable[date]) -> None:
    """Add calendar rows for days that are not there yet.

    A day outside the years whose transfers are published gets what the law itself fixes (weekends and statutory
    holidays), and its `calendar_source` says so; the next `seed` with a newer package replaces the guess.
    """
    with conn.cursor() as cur:
        cur.executemany(_DAY, [_day(d) for d in sorted(days)])


@cache
def known_years() -> range:
    """Years from 2024 on whose government decree on transfers the installed `holidays` package knows."""
    return range(FIRST_YEAR, max(_calendar().special_public_holidays) + 1)


@cache
def _calendar() -> holidays.HolidayBase:
    return holidays.country_holidays("RU")


@cache
def _source() -> str:
    return f"holidays {version('holidays')}"


def _days_of(year: int) -> Iterator[date]:
    first = date(year, 1, 1)
    return (first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days))


def _day(day: date) -> dict[str, Any]:
    dow, off = day.isoweekday(), not _calendar().is_working_day(day)
    source = _source() + ("" if day.year in known_years() else ", transfers not published")
    return {
        "date_key": int(f"{day:%Y%m%d}"),
        "day": day,
        "iso_dow": dow,
        "is_ru_day_off": off,
        "is_working_weekend": dow in (SATURDAY, SUNDAY) and not off,
        "calendar_source": source,
    }


def _regions() -> Iterator[dict[str, Any]]:
    for subject in subjects():
        yield {
            "region_key": subject.region_key,
            "subject_name": subject.name,
            "tz_offsets": list(subject.offsets),
            "tz_names": ", ".join(subject.tz_names),
            "is_multi_tz": subject.is_multi_tz,
        }


def _steps() -> list[tuple[IntentState, IntentState]]:
    return [(start, end) for start, ends in TRANSITIONS.items() for end in sorted(ends)]


def _statuses() -> list[tuple[Any, ...]]:
    return [
        (r.vendor_code, r.priority, r.status, r.condition, r.disposition.value, r.alert, r.note_ru) for r in rules()
    ]


def _dispositions() -> Iterator[dict[str, str]]:
    text = files("obzvon.warehouse").joinpath("seeds", "dispositions.csv").read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())
