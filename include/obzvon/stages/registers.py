"""The registers that outlive every list: who must not be called (`ops.suppression`), who agreed to be (`ops.consent`).

A file is streamed: chunks of rows, canonical phones, their keys, binary COPY into a temporary table, then one set-based
update and insert. Only keys reach the database; a phone stands for the people whom plans have it of. A row that cannot
be used is counted by reason, with its number; the others are stored. The same file twice changes nothing. Nothing is
ever deleted: an entry is closed by its last day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg

from obzvon.contacts.phones import canonical
from obzvon.contacts.sources.csv_file import CsvSource, open_csv
from obzvon.contacts.table import text
from obzvon.errors import ListError
from obzvon.ledger.keys import phone_key
from obzvon.stages.register_rows import Entry, Fields, checked
from obzvon.stages.register_statements import (
    ADD_CONSENT,
    ADD_SUPPRESSION,
    LIFT,
    PEOPLE,
    STAGING,
    SUPPRESSED,
    SUPPRESSIONS,
    WITHDRAW,
)
from obzvon.stages.stored_plans import check_secret
from obzvon.warehouse.db import connect

__all__ = [
    "Bad",
    "Entry",
    "Fields",
    "Kept",
    "add_consents",
    "add_suppressions",
    "consents_of",
    "lift_suppressions",
    "suppressions_of",
    "withdraw_consents",
]

CHUNK = 20_000
#: Row numbers kept of each reason; the count goes on.
SHOWN = 20

_COPY = (
    "copy register_staging (row_no, phone_key, purpose, reason, source, evidence, since, until)"
    " from stdin (format binary)"
)
_TYPES = ["int4", "text", "text", "text", "text", "text", "date", "date"]
_CONSENTS = """
select purpose, given_on, valid_to, proof_ref, source,
       valid_to is null or valid_to >= (now() at time zone 'Europe/Moscow')::date
from ops.consent where phone_key = %s order by given_on, consent_id
"""


@dataclass(slots=True)
class Bad:
    """Rows that could not be used for one reason; `rows` are the first of their numbers."""

    count: int = 0
    rows: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Kept:
    """What a change of a register did; counts of rows and entries.

    `suppressed` counts phones that got a consent, or were lifted, and may not be called all the same. A phone that
    belongs to several people makes an entry for each.
    """

    rows: int = 0
    added: int = 0
    changed: int = 0
    closed: int = 0
    suppressed: int = 0
    bad: dict[str, Bad] = field(default_factory=dict)

    def refuse(self, row_no: int, reason: str) -> None:
        """Count a row that cannot be used."""
        found = self.bad.setdefault(reason, Bad())
        found.count += 1
        if len(found.rows) < SHOWN:
            found.rows.append(row_no)


def add_suppressions(dsn: str, phones: str | Path, fields: Fields, *, secret: bytes) -> Kept:
    """Suppress one phone, or those of a file, with the other phones that plans know of the same people.

    An entry with the same purpose, source and evidence is updated.
    Where no first day is given it is now, and stays what it was for entries that exist. One that was lifted and comes
    again holds again. Raises ListError when the file cannot be read.
    """
    return _change(dsn, phones, fields, secret, (ADD_SUPPRESSION,))


def lift_suppressions(dsn: str, phones: str | Path, fields: Fields, *, secret: bytes) -> Kept:
    """Close the entries of the phones: of one purpose, or all with `*`; of one source, or of all but erasure.

    An entry that was written for another phone of the person stays and is counted in `suppressed`.
    """
    return _change(dsn, phones, fields, secret, (LIFT, SUPPRESSED))


def add_consents(dsn: str, phones: str | Path, fields: Fields, *, secret: bytes) -> Kept:
    """Note the consents of one phone, or of a file. One with the same purpose and proof is updated."""
    return _change(dsn, phones, fields, secret, (ADD_CONSENT, SUPPRESSED))


def withdraw_consents(dsn: str, phones: str | Path, fields: Fields, *, secret: bytes) -> Kept:
    """Close the consents of the phones (of one purpose, or all with `*`) as of today, and suppress that purpose.

    So it is done with the other phones that plans know of the same people.
    """
    return _change(dsn, phones, fields, secret, (WITHDRAW, ADD_SUPPRESSION))


def suppressions_of(dsn: str, phone: str, *, secret: bytes) -> list[tuple[Any, ...]]:
    """Purpose, reason, source, first and last moment, evidence, whose phone, and whether it holds now.

    The phone is `this`, or `another` one of the same person.
    """
    with connect(dsn) as conn:
        check_secret(conn, secret)
        return conn.execute(SUPPRESSIONS.encode(), {"key": phone_key(secret, phone)}).fetchall()


def consents_of(dsn: str, phone: str, *, secret: bytes) -> list[tuple[Any, ...]]:
    """Purpose, day given, last day, proof, source, and whether it holds today."""
    with connect(dsn) as conn:
        check_secret(conn, secret)
        return conn.execute(_CONSENTS, (phone_key(secret, phone),)).fetchall()


def _change(
    dsn: str, phones: str | Path, fields: Fields, secret: bytes, statements: Iterable[Mapping[str, str]]
) -> Kept:
    kept = Kept()
    with connect(dsn) as conn:
        check_secret(conn, secret)
        today: date = conn.execute("select (now() at time zone 'Europe/Moscow')::date").fetchall()[0][0]
        conn.execute(STAGING)
        _stage(conn, _entries(phones, fields, today, secret, kept))
        conn.execute("analyze register_staging")
        conn.execute(PEOPLE.encode())
        conn.execute("analyze register_person")
        for statement in statements:
            for counted, query in statement.items():
                before: int = getattr(kept, counted)
                setattr(kept, counted, before + conn.execute(query.encode()).rowcount)
    return kept


def _stage(conn: psycopg.Connection, entries: Iterable[tuple[Any, ...]]) -> None:
    try:
        with conn.cursor() as cursor, cursor.copy(_COPY) as copy:
            copy.set_types(_TYPES)
            for entry in entries:
                copy.write_row(entry)
    except (psycopg.errors.CharacterNotInRepertoire, UnicodeEncodeError):
        # not `from error`: it carries the cell
        raise ListError("the list holds a character that no database text can hold; export it again") from None


def _entries(phones: str | Path, fields: Fields, today: date, secret: bytes, kept: Kept) -> Iterator[tuple[Any, ...]]:
    """The rows that can be used, as they are staged."""
    chunks = _chunks(phones, fields) if isinstance(phones, Path) else iter([[(1, {"phone": phones})]])
    for chunk in chunks:
        kept.rows += len(chunk)
        numbers = canonical(pd.Series([cells["phone"] for _, cells in chunk], dtype="str"))
        for (row_no, cells), e164, reason in zip(chunk, numbers["e164"], numbers["reason"], strict=True):
            found = reason or checked(cells, fields, today)
            if isinstance(found, str):
                kept.refuse(row_no, found)
            else:
                yield row_no, phone_key(secret, e164), *found


def _chunks(path: Path, fields: Fields) -> Iterator[list[tuple[int, dict[str, str]]]]:
    """The rows of a file with the cells that are read of them; ListError names file, column and cure."""
    try:
        opened = open_csv(CsvSource(type="csv", path=str(path)), path)
        with opened as table:
            at = _positions(str(path), [name.strip().removeprefix("\ufeff") for name in table.columns], fields)
            rows = ((no, {name: text(cells[n]) for name, n in at.items()}) for no, cells in table.rows)
            while chunk := list(islice(rows, CHUNK)):
                yield chunk
    except OSError as error:
        raise ListError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error


def _positions(place: str, header: list[str], fields: Fields) -> dict[str, int]:
    at: dict[str, int] = {}
    for name, column in fields.columns.items():
        if header.count(column) > 1:
            raise ListError(f"{place}: {column!r} is the name of several columns; rename all but one")
        if column in header:
            at[name] = header.index(column)
        elif name in fields.demanded:
            cure = f"say which it is by --column {name}=…; there are: {', '.join(header)}"
            raise ListError(f"{place}: there is no column {column!r}; {cure}")
    return at
