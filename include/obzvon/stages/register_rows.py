"""One row of a register's file: what it says, else what the command says for all rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache

from obzvon.warehouse.tables.base import PURPOSES

__all__ = ["ANY_PURPOSE", "COLUMNS", "Entry", "Fields", "RowReason", "checked"]

ANY_PURPOSE = "*"
#: The columns of a file, unless an option names others.
COLUMNS = {
    "phone": "phone",
    "purpose": "purpose",
    "reason": "reason",
    "source": "source",
    "evidence": "evidence",
    "from": "from",
    "to": "to",
}

#: purpose, reason, source, evidence or proof, first day, last day.
Entry = tuple[str, str, str, str | None, date | None, date | None]


class RowReason(StrEnum):
    """Why a row with a good phone is not stored; `no_<field>` for each field that a command needs."""

    BAD_DATE = "bad_date"
    UNKNOWN_PURPOSE = "unknown_purpose"
    NO_REASON = "no_reason"
    NO_EVIDENCE = "no_evidence"
    NO_FROM = "no_from"
    ENDS_BEFORE_IT_BEGINS = "ends_before_it_begins"
    NOT_GIVEN_YET = "not_given_yet"


@dataclass(frozen=True, slots=True)
class Fields:
    """What holds for every row that says nothing itself, and where a file says it.

    `needs` are the fields without which a row is not stored; `demanded` columns must be in the file; `past` forbids a
    first day to come.
    """

    purpose: str = ANY_PURPOSE
    reason: str | None = None
    source: str = "crm"
    evidence: str | None = None
    since: date | None = None
    until: date | None = None
    columns: Mapping[str, str] = field(default_factory=lambda: COLUMNS)
    needs: frozenset[str] = frozenset()
    demanded: frozenset[str] = frozenset({"phone"})
    past: bool = False


def checked(cells: Mapping[str, str], fields: Fields, today: date) -> Entry | RowReason:
    """The row as it is stored, or the reason why it is not."""
    purpose = _said(cells, "purpose") or fields.purpose
    reason = _said(cells, "reason") or fields.reason
    evidence = _said(cells, "evidence") or fields.evidence
    try:
        since, until = _day(_said(cells, "from")) or fields.since, _day(_said(cells, "to")) or fields.until
    except ValueError:
        return RowReason.BAD_DATE
    if purpose not in PURPOSES and purpose != ANY_PURPOSE:
        return RowReason.UNKNOWN_PURPOSE
    given = {"reason": reason, "evidence": evidence, "from": since}
    if missing := sorted(name for name in fields.needs if not given[name]):
        return RowReason(f"no_{missing[0]}")
    if since and until and until < since:
        return RowReason.ENDS_BEFORE_IT_BEGINS
    if fields.past and since and since > today:
        return RowReason.NOT_GIVEN_YET
    return purpose, reason or "", _said(cells, "source") or fields.source, evidence, since, until


def _said(cells: Mapping[str, str], name: str) -> str | None:
    return cells.get(name, "").strip() or None


@lru_cache(maxsize=4096)
def _day(cell: str | None) -> date | None:
    """`2026-11-20` or `20.11.2026`, with or without a time of day. ValueError when it is neither."""
    if cell is None:
        return None
    form = "%d.%m.%Y" if "." in cell[:10] else "%Y-%m-%d"
    return datetime.strptime(cell[:10], form).date()  # noqa: DTZ007 - a date has no zone
