"""How a value is written for a reader: thousands, shares, rubles, dates, codes."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from obzvon_provider.pages.reader import Row
from obzvon_provider.pages.texts import Words

__all__ = ["NOTHING", "as_date", "heading", "is_number", "short_day", "shown", "wilson"]

NOTHING = "–"
SHARES = ("_rate", "rate_", "_low95", "_high95", "share", "progress", "lift")
MONEY = ("_rub", "cost_per_")
#: Columns whose values are codes with names in texts.yaml, and the group that has them.
CODES = {
    "purpose": "purposes", "stage": "stages", "disposition_code": "dispositions", "exclusion_code": "dispositions",
    "disposition_group": "groups", "rule": "rules", "vendor_code": "vendors", "exclusion_reason": "reasons",
}  # fmt: skip
PLAIN = {"dow", "local_hour", "attempt_no", "page_no", "date_key"}


def shown(words: Words, column: str, value: Any) -> str:
    """A cell as text. A share is a percentage, money is whole rubles from a hundred on."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return words("yes") if value else words("no")
    if column in CODES:
        return words.label(CODES[column], value, default=str(value))
    if isinstance(value, int | float | Decimal):
        return _number(words, column, value)
    if isinstance(value, datetime):
        return f"{value:%d.%m.%Y %H:%M} UTC" if words.lang == "ru" else f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, date):
        return f"{value:%d.%m.%Y}" if words.lang == "ru" else f"{value}"
    return str(value)


def _number(words: Words, column: str, value: Any) -> str:
    if column == "date_key":
        return shown(words, "", as_date(value))
    if column in PLAIN:
        return str(value)
    if any(mark in column for mark in SHARES):
        return f"{_grouped(words, value * 100, 1)} %" if words.lang == "ru" else f"{_grouped(words, value * 100, 1)}%"
    if any(mark in column for mark in MONEY):
        return f"{_grouped(words, value, 0 if abs(value) >= 100 or not value else 2)} ₽"
    return _grouped(words, value, 0 if value == int(value) else 2)


def _grouped(words: Words, value: Any, places: int) -> str:
    text = f"{value:,.{places}f}"
    return text.replace(",", "\u202f").replace(".", ",") if words.lang == "ru" else text


def as_date(key: int) -> date:
    """The day of a date key, 20261120."""
    return date(key // 10_000, key // 100 % 100, key % 100)


def short_day(words: Words, day: date) -> str:
    """A date below a chart."""
    return f"{day:%d.%m}" if words.lang == "ru" else f"{day:%b} {day.day}"


def is_number(column: str, row: Row) -> bool:
    """True when a column is set flush right."""
    value = row[column]
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool) and column not in {"date_key"}


def heading(words: Words, column: str, meaning: str = "") -> str:
    """Name of a column: from the texts, else the start of its comment in the warehouse, else its own name."""
    if words.named("columns", column) or words.lang != "ru" or not meaning:
        return words.label("columns", column)
    return re.split(r"[:;(,]| — ", meaning, maxsplit=1)[0].strip()


def wilson(hits: int, of: int) -> tuple[float, float] | None:
    """Wilson's 95 % interval of a share; None of nothing."""
    if of <= 0:
        return None
    z = 1.959963984540054
    share, spread = hits / of, z * z / of
    middle = (share + spread / 2) / (1 + spread)
    half = z * (share * (1 - share) / of + spread / of / 4) ** 0.5 / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)
