"""Dialog's report as attempts: which column holds what and what a status means comes from the campaign file.

Source: "Получение результатов диалогов". The answer is {columns, data, total_duration, avg_duration, count}; the keys
of a data row are documented nowhere. Everything here streams.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

from obzvon.dispositions import HUMAN, Disposition
from obzvon.errors import ContractBreak
from obzvon.reports.outcomes import classify, goal_reached, result_texts
from obzvon.vendors import rows
from obzvon.vendors.base import Attempt, Column, Row, Totals
from obzvon.vendors.dialog_columns import ROLES, Columns
from obzvon.vendors.dialog_settings import DialogSettings
from obzvon.vendors.json_list import BrokenJson, JsonList
from obzvon.vendors.tally import Dials, Queued
from obzvon.vendors.transcripts import turns

if TYPE_CHECKING:
    from obzvon.campaigns.spec import CampaignSpec

_NOTHING = Decimal(0)
_LONGEST_NAME = 200
#: What is read beside the rows.
_BESIDE = frozenset({"count", "total_duration", "columns"})
#: After these the platform has no reason to dial a number again, whatever `attempts` says.
_FINAL = HUMAN | {
    Disposition.VENDOR_LAW_BLOCK,
    Disposition.VENDOR_BLACKLIST,
    Disposition.CANCELLED,
    Disposition.EXCL_INVALID,
    Disposition.INVALID_NUMBER,
}


def report_rows(spec: CampaignSpec, stream: IO[bytes]) -> Iterator[Row | Queued]:
    """The rows of a report in order; one that breaks the contract comes as a ContractBreak, and the next follows."""
    reader = _Reader(spec)
    return _read(reader, JsonList(stream, "data", typed=reader.columns.decode))


def report_contents(spec: CampaignSpec, stream: IO[bytes]) -> Iterator[Row | Queued | Totals]:
    """The rows of a report, then its totals. An answer without `data` is no report."""
    reader = _Reader(spec)
    report = JsonList(stream, "data", _BESIDE, reader.columns.decode)
    yield from _read(reader, report)
    yield _totals(report)


def report_totals(stream: IO[bytes]) -> Totals:
    """`count`, `total_duration` and the returned columns."""
    report = JsonList(stream, "data", _BESIDE)
    for _ in _items(report):
        pass
    return _totals(report)


def raw_rows(stream: IO[bytes]) -> Iterator[Mapping[str, Any]]:
    """The rows of a report as they came; what is no object is passed over."""
    return (row for row in _items(JsonList(stream, "data")) if isinstance(row, dict))


def _read(reader: _Reader, report: JsonList) -> Iterator[Row | Queued]:
    for row in _items(report):
        try:
            yield reader.read(row)
        except ContractBreak as broken:
            yield broken


def _items(report: JsonList) -> Iterator[Any]:
    try:
        yield from report
    except BrokenJson:
        raise ContractBreak("dialog.page", "data", "the report is not one whole JSON document") from None


def _totals(report: JsonList) -> Totals:
    if not report.found:
        raise ContractBreak("dialog.page", "data", "the answer has no list of rows")
    listed = report.beside.get("columns")
    columns = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    said = [{name: _word(text) for name, text in each.items() if isinstance(text, str)} for each in columns]
    named = tuple(
        Column(each["field"], each.get("display_name", ""), each.get("type", "")) for each in said if "field" in each
    )
    return Totals(rows.count(report.beside.get("count")), _number(report, "total_duration"), named)


def _word(text: str) -> str:
    """A column's name as it is kept and logged: of printable characters, no longer than a name."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text[:_LONGEST_NAME])


def _number(report: JsonList, name: str) -> Decimal | None:
    """A number of zero or more; what is none says nothing."""
    value = report.beside.get(name)
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return rows.amount("dialog.totals", name, value) if is_number else None


def redials(settings: DialogSettings, dials: Dials) -> bool:
    """Whether the platform may dial this contact again: `attempts` counts all dials to a number."""
    return dials.last.disposition not in _FINAL and dials.count < settings.attempts


def _length(*parts: Decimal | None) -> timedelta:
    return timedelta(seconds=float(sum(part for part in parts if part)))


class _Reader:
    """Reads the rows of one report; remembers only how often a contact began at one moment, for calls without an id."""

    def __init__(self, spec: CampaignSpec) -> None:
        self._spec = spec
        self._report = cast(DialogSettings, spec.vendor).report
        fields = self._report.fields
        self.columns = Columns(fields)
        self._zone = ZoneInfo(self._report.timezone) if self._report.timezone else None
        self._format = self._report.datetime_format
        self._meaning = {text.strip().casefold(): code for text, code in self._report.statuses.items()}
        # of each role the rule, and what errors call it
        self._rules = {role: (f"dialog.{role}", getattr(fields, role) or role) for role in ROLES}
        self._starts: Counter[tuple[str, datetime]] = Counter()

    def read(self, item: Any) -> Attempt | Queued:
        row = self.columns.row(item)
        if row is None:
            raise ContractBreak("dialog.row", "data", "a row is not an object")
        rules = self._rules
        phone = rows.phone(*rules["phone"], row.phone)
        external_id = rows.text(*rules["external_id"], row.external_id)
        contact = external_id or phone
        if contact is None:
            raise ContractBreak(*rules["phone"], "is empty, so nobody knows who was called")
        status = rows.text(*rules["status"], row.status) or ""
        meaning = self._meaning.get(status.casefold(), Disposition.UNKNOWN)
        updated_at = self._moment("updated_at", row.updated_at)
        started_at = self._moment("started_at", row.started_at) or updated_at
        if started_at is None and meaning is Disposition.PENDING:
            return Queued(contact)
        if started_at is None:
            raise ContractBreak(*rules["started_at"], "is empty for a call that has ended")
        results = result_texts({name: getattr(row, slot) for name, slot in self.columns.results})
        talk = rows.seconds(*rules["duration"], row.duration)
        ring = rows.seconds(*rules["ring_duration"], row.ring_duration)
        transferred = rows.flag(*rules["transferred"], row.transferred)
        if meaning in HUMAN:
            meaning = classify(self._spec, results, talk_sec=talk, transferred=transferred, otherwise=meaning)
        call_id = rows.text(*rules["call_id"], row.call_id)
        return Attempt(
            vendor_call_id=call_id or self._derived_id(contact, started_at),
            derived_id=call_id is None,
            external_id=external_id,
            phone=phone,
            started_at=started_at,
            updated_at=updated_at or started_at + _length(ring, talk),
            disposition=meaning,
            status_raw=status,
            ring_sec=ring,
            talk_sec=talk,
            transferred=transferred,
            caller_id=rows.text(*rules["caller_id"], row.caller_id),
            cost_rub=rows.amount(*rules["cost"], row.cost) or _NOTHING,
            record_url=rows.text(*rules["record_url"], row.record_url),
            results=results,
            goal_reached=goal_reached(self._spec, results, meaning),
            turns=turns(row.dialog, self._report.roles) if row.dialog else (),
        )

    def _moment(self, role: str, value: Any) -> datetime | None:
        return None if value is None else rows.moment(*self._rules[role], value, self._zone, self._format)

    def _derived_id(self, contact: str, started_at: datetime) -> str:
        """The call's identity from what never changes: campaign, contact, start, order among equals."""
        self._starts[contact, started_at] += 1
        ordinal = self._starts[contact, started_at]
        parts = (self._spec.name, contact, started_at.isoformat(), str(ordinal))
        return hashlib.sha256("|".join(parts).encode()).hexdigest()
