"""Where the two databases live: the embedded PostgreSQL, or a server of the user's own (OBZVON_DATABASE_URL)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from obzvon.errors import ConfigError
from obzvon.local.postgres import Postgres

__all__ = ["DATABASES", "Embedded", "Own", "Server", "choose", "libpq"]

DATABASES = ("obzvon_airflow", "obzvon_warehouse")


class Server(Protocol):
    """What the stack asks of a PostgreSQL server."""

    def start(self) -> bool:
        """Make the server answer and both databases exist. True when this call started it."""

    def stop(self) -> None:
        """Stop the server if it is ours."""

    def url(self, database: str, *, driver: str = "postgresql") -> str:
        """SQLAlchemy or libpq URL of a database."""

    def connection(self, database: str) -> dict[str, object]:
        """The same as an Airflow connection in its JSON form."""


class Embedded:
    """The server of the wheel in the state folder."""

    def __init__(self, folder: Path) -> None:
        self._postgres = Postgres(folder)

    def start(self) -> bool:
        ran = self._postgres.running
        self._postgres.start()
        for name in DATABASES:
            self._postgres.create_database(name)
        return not ran

    def stop(self) -> None:
        # a pid file that outlived a reboot may name a stranger's process: only stop what answers on our socket
        if self._postgres.data.exists() and self._postgres.running:
            self._postgres.stop()

    def url(self, database: str, *, driver: str = "postgresql") -> str:
        return self._postgres.url(database, driver=driver)

    def connection(self, database: str) -> dict[str, object]:
        return _connection(self.url(database))


class Own:
    """A server of the user's; its databases are made once and never dropped."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        if self._url.scheme not in {"postgresql", "postgres"} or not self._url.hostname:
            raise ConfigError("OBZVON_DATABASE_URL must read postgresql://user:password@host:port")

    def start(self) -> bool:
        try:
            with psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=10) as conn:
                for name in DATABASES:
                    if not conn.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
                        conn.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        except psycopg.Error as error:
            where = f"{self._url.hostname}:{self._url.port or 5432}"
            raise ConfigError(f"the server of OBZVON_DATABASE_URL at {where} does not let us in: {error}") from error
        return False

    def stop(self) -> None:
        """Nothing: the server is not ours."""

    def url(self, database: str, *, driver: str = "postgresql") -> str:
        return self._url._replace(scheme=driver, path=f"/{database}").geturl()

    def connection(self, database: str) -> dict[str, object]:
        return _connection(self.url(database))


def _connection(url: str) -> dict[str, object]:
    parsed = conninfo_to_dict(url)
    names = {"host": "host", "port": "port", "login": "user", "password": "password", "schema": "dbname"}
    given: dict[str, object] = {ours: parsed[theirs] for ours, theirs in names.items() if theirs in parsed}
    return {"conn_type": "postgres", **given}


def choose(folder: Path) -> Server:
    """The server OBZVON_DATABASE_URL names, else the embedded one in `folder`."""
    url = os.environ.get("OBZVON_DATABASE_URL")
    return Own(url) if url else Embedded(folder)


def libpq(url: str) -> dict[str, str]:
    """A database's address as libpq's environment variables: a command line is no place for a password."""
    names = {"user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    return {names.get(key, f"PG{key.upper()}"): str(value) for key, value in conninfo_to_dict(url).items()}
