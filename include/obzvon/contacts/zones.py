"""Where in time a contact lives: candidate offsets from UTC and the source of that knowledge.

Order (domain rules, section 1.6): the zone and the region declared by the list, else the subject in which the number
was issued, else unknown: all eleven Russian offsets. Several candidates mean that the contact is called only while all
of them are inside the window. A declaration that cannot be read is not replaced by the number's subject: the list says
where the person is, we just cannot tell, so the zone is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

import pandas as pd

from obzvon.contacts.numbering import NumberingPlan, Places
from obzvon.contacts.regions import find, named, offsets_of
from obzvon.ledger.keys import ALL_OFFSETS

_MOSCOW = 180
_MOSCOW_TEXT = re.compile(r"(?:мск|msk|московское(?:\s+время)?)\s*(?:([+−–-])\s*(\d{1,2}))?", re.IGNORECASE)
_UTC_TEXT = re.compile(r"(?:utc|gmt)\s*([+−–-])\s*(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
_ISO_TEXT = re.compile(r"([+−–-])(\d{2}):?(\d{2})")
_BARE_TEXT = re.compile(r"([+−–-])\s*(\d{1,2})")
_NOTHING = frozenset(
    {"", "-", "–", "—", "?", "нет", "нет данных", "не указан", "не указано", "не указана", "неизвестно"}
    | {"null", "none", "nan", "n/a", "н/д", "#н/д"}
)


@dataclass(frozen=True, slots=True)
class Zone:
    """Candidate offsets in minutes east of UTC, ascending; `source` is declared, region, numbering_plan or unknown.

    `region` is the name of the one subject known; free text is never passed on, for it may be somebody's address.
    """

    offsets: tuple[int, ...]
    source: str
    region: str | None = None


def zones(declared: pd.Series[str], region: pd.Series[str], e164: pd.Series[str], plan: NumberingPlan) -> list[Zone]:
    """The zone of each contact, in order. All three series share an index; `e164` holds valid `+7…` numbers."""
    pairs = list(zip(declared.tolist(), region.tolist(), strict=True))
    stated = [_stated(*pair) for pair in pairs]
    issued = plan.lookup(e164[[zone is None for zone in stated]])
    return [zone if zone else _issued(next(issued)) for zone in stated]


@lru_cache(maxsize=4096)
def _stated(declared: str, region: str) -> Zone | None:
    """What the list says; None when it says nothing."""
    declared, region = _meaning(declared), _meaning(region)
    if not declared and not region:
        return None
    told, places = offsets_told(declared), named(region)
    return _joined(set(told), set(offsets_of(places)), region_name(places))


def _joined(told: set[int], living: set[int], name: str | None) -> Zone:
    """A declared zone inside the region's own narrows it; one outside contradicts it, and both count."""
    if told:
        agreed = told if told <= living or not living else told | living
        return Zone(tuple(sorted(agreed)), "declared", name)
    if living:
        return Zone(tuple(sorted(living)), "region", name)
    return Zone(ALL_OFFSETS, "unknown", name)


def _issued(places: Places | None) -> Zone:
    if places is None:
        return Zone(ALL_OFFSETS, "unknown")
    return Zone(offsets_of(places), "numbering_plan", region_name(places))


def region_name(places: Places) -> str | None:
    """The subject's name where there is exactly one."""
    return places[0].name if len(places) == 1 else None


def _meaning(cell: str) -> str:
    cell = cell.strip()
    return "" if cell.lower() in _NOTHING else cell


def offsets_told(text: str) -> tuple[int, ...]:
    """Minutes east of UTC that a declared zone may mean, ascending; empty when it cannot be read.

    `Asia/Omsk`, `+07:00`, `UTC+5`, `МСК+2`; a bare `+2` may count from Moscow or from UTC, so both readings that exist
    in Russia are given. A subject's name in this column counts as its zone.
    """
    for pattern, read in _WRITINGS:
        match = pattern.fullmatch(text.strip())
        if match:
            return tuple(sorted(set(read(*match.groups())) & set(ALL_OFFSETS)))
    subject = find(text)
    return subject.offsets if subject else _geographic(text.strip().lower())


def _signed(sign: str, hours: str, minutes: str | None = None) -> int:
    value = int(hours) * 60 + int(minutes or 0)
    return value if sign == "+" else -value


def _from_moscow(sign: str | None, hours: str | None) -> list[int]:
    return [_MOSCOW + _signed(sign, hours)] if sign and hours else [_MOSCOW]


def _from_utc(sign: str, hours: str, minutes: str | None = None) -> list[int]:
    return [_signed(sign, hours, minutes)]


def _bare(sign: str, hours: str) -> list[int]:
    return [*_from_utc(sign, hours), *_from_moscow(sign, hours)]


def _geographic(name: str) -> tuple[int, ...]:
    """Both offsets of the year of an `Area/City` zone (outside Russia clocks may change); empty for anything else."""
    zone = _zone_names().get(name)
    if zone is None:
        return ()
    moments = (datetime(2026, month, 1, tzinfo=UTC).astimezone(ZoneInfo(zone)).utcoffset() for month in (1, 7))
    return tuple(sorted({int(offset.total_seconds()) // 60 for offset in moments if offset is not None}))


@cache
def _zone_names() -> dict[str, str]:
    # UTC, GMT and Etc/… say where a database was, not where a person is
    return {name.lower(): name for name in available_timezones() if "/" in name and not name.startswith("Etc/")}


_WRITINGS: tuple[tuple[re.Pattern[str], Callable[..., list[int]]], ...] = (
    (_MOSCOW_TEXT, _from_moscow),
    (_UTC_TEXT, _from_utc),
    (_ISO_TEXT, _from_utc),
    (_BARE_TEXT, _bare),
)
