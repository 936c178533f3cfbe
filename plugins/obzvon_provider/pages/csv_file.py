"""A table as a CSV file that a spreadsheet opens with a double click and that does nothing there but stand."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from obzvon_provider.pages.sections import Table

__all__ = ["csv_bytes", "safe"]

#: A cell that begins so is a formula to a spreadsheet, the wide forms to an Eastern one. An apostrophe is our own mark:
#: whoever needs the text as it was takes one apostrophe from the front of every cell that has one.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠", "'")
BOM = b"\xef\xbb\xbf"


def safe(value: object, *, comma: bool = False) -> str:
    """A cell. Numbers stay numbers; a text that a spreadsheet would calculate begins with an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int | float | Decimal):
        return f"{value}".replace(".", ",") if comma else f"{value}"
    text = value.isoformat(sep=" ", timespec="seconds") if isinstance(value, datetime) else str(value)
    return f"'{text}" if text.startswith(FORMULA) or text.lstrip().startswith(FORMULA) else text


def csv_bytes(table: Table, lang: str) -> bytes:
    """UTF-8 with a mark for Excel. Russian: semicolons and decimal commas, as a Russian Excel wants them."""
    russian = lang == "ru"
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";" if russian else ",", lineterminator="\r\n")
    writer.writerow(map(safe, table.columns))
    writer.writerows(_cells(table, russian))
    return BOM + out.getvalue().encode()


def _cells(table: Table, comma: bool) -> Sequence[list[str]]:
    return [[safe(row[column], comma=comma) for column in table.columns] for row in table.rows]
