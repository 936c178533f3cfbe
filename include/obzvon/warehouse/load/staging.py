"""Rows of archived pages on their way into temporary tables, by binary COPY, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import psycopg

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import ContractBreak
from obzvon.ledger.keys import call_key, phone_key
from obzvon.reports.outcomes import result_fields
from obzvon.reports.redact import redact
from obzvon.vendors.base import Attempt, Part, Row
from obzvon.warehouse.load import statement

__all__ = ["Staging"]

CHUNK = 5_000
MOST_TURNS = 32_767  # smallint
MOST_SECONDS = Decimal(10_000_000)  # numeric(9,2)
_MOST = float(MOST_SECONDS)
MOST_ROUBLES = Decimal(100_000_000)  # numeric(12,4)
YEARS = range(2000, 2200)
#: Characters of an id or a status: four bytes each, an entry of an index has room for them.
LONGEST_WORD, LONGEST_LINK = 500, 8_000
ROLES = frozenset({"bot", "client", "operator"})

# Columns and types of the temporary tables, in the order in which rows are written.
_ATTEMPT = {
    "seq": "int8", "vendor_call_id": "text", "external_id": "text", "phone_key": "text", "started_at": "timestamptz",
    "updated_at": "timestamptz", "disposition_code": "text", "vendor_status_raw": "text", "responder_raw": "text",
    "ring_sec": "numeric", "talk_sec": "numeric", "transferred": "bool", "caller_id": "text", "cost_rub": "numeric",
    "record_url": "text", "goal_reached": "bool",
}  # fmt: skip
_RESULT = {
    "seq": "int8", "vendor_call_id": "text", "is_part": "bool", "name": "text", "said": "text", "stored": "text",
}  # fmt: skip
_TURN = {
    "seq": "int8", "vendor_call_id": "text", "is_part": "bool", "turn_no": "int2", "role": "text",
    "start_sec": "float8", "end_sec": "float8", "text_redacted": "text",
}  # fmt: skip


class Staging:
    """The temporary tables of one load, and what was counted on the way into them.

    `secret` keys the HMAC that stands for a phone; the phone itself goes nowhere. Of the script's results only those
    that the campaign file reads are kept. Lives inside one transaction.
    """

    def __init__(self, conn: psycopg.Connection, spec: CampaignSpec, secret: bytes) -> None:
        self._conn, self._secret = conn, secret
        self._goal, self._fields = spec.goal.field, result_fields(spec)
        self._rows: dict[str, list[Sequence[Any]]] = {"attempt": [], "result": [], "turn": []}
        self._seq = self.attempts = self.parts = self.quarantined = 0
        conn.execute(statement("staging"))

    def add(self, archive_id: int, rows: Iterable[Row]) -> int:
        """Stage a page; rows that break the contract go to quarantine. The number of rows of the page, those included.

        A row that was in quarantine and is sound now is marked as brought back.
        """
        number, breaks = 0, list[int]()
        attempts, results, turns = self._rows.values()
        for row in rows:
            number += 1
            try:
                self._stage(row)
            except ContractBreak as found:
                self._quarantine(archive_id, number, found)
                breaks.append(number)
            if len(attempts) + len(results) + len(turns) >= CHUNK:
                self._flush()
        self._flush()
        self._conn.execute(_REQUEUED, (archive_id, breaks))
        self.quarantined += len(breaks)
        return number

    def _stage(self, row: Row) -> None:
        if isinstance(row, ContractBreak):
            raise row
        call, is_part = _checked(row), isinstance(row, Part)
        self._seq = seq = self._seq + 1
        if isinstance(row, Attempt):
            if row.derived_id:
                call = call_key(self._secret, call)
            self._rows["attempt"].append(self._attempt(call, row))
            self.attempts += 1
        else:
            self.parts += 1
        if row.results or not is_part:
            self._rows["result"] += [(seq, call, is_part, *result) for result in self._kept(row)]
        if row.turns:
            self._rows["turn"] += [
                (seq, call, is_part, number, turn.role, _second(turn.start_sec), _second(turn.end_sec),
                 _word(turn.text) if turn.role == "bot" else redact(turn.text))
                for number, turn in enumerate(row.turns, 1)
            ]  # fmt: skip

    def _attempt(self, call: str, row: Attempt) -> Sequence[Any]:
        key = phone_key(self._secret, row.phone) if row.phone else None
        return (
            self._seq, call, _text(row.external_id), key, row.started_at, row.updated_at, row.disposition.value,
            _word(row.status_raw), _word(row.responder_raw) if row.responder_raw else None, row.ring_sec,
            row.talk_sec, row.transferred, _text(row.caller_id), row.cost_rub, _text(row.record_url) or None,
            row.goal_reached,
        )  # fmt: skip

    def _kept(self, row: Attempt | Part) -> Iterator[tuple[str, str | None, str | None]]:
        if isinstance(row, Attempt) and row.goal_reached and self._goal not in row.results:
            yield self._goal, None, None
        for name, value in row.results.items():
            if name in self._fields:
                yield name, _text(value), redact(value)

    def _quarantine(self, archive_id: int, row_no: int, found: ContractBreak) -> None:
        self._conn.execute(_BROKEN, (archive_id, row_no, found.rule, found.field, str(found)))

    def _flush(self) -> None:
        for table, columns in (("attempt", _ATTEMPT), ("result", _RESULT), ("turn", _TURN)):
            if rows := self._rows[table]:
                self._copy(table, columns, rows)
                rows.clear()

    def _copy(self, table: str, columns: Mapping[str, str], rows: Iterable[Sequence[Any]]) -> None:
        target = f"copy staged_{table} ({', '.join(columns)}) from stdin (format binary)"
        with self._conn.cursor() as cursor, cursor.copy(target) as copy:
            copy.set_types(list(columns.values()))
            for row in rows:
                copy.write_row(row)


_BROKEN = """
insert into ops.quarantine as q (archive_id, row_no, rule, field, cause) values (%s, %s, %s, %s, %s)
on conflict (archive_id, row_no) do update
set rule = excluded.rule, field = excluded.field, cause = excluded.cause, requeued_at = null
where (q.rule, q.field, q.cause, q.requeued_at) is distinct from (excluded.rule, excluded.field, excluded.cause, null)
"""

_REQUEUED = """
update ops.quarantine set requeued_at = now()
where archive_id = %s and requeued_at is null and row_no <> all(%s)
"""


#: Statuses are a handful of words, repeated in every row, and a script says its phrases in every call.
_word = lru_cache(maxsize=1024)(redact)


def _checked(row: Attempt | Part) -> str:
    """The call's id, when every value fits its column; else ContractBreak. One row must not fail the whole load."""
    if not (call := _text(row.vendor_call_id)):
        raise ContractBreak("load.fits", "vendor_call_id", "is empty")
    _check_length("vendor_call_id", call)
    if len(row.turns) > MOST_TURNS:
        raise ContractBreak("load.fits", "turns", f"has more than {MOST_TURNS} utterances")
    for turn in row.turns:
        if turn.role not in ROLES:
            raise ContractBreak("load.fits", "turns", "has a role that is not bot, client or operator")
    if isinstance(row, Attempt):
        for name in ("external_id", "status_raw", "responder_raw", "caller_id"):
            _check_length(name, getattr(row, name))
        _check_length("record_url", row.record_url, LONGEST_LINK)
        _check_moment("started_at", row.started_at)
        _check_moment("updated_at", row.updated_at)
        _check_seconds("ring_sec", row.ring_sec)
        _check_seconds("talk_sec", row.talk_sec)
        if row.cost_rub and not 0 <= row.cost_rub < MOST_ROUBLES:
            raise ContractBreak("load.fits", "cost_rub", "is not a price in roubles")
    return call


def _check_moment(name: str, moment: datetime) -> None:
    if moment.tzinfo is None or moment.year not in YEARS:
        raise ContractBreak("load.fits", name, "is not a moment with an offset between 2000 and 2199")


def _check_length(name: str, text: str | None, most: int = LONGEST_WORD) -> None:
    if text is not None and len(text) > most:
        raise ContractBreak("load.fits", name, f"is longer than {most} characters")


def _check_seconds(name: str, seconds: Decimal | None) -> None:
    if seconds and not 0 <= seconds < MOST_SECONDS:
        raise ContractBreak("load.fits", name, "is not a number of seconds")


def _second(value: float | None) -> float | None:
    # NaN and infinity are out of range too
    return value if value is not None and -_MOST < value < _MOST else None


def _text(value: str | None) -> str | None:
    # PostgreSQL stores no NUL
    return value.replace("\x00", "") if value and "\x00" in value else value
