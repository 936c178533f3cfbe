"""A contact list in chunks: whatever the source, DataFrames of text columns, at most `CHUNK` rows each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

import pandas as pd

from obzvon.campaigns.spec import CampaignSpec
from obzvon.contacts.sources.base import Opening
from obzvon.contacts.sources.connections import Connections
from obzvon.contacts.table import Table, text
from obzvon.errors import ListError

CHUNK = 20_000
#: Characters of a row's cells that are read: a longer one is no contact.
LONGEST_ROW = 1 << 18

Row = tuple[int, tuple[str, ...]]


def read(spec: CampaignSpec, base: Path, connections: Connections) -> Iterator[pd.DataFrame]:
    """The campaign's list as DataFrames of at most `CHUNK` rows, in order, in bounded memory.

    Columns: those the campaign file names, all text, empty where the list has nothing. The index is `row_no`: the row
    of the list, from 1 after the header; empty lines of a file are no contacts and are left out, their numbers kept.
    `base`: what a relative path in the file is relative to (the project's root).

    Raises ListError, one sentence with cause and cure: missing or unreadable file, wrong encoding, unknown column,
    ragged row, a row longer than `LONGEST_ROW`, empty list, list longer than `contacts.max_contacts`. A NUL, which no
    database stores, is read as U+FFFD.
    """
    named = spec.columns_used
    with spec.contacts.source.open(Opening(base, connections, frozenset(named.values()))) as table:
        wanted = list(dict.fromkeys(named.values()))
        picks = _positions(table, named)
        rows = _limited(_rows(table, [picks[name] for name in wanted]), table.place, spec.contacts.max_contacts)
        yield from _frames(rows, wanted, table.place)


def _positions(table: Table, named: Mapping[str, str]) -> dict[str, int]:
    """Column name -> position in the list; a ListError names the campaign file's key that asks for a wrong one."""
    names = [name.strip().removeprefix("\ufeff") for name in table.columns]
    if not any(names):
        raise ListError(f"{table.place}: the list is empty, there is not even a header; export it again")
    for key, column in named.items():
        if names.count(column) > 1:
            raise ListError(f"{table.place}: `{key}`: {column!r} is the name of several columns; rename all but one")
        if column not in names:
            raise ListError(_unknown(table.place, key, column, [name for name in names if name]))
    return {column: names.index(column) for column in named.values()}


def _unknown(place: str, key: str, column: str, names: Sequence[str]) -> str:
    near = get_close_matches(column, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{place}: `{key}`: the list has no column {column!r}; {hint}it has: {', '.join(names)}"


def _rows(table: Table, picks: Sequence[int]) -> Iterator[Row]:
    for number, cells in table.rows:
        row = tuple([cell if type(cell := cells[at]) is str else text(cell) for at in picks])
        whole = "".join(row)
        if len(whole) > LONGEST_ROW:
            raise ListError(
                f"{table.place}: row {number} has more than {LONGEST_ROW} characters in the columns that are read;"
                " it is no contact: look at the row and export the list again"
            )
        yield number, tuple([cell.replace("\x00", "\ufffd") for cell in row]) if "\x00" in whole else row


def _limited(rows: Iterable[Row], place: str, limit: int) -> Iterator[Row]:
    for count, row in enumerate(rows, start=1):
        if count > limit:
            raise ListError(f"{place}: more than {limit} contacts; split the list or raise `contacts.max_contacts`")
        yield row


def _frames(rows: Iterator[Row], columns: list[str], place: str) -> Iterator[pd.DataFrame]:
    empty = True
    while chunk := list(islice(rows, CHUNK)):
        empty = False
        numbers = pd.Index([number for number, _ in chunk], name="row_no")
        yield pd.DataFrame([cells for _, cells in chunk], index=numbers, columns=columns, dtype="str")
    if empty:
        raise ListError(f"{place}: the list is empty, it has a header but no contacts; export it again")
