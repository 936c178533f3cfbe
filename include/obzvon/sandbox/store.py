"""The sandbox's memory: one SQLite file in the state folder, survives a restart.

Times are seconds since 1970 (UTC). In `attempt` they are virtual, everywhere else real.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from obzvon.errors import ConfigError
from obzvon.sandbox.models import moment

SCHEMA = """
create table if not exists meta (key text primary key, value text not null);
create table if not exists request (
    id integer primary key, at real not null, vendor text not null, method text not null, path text not null,
    query text not null, status integer, fault text, sha256 text not null, body blob not null, seconds real not null);
create table if not exists token (
    token text primary key, vendor text not null, kind text not null, expires_at real not null);
create table if not exists campaign (
    task_id text primary key, vendor text not null, family text not null, name text not null, fate_key text not null,
    body text not null, rules text not null, start_mode text not null, start_at real, ends_at real,
    state text not null, epoch_at real, epoch_elapsed real,
    stale_from real, created_at real not null, updated_at real not null);
create table if not exists contact (
    contact_id integer primary key, task_id text not null references campaign on delete cascade, external_id text,
    phones text not null, variables text not null, callback text, offset_sec integer, queued_at real not null,
    cancelled_at real);
create unique index if not exists contact_external on contact (task_id, external_id) where external_id is not null;
create index if not exists contact_task on contact (task_id, contact_id);
create table if not exists attempt (
    call_id text primary key, task_id text not null references campaign on delete cascade, contact_id integer not null,
    external_id text, phone text not null, attempt integer not null, dialed integer not null, queued_at real not null,
    dial_at real not null, answer_at real, end_at real not null, record_at real, ring real not null, talk real not null,
    status text not null, responder text, result text, transferred integer not null, price real not null);
create index if not exists attempt_task on attempt (task_id, queued_at, call_id);
create index if not exists attempt_contact on attempt (contact_id, attempt);
create table if not exists qolio_call (
    uid text primary key, integration_id text not null, body text not null, writes integer not null,
    created_at real not null, updated_at real not null);
create table if not exists qolio_review (
    review_id text primary key, uid text not null, review_time real not null, body text not null);
create index if not exists qolio_review_uid on qolio_review (uid);
"""

TABLES = ("request", "token", "attempt", "contact", "campaign", "qolio_call", "qolio_review", "meta")


class Store:
    """A thin hand on SQLite. Only one process may hold a state folder (ConfigError else)."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = (folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise ConfigError(f"{folder}: another sandbox uses this folder; stop it or give another --state") from error
        self._db = sqlite3.connect(folder / "sandbox.sqlite3", isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.create_function("moment", 1, lambda text: moment(text).timestamp(), deterministic=True)
        # WAL + NORMAL: a commit costs no fsync and still survives the death of the process
        self._db.executescript("pragma journal_mode=wal; pragma synchronous=normal; pragma foreign_keys=on;" + SCHEMA)

    def close(self) -> None:
        self._db.close()
        self._lock.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is kept together or not at all; may be nested. Must not contain an await."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def run(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> int:
        """Execute; the number of rows it changed."""
        return self._db.execute(sql, params).rowcount

    def insert(self, table: str, row: Mapping[str, Any]) -> int:
        """Insert one row; its rowid."""
        return int(self._db.execute(_insert(table, row), row).lastrowid or 0)

    def insert_many(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rows that all have the same columns."""
        rows = list(rows)
        if rows:
            self._db.executemany(_insert(table, rows[0]), rows)

    def rows(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> list[sqlite3.Row]:
        return self._db.execute(sql, params).fetchall()

    def one(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._db.execute(sql, params).fetchone()
        return row

    def value(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> Any:
        """First column of the first row, None where there is no row."""
        row = self.one(sql, params)
        return None if row is None else row[0]

    def wipe(self) -> None:
        """Forget everything."""
        with self.transaction():
            for table in TABLES:
                self.run(f"delete from {table}")


def _insert(table: str, row: Mapping[str, Any]) -> str:
    return f"insert into {table} ({', '.join(row)}) values ({', '.join(':' + name for name in row)})"
