"""Single values of a vendor's row, checked and in our units; one of the wrong kind is a ContractBreak naming the rule.

The breaks never show the value: it may be a phone or a name.
"""

from __future__ import annotations

import re
from datetime import MAXYEAR, MINYEAR, UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from obzvon.errors import ContractBreak

_E164 = re.compile(r"\+7\d{10}", re.ASCII)
_NO_DIGITS = re.compile(r"\D", re.ASCII)
_NO_TEXT = (bool, dict, list)
_CENTS = Decimal("0.01")
_MOST_SECONDS = Decimal(10_000_000)
#: Any larger one is a slip, and 1e999999999 written out is the machine's memory.
_MOST, _FINEST, _FINE = Decimal(10**15), -12, Decimal("1e-12")
_MOST_ROWS = 2**31
#: Most calls ring and last whole seconds, less than an hour.
_FEW_SECONDS = 3600
_WHOLE_SECONDS = tuple(Decimal(second).quantize(_CENTS) for second in range(_FEW_SECONDS))


def moment(
    rule: str, field: str, value: Any, zone: tzinfo | None = None, pattern: str | None = None
) -> datetime | None:
    """ISO 8601 (or `pattern`) as aware UTC; `zone` is for times without an offset. Empty = None.

    The first and the last year that Python knows are no moments: systems write "never" so, and a step over their edge,
    be it to UTC or to a call's end, cannot be taken.
    """
    if value is None or value == "":
        return None
    try:
        # a zone for naive times follows below
        parsed = datetime.strptime(value, pattern) if pattern else datetime.fromisoformat(value)  # noqa: DTZ007
    except (TypeError, ValueError):
        raise ContractBreak(rule, field, "is not a date and time") from None
    if parsed.tzinfo is None:
        if zone is None:
            raise ContractBreak(rule, field, "has no offset, and no time zone is set for such times")
        parsed = parsed.replace(tzinfo=zone)
    if not MINYEAR < parsed.year < MAXYEAR:
        raise ContractBreak(rule, field, "is not a date and time")
    return parsed.astimezone(UTC)


def seconds(rule: str, field: str, value: Any) -> Decimal | None:
    """A duration in seconds, rounded to hundredths. Empty = None."""
    if type(value) is int and 0 <= value < _FEW_SECONDS:
        return _WHOLE_SECONDS[value]
    number = amount(rule, field, value)
    if number is not None and number >= _MOST_SECONDS:
        raise ContractBreak(rule, field, "is too large for seconds")
    return None if number is None else number.quantize(_CENTS)


def amount(rule: str, field: str, value: Any) -> Decimal | None:
    """A number of zero or more, with at most twelve digits after the point. Empty = None."""
    if value is None or value == "":
        return None
    try:
        number = Decimal(value) if isinstance(value, Decimal | int) else Decimal(str(value))
    except InvalidOperation:
        raise ContractBreak(rule, field, "is not a number") from None
    if isinstance(value, bool) or not number.is_finite() or number < 0:
        raise ContractBreak(rule, field, "is not a number of zero or more")
    if number >= _MOST:
        raise ContractBreak(rule, field, "is too large for a number")
    # 1e-999999999 is a billion digits to whoever writes it out
    return number if number.as_tuple().exponent >= _FINEST else number.quantize(_FINE)  # type: ignore[operator]


def count(value: Any) -> int | None:
    """A whole number of rows; None where it is none that a vendor can mean."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value < _MOST_ROWS:
        return None
    return int(value)


def flag(rule: str, field: str, value: Any) -> bool:
    """A yes or no, as JSON or as text. Empty = no."""
    if value is None or value == "":
        return False
    if isinstance(value, bool):
        return value
    word = str(value).strip().casefold()
    if word not in {"true", "1", "yes", "да", "false", "0", "no", "нет"}:
        raise ContractBreak(rule, field, "is neither yes nor no")
    return word in {"true", "1", "yes", "да"}


def text(rule: str, field: str, value: Any) -> str | None:
    """A text; numbers become one. Empty = None."""
    if type(value) is str:
        return value.strip() or None
    if value is None:
        return None
    if isinstance(value, _NO_TEXT):
        raise ContractBreak(rule, field, "is not a text")
    return str(value).strip() or None


def phone(rule: str, field: str, value: Any) -> str | None:
    """A Russian number as the vendor writes it, in E.164. Empty = None."""
    written = text(rule, field, value)
    if written is None:
        return None
    if _E164.fullmatch(written):
        return written
    digits = _NO_DIGITS.sub("", written)
    if len(digits) == 10:
        return f"+7{digits}"
    if len(digits) == 11 and digits[0] in "78":
        return f"+7{digits[1:]}"
    raise ContractBreak(rule, field, "is not a Russian phone number")
