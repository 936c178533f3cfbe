"""Script variables of a contact: cells become JSON values of the type that the campaign file names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

import orjson

from obzvon.campaigns.spec import Variable

if TYPE_CHECKING:  # campaign files are checked at every parse of the DAGs, which must not cost an import of pandas
    import pandas as pd

Value = str | int | float | bool | None
Kind = Literal["string", "integer", "number"]

_BLANKS = str.maketrans("", "", " \u00a0\u202f'")
_INTEGER = re.compile(r"[+-]?\d{1,18}(?:[.,]0+)?")
_NUMBER = re.compile(r"[+-]?\d{1,15}(?:[.,]\d+)?")


def convert(cell: str, kind: Kind) -> Value:
    """The cell as `kind`: `1 234,50` → 1234.5. An empty cell is the empty string, and no number.

    Grouping blanks and a decimal comma are understood, as Russian exports write them; ValueError otherwise.
    """
    if kind == "string":
        return cell.strip()
    plain = cell.strip().translate(_BLANKS)
    if not (_INTEGER if kind == "integer" else _NUMBER).fullmatch(plain):
        raise ValueError(f"not of type {kind}")
    if kind == "integer":
        return int(re.split("[.,]", plain)[0])
    return float(plain.replace(",", "."))


def fixed(variable: Variable) -> Value:
    """The value that the campaign file itself gives, in the variable's type; ValueError if it is not of it."""
    return convert(str(variable.value), variable.type)


def variables(frame: pd.DataFrame, wanted: Mapping[str, Variable]) -> Iterator[tuple[str, bool]]:
    """For each row a JSON object of the variables, and whether all of them had their type (a misfit is null in it)."""
    columns = {name: _values(frame, variable) for name, variable in wanted.items()}
    if not columns:
        yield from (("{}", True) for _ in range(len(frame)))
        return
    for row in zip(*columns.values(), strict=True):
        yield orjson.dumps(dict(zip(columns, row, strict=True))).decode(), None not in row


def _values(frame: pd.DataFrame, variable: Variable) -> list[Value]:
    if variable.column is None:
        return [fixed(variable)] * len(frame)
    cells = frame[variable.column].tolist()
    if variable.type == "string":
        return [cell.strip() for cell in cells]
    return [_or_none(cell, variable.type) for cell in cells]


def _or_none(cell: str, kind: Kind) -> Value:
    try:
        return convert(cell, kind)
    except ValueError:
        return None
