"""JSON as others write it: half characters, numbers without end and nesting without end cost a value, not a process."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

import orjson

__all__ = ["LONG", "decoder", "loaded", "parsed", "whole_characters"]

#: Digits that Python's own whole numbers take from a text.
LONG = 4_000
#: Half a pair of surrogates is no character, and no database takes it.
_SURROGATES = re.compile(r"(\\\\|\\u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w)|\\u[dD][89a-fA-F]\w\w")


def whole_characters(text: str) -> str:
    """JSON with U+FFFD for every half character: a text that was cut in the middle of an emoji has one."""
    if "\\ud" not in text and "\\uD" not in text:
        return text
    return _SURROGATES.sub(lambda found: found[1] or "\\ufffd", text)


def _not_a_number(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _whole(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= LONG else Decimal(digits)


def _fraction(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation:  # an exponent of twenty digits: no reader takes it for a number, nor for a broken document
        return Decimal("Infinity")


#: Numbers with a point are Decimals, and so are whole ones that are too long to be anything.
decoder = json.JSONDecoder(parse_int=_whole, parse_float=_fraction, parse_constant=_not_a_number)


def loaded(text: str) -> Any:
    """The value of a text that a vendor put into a field. ValueError where it is no JSON, or nested without end."""
    try:
        return decoder.decode(whole_characters(text))
    except RecursionError:
        pass
    raise ValueError("nested too deep")


def parsed(body: bytes) -> Any:
    """The value of a whole answer, with floats. ValueError where it is no JSON."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        if b"\\ud" not in body and b"\\uD" not in body:
            raise
    return orjson.loads(whole_characters(body.decode()))  # UnicodeDecodeError is a ValueError
