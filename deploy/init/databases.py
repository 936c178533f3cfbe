"""A role, its database and roles without a login on a PostgreSQL server. Everything may be run again at any time."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
from psycopg import sql

__all__ = ["administrator", "ensure", "secret"]


def secret(name: str) -> str:
    """A secret's text. Ends the program with the file's name when it is missing or empty."""
    path = Path(os.environ.get("OBZVON_SECRET_FILES", "/run/secrets")) / name
    text = path.read_text().strip() if path.is_file() else ""
    if not text:
        raise SystemExit(f"Obzvon: {path} is missing or empty; `python3 deploy/make_secrets.py make FOLDER` makes it")
    return text


def administrator(dsn: str, password: str) -> str:
    """The DSN of the server's superuser, for a server that `dsn` names."""
    reached = psycopg.conninfo.conninfo_to_dict(dsn.replace("+psycopg2", ""))
    owner = {"user": "postgres", "password": password, "dbname": "postgres"}
    return psycopg.conninfo.make_conninfo(**reached | owner)


def ensure(superuser: str, role: str, password: str, database: str, groups: tuple[str, ...] = ()) -> None:
    """`role` may log in with `password` and owns `database`; `groups` are roles without a login.

    The password is set each time, so that a new secret takes effect. Nothing else of what is there is changed.
    """
    with psycopg.connect(superuser, autocommit=True, application_name="obzvon") as conn:
        known = {name for (name,) in conn.execute("select rolname from pg_roles")}
        for name in {role, *groups} - known:
            conn.execute(sql.SQL("create role {} nologin").format(sql.Identifier(name)))
        conn.execute(sql.SQL("alter role {} login password {}").format(sql.Identifier(role), sql.Literal(password)))
        if not conn.execute("select 1 from pg_database where datname = %s", (database,)).fetchone():
            owned = "create database {} owner {} encoding 'UTF8' template template0"
            conn.execute(sql.SQL(owned).format(sql.Identifier(database), sql.Identifier(role)))
        conn.execute(sql.SQL("revoke connect on database {} from public").format(sql.Identifier(database)))
        for name in groups:
            granted = sql.SQL("grant connect on database {} to {}")
            conn.execute(granted.format(sql.Identifier(database), sql.Identifier(name)))
