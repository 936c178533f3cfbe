"""A PostgreSQL of the bench's own: fresh databases from a template, sizes and counters of tables."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from obzvon.local.postgres import Postgres, binaries
from obzvon.warehouse.db import connect
from obzvon.warehouse.migrate import migrate

__all__ = ["PSQL", "Database", "running"]

PSQL = binaries() / "psql"
#: What loading writes facts into; partitions have the table's name and more.
FACTS = ("fact_call_attempt", "fact_dialog_goal", "dialog_turn", "known_call")

_WRITTEN = """
select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0), coalesce(sum(pg_total_relation_size(relid)), 0)
from pg_stat_user_tables where relname ~ %s
"""


class Database:
    """One server with a migrated template; a copy of it for each measurement."""

    def __init__(self, server: Postgres) -> None:
        self._server, self._numbers = server, itertools.count(1)
        server.create_database("template")
        migrate(self.url("template"))

    def url(self, name: str) -> str:
        return self._server.url(name)

    @property
    def version(self) -> str:
        with connect(self.url("postgres")) as conn:
            return str(conn.execute("show server_version").fetchall()[0][0])

    def template(self, name: str) -> str:
        """The address of a second template, migrated as the first one."""
        self._server.create_database(name, template="template")
        return self.url(name)

    @contextmanager
    def copy(self, template: str = "template") -> Iterator[str]:
        """The address of a fresh copy of a template, dropped in the end. Its pages are on the disk before."""
        name = f"copy_{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            conn.execute(f"create database {name} template {template} strategy file_copy".encode())
            conn.execute("checkpoint")
        try:
            yield self.url(name)
        finally:
            self._server.drop_database(name)


def written(dsn: str) -> tuple[int, float]:
    """Rows that were ever written to the facts' tables, dead ones included, and the tables' size in MiB."""
    with connect(dsn) as conn:
        rows, size = conn.execute(_WRITTEN, (f"^({'|'.join(FACTS)})",)).fetchall()[0]
    return int(rows), int(size) / 2**20


@contextmanager
def running(folder: Path, *, durable: bool) -> Iterator[Database]:
    """A server for the length of a bench. `durable` = as in production: it waits for the disk."""
    server = Postgres(folder / "postgres", durable=durable)
    server.start()
    try:
        yield Database(server)
    finally:
        server.stop()
