"""What every kind of source turns into: named columns and numbered rows, plus the text form of a typed value."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Table:
    """An opened list. `place` names it in messages; row numbers start at 1 after the header; rows may be read once."""

    place: str
    columns: list[str]
    rows: Iterator[tuple[int, Sequence[object]]]


def text(value: object) -> str:
    """The value as a cell of text; an absent value is the empty string.

    A float cell of a typed source (workbook, Parquet, SQL, JSON) that holds a whole number is exact, so it becomes
    that number's digits. The *text* `79161234567.0` is another matter: it is damage, and stays as it is.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | Decimal):
        return _number(value)
    if isinstance(value, datetime) and value == datetime.combine(value.date(), time()):
        return value.date().isoformat()  # a workbook knows no dates, only midnights
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


def _number(value: float | Decimal) -> str:
    if not math.isfinite(value):
        return ""
    whole = int(value)
    return str(whole) if value == whole and abs(whole) < 2**53 else str(value)
