"""Rotation of the phones' secret: every key gets a layer, in steps that may be broken off (decision 18)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import psycopg
from psycopg import sql
from psycopg.errors import LockNotAvailable

from obzvon.errors import ConfigError, LedgerError
from obzvon.ledger.key_guard import check_secret, fingerprint
from obzvon.ledger.keys import layers_of, phone_key, rekeyed
from obzvon.stages.rekeying import statements as q
from obzvon.warehouse.db import connect

__all__ = ["BLOCKS", "Rekeyed", "rotate"]

Say = Callable[[str], None]
#: Of 8 KB, in one commit: some tens of thousands of rows.
BLOCKS = 2_000
KEYS_AT_ONCE = 50_000
LOCK_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """What a rotation did. `rows` counts this run's, a finished rotation has none."""

    version: int
    rows: int
    done_at: datetime


@dataclass(frozen=True, slots=True)
class _Table:
    """A table with keys in it."""

    schema: str
    name: str
    kind: str
    columns: tuple[str, ...]

    @property
    def sql(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    @property
    def stored(self) -> bool:
        """False for a partitioned one, whose rows are its partitions'."""
        return self.kind == "r"

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


def rotate(dsn: str, old: bytes, new: bytes, *, blocks: int = BLOCKS, say: Say = lambda _: None) -> Rekeyed:
    """Put the newest layer of `new` around every key of the warehouse; `new` is the ring `old` with one secret more.

    From beginning to end everybody else's writes to keys, ledger and facts are refused, so nobody is called. A run that
    died is finished by the same call; after the end it changes nothing. Raises LedgerError, and changes nothing, while
    a vendor has an intent or somebody plans, loads or erases; ConfigError when a secret is not the one it must be.
    """
    _demand_ring(old, new)
    with connect(dsn) as conn:
        conn.autocommit = True
        conn.execute("set obzvon.rekeying = 'on'")
        conn.execute(f"set lock_timeout = '{LOCK_SECONDS}s'".encode())
        if done := _done(conn, new):
            return done
        if not _begun(conn, new):
            _begin(conn, old, new)
            say("begun: until the end nobody else can write keys, ledger or facts")
        tables = _tables(conn)
        _map(conn, tables, new, say)
        rows = sum(_rekey(conn, table, blocks, say) for table in tables if table.stored)
        done_at = _end(conn, tables, new)
        for table in tables:
            if table.stored:
                conn.execute(sql.SQL("vacuum (analyze) {}").format(table.sql))
    return Rekeyed(len(layers_of(new)), rows, done_at)


def _demand_ring(old: bytes, new: bytes) -> None:
    before, after = layers_of(old), layers_of(new)
    if after[:-1] != before:
        raise ConfigError(
            "the new ring of keys is not the secret in force with one layer more: name the file that belongs to it, or"
            " another one, which is then written"
        )
    if len(after[-1]) < 32:
        raise ConfigError("the new secret is shorter than 32 characters; delete the file and let the command make one")


def _newest(conn: psycopg.Connection) -> tuple[int, str, datetime | None] | None:
    return conn.execute(q.NEWEST).fetchone()


def _done(conn: psycopg.Connection, new: bytes) -> Rekeyed | None:
    row = _newest(conn)
    return Rekeyed(row[0], 0, row[2]) if row and row[2] and row[1] == fingerprint(new) else None


def _begun(conn: psycopg.Connection, new: bytes) -> bool:
    row = _newest(conn)
    if row is None or row[2] is not None:
        return False
    if row[1] != fingerprint(new):
        raise ConfigError("a rotation to another ring of keys is under way: name the file that it was begun with")
    return True


# begin ----------------------------------------------------------------------------------------------------------------


def _begin(conn: psycopg.Connection, old: bytes, new: bytes) -> None:
    """The house is closed for writing and the ledger knows it, or nothing has happened."""
    try:
        with conn.transaction():
            conn.execute(q.ALONE)
            check_secret(conn, old)
            tables = _tables(conn)
            closed = [*(table.sql for table in tables), *(sql.Identifier(*name) for name in q.CLOSED_TOO)]
            conn.execute(sql.SQL("lock table {} in share row exclusive mode").format(sql.SQL(", ").join(closed)))
            _demand_quiet(conn)
            conn.execute(q.REKEY)
            for table in closed:
                conn.execute(sql.SQL(q.GUARD).format(table=table))
            conn.execute(q.FIRST, [len(layers_of(old)), fingerprint(old)])
            conn.execute(q.NEXT, [len(layers_of(new)), fingerprint(new)])
    except LockNotAvailable:
        raise LedgerError(
            f"somebody has been planning, loading, erasing or launching for {LOCK_SECONDS} s: pause the DAGs or wait,"
            " then run this again. Nothing was changed"
        ) from None


def _demand_quiet(conn: psycopg.Connection) -> None:
    """What a vendor has must be over: its results could not be written down."""
    if found := conn.execute(q.UNDER_WAY).fetchall():
        named = ", ".join(f"{campaign} {day} ({state})" for campaign, day, state in found[:5])
        raise LedgerError(
            f"{len(found)} plans have campaigns at a vendor: {named}. Let them end or stop them (`obzvon stop`) and"
            " collect, then run this again. Nothing was changed"
        )


def _tables(conn: psycopg.Connection) -> list[_Table]:
    return [_Table(schema, name, kind, tuple(columns)) for schema, name, kind, columns in conn.execute(q.TABLES)]


# rekey ----------------------------------------------------------------------------------------------------------------


def _map(conn: psycopg.Connection, tables: Sequence[_Table], new: bytes, say: Say) -> None:
    """Every key of the warehouse and what it becomes; made here, so that no secret travels. All of it or nothing."""
    if conn.execute(q.MAPPED).fetchone() is not None:
        return
    parts = [
        sql.SQL("select {column} from {table} where {column} is not null").format(
            column=sql.Identifier(column), table=table.sql
        )
        for table in tables
        if table.stored
        for column in table.columns
    ]
    keys = 0
    with conn.transaction(), conn.cursor(name="every_key") as cursor:
        cursor.itersize = KEYS_AT_ONCE
        cursor.execute(sql.SQL(" union ").join(parts))
        found = (key for (key,) in cursor)
        while chunk := list(islice(found, KEYS_AT_ONCE)):
            with conn.cursor().copy(q.COPY_MAP) as copy:
                for key in chunk:
                    copy.write_row((key, rekeyed(new, key)))
            keys += len(chunk)
        conn.execute(q.MAP_INDEX)
        conn.execute(q.MAP_DONE)
    conn.execute("analyze rekey.key_map")
    say(f"{keys:,} keys of phones and people")


def _rekey(conn: psycopg.Connection, table: _Table, blocks: int, say: Say) -> int:
    """Move a table's rows, some blocks a commit, from where the run before left off; rows moved."""
    (at, end), rows = conn.execute(q.START, {"table": str(table)}).fetchall()[0], 0
    while at < end:
        with conn.transaction():
            rows += _move(conn, table, at, until := min(at + blocks, end))
            conn.execute(q.REACHED, {"table": str(table), "block": until})
        at = until
    if rows:
        say(f"{table}: {rows:,} rows")
    return rows


def _move(conn: psycopg.Connection, table: _Table, first: int, last: int) -> int:
    """The rows of some blocks. A row that is new already has no key in the map: it stays."""
    maps = [(sql.Identifier(column), sql.Identifier(f"m{number}")) for number, column in enumerate(table.columns)]
    statement = sql.SQL(q.MOVE).format(
        table=table.sql,
        values=sql.SQL(", ").join(sql.SQL("{0} = coalesce({1}.new, t.{0})").format(*one) for one in maps),
        joins=sql.SQL(" ").join(sql.SQL("left join rekey.key_map {1} on {1}.old = s.{0}").format(*one) for one in maps),
        any=sql.SQL(" or ").join(sql.SQL("{1}.old is not null").format(*one) for one in maps),
    )
    return conn.execute(statement, {"first": f"({first},0)", "last": f"({last},0)"}).rowcount


# end ------------------------------------------------------------------------------------------------------------------


def _end(conn: psycopg.Connection, tables: Sequence[_Table], new: bytes) -> datetime:
    """Open the house again, once every key is a new one and every stored phone gives its key."""
    with conn.transaction():
        conn.execute(q.ALONE)
        for table in (table for table in tables if table.stored):
            for column in table.columns:
                query = sql.SQL(q.LEFT).format(table=table.sql, column=sql.Identifier(column))
                ((left,),) = conn.execute(query).fetchall()
                if left:
                    raise LedgerError(f"{left} rows of {table} have a {column} that was not moved; nothing was opened")
        if wrong := sum(1 for key, phone in _phones(conn) if phone_key(new, phone) != key):
            raise LedgerError(f"{wrong} stored phones do not give their keys with the new ring; nothing was opened")
        conn.execute("drop schema rekey cascade")
        ((done_at,),) = conn.execute(q.DONE, [fingerprint(new)]).fetchall()
    moment: datetime = done_at
    return moment


def _phones(conn: psycopg.Connection) -> Iterator[tuple[str, str]]:
    with conn.cursor(name="every_phone") as cursor:
        cursor.itersize = KEYS_AT_ONCE
        yield from cursor.execute("select phone_key, phone_e164 from pii.phone")
