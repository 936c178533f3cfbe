"""Does the sandbox's journal agree with the ledger, the facts and the deliveries to the row?"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
from psycopg import sql
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from obzvon.errors import ObzvonError

__all__ = ["Comparison", "compare", "load_books", "print_comparisons"]

QUERY = Path(__file__).with_name("reconcile.sql")
_BOOKS = (
    ("sandbox_campaign", "/campaigns", ("vendor", "task_id", "contacts")),
    ("sandbox_record", "/qolio/calls", ("uid", "writes")),
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One line: rows at the sandbox, rows of ours, and rows that have no partner on the other side."""

    vendor: str
    what: str
    theirs: int
    ours: int
    only_theirs: int
    only_ours: int

    @property
    def agrees(self) -> bool:
        return self.theirs == self.ours and not self.only_theirs and not self.only_ours


def compare(conn: psycopg.Connection, sandbox_url: str) -> list[Comparison]:
    """Load the sandbox's books into temporary tables and compare. ObzvonError when the sandbox does not answer."""
    try:
        with httpx.Client(base_url=f"{sandbox_url}/_sandbox", timeout=120, trust_env=False) as http:
            load_books(conn, http)
    except httpx.HTTPError as error:
        cause = type(error).__name__
        raise ObzvonError(f"the sandbox at {sandbox_url} does not answer ({cause}); start it with `make up`") from error
    return [Comparison(*row) for row in conn.execute(QUERY.read_bytes()).fetchall()]


def load_books(conn: psycopg.Connection, http: httpx.Client) -> None:
    """Fill `sandbox_campaign`, `sandbox_dial` and `sandbox_record`, which live as long as the connection."""
    for table, path, columns in _BOOKS:
        _fill(conn, table, columns, ([row[column] for column in columns] for row in _json(http, path)))
    _copy_dials(conn, http)


def _json(http: httpx.Client, path: str) -> list[dict[str, object]]:
    answer = http.get(path)
    answer.raise_for_status()
    found: list[dict[str, object]] = answer.json()
    return found


def _new_table(conn: psycopg.Connection, name: str, columns: Iterable[str]) -> None:
    table = sql.Identifier(name)
    conn.execute(sql.SQL("drop table if exists pg_temp.{}").format(table))
    wanted = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(column)) for column in columns)
    conn.execute(sql.SQL("create temporary table {} ({})").format(table, wanted))


def _fill(conn: psycopg.Connection, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    _new_table(conn, name, columns)
    with conn.cursor().copy(sql.SQL("copy {} from stdin").format(sql.Identifier(name))) as copy:
        for row in rows:
            copy.write_row(row)


def _copy_dials(conn: psycopg.Connection, http: httpx.Client) -> None:
    """The CSV goes into the table as it comes: the journal may be longer than memory."""
    with http.stream("GET", "/dials.csv") as answer:
        answer.raise_for_status()
        chunks = answer.iter_bytes()
        head = next(chunks)
        while b"\n" not in head:
            head += next(chunks)
        header, _, rest = head.partition(b"\n")
        _new_table(conn, "sandbox_dial", header.decode().strip().split(","))
        with conn.cursor().copy("copy sandbox_dial from stdin (format csv)") as copy:
            for chunk in itertools.chain([rest], chunks):
                copy.write(chunk)
    conn.execute("analyze sandbox_dial")


def print_comparisons(console: Console, found: Sequence[Comparison]) -> bool:
    """Print the comparison; True when there is something to compare and all of it agrees."""
    table = Table(
        title="Sandbox against ledger and warehouse",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("vendor")
    table.add_column("sandbox = ours", no_wrap=True)
    for name in ("sandbox", "ours", "not ours", "not theirs", ""):
        table.add_column(name, justify="right")
    for line in found:
        numbers = (line.theirs, line.ours, line.only_theirs, line.only_ours)
        table.add_row(line.vendor, line.what, *map(str, numbers), "[green]✓[/]" if line.agrees else "[red]differs[/]")
    console.print(table)
    return bool(found) and all(line.agrees for line in found)
