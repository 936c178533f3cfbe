"""Who may read what, asked of the database by the roles themselves, relation by relation."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from obzvon.warehouse.db import connect
from obzvon.warehouse.marts import create_marts
from obzvon.warehouse.migrate import restore_dwh
from obzvon.warehouse.readers import ANALYST, ENGINEER, READS, SCHEMAS, grant_reading

RELATIONS = """
select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any(%s) and c.relkind in ('r', 'v', 'm', 'p') order by 1, 2
"""
_numbers = itertools.count(1)
As = Callable[[str], psycopg.Connection]


@contextmanager
def a_member_of(conn: psycopg.Connection, dsn: str, role: str) -> Iterator[psycopg.Connection]:
    """A connection of a user whose only right is to be in the role."""
    user = f"reader_{next(_numbers)}"
    conn.execute(sql.SQL("create role {} login in role {}").format(sql.Identifier(user), sql.Identifier(role)))
    conn.commit()
    where = urlsplit(dsn)
    own = urlunsplit(where._replace(netloc=where.netloc.replace(f"{where.username}", user)))
    try:
        with connect(own) as reader:
            reader.autocommit = True
            yield reader
    finally:
        conn.rollback()
        conn.execute(sql.SQL("drop role {}").format(sql.Identifier(user)))
        conn.commit()


def relations(conn: psycopg.Connection) -> list[tuple[str, str]]:
    found = conn.execute(RELATIONS, [list(SCHEMAS)]).fetchall()
    conn.commit()
    assert {schema for schema, _ in found} == set(SCHEMAS)
    return [(schema, name) for schema, name in found]


def may_read(reader: psycopg.Connection, schema: str, name: str) -> bool:
    try:
        reader.execute(sql.SQL("select * from {} limit 1").format(sql.Identifier(schema, name)))
    except InsufficientPrivilege:
        return False
    return True


@pytest.mark.parametrize("role", [ANALYST, ENGINEER])
def test_a_role_reads_its_schemas_and_nothing_else(conn: psycopg.Connection, warehouse_dsn: str, role: str) -> None:
    everything = relations(conn)
    with a_member_of(conn, warehouse_dsn, role) as reader:
        readable = [(schema, name) for schema, name in everything if may_read(reader, schema, name)]
    assert readable == [(schema, name) for schema, name in everything if schema in READS[role]]


@pytest.mark.parametrize("role", [ANALYST, ENGINEER])
def test_a_role_writes_nowhere(conn: psycopg.Connection, warehouse_dsn: str, role: str) -> None:
    with a_member_of(conn, warehouse_dsn, role) as reader:
        for statement in (
            "delete from mart.attempt_daily", "update mart.contact_outcome set goal = 0",
            "create table mart.own (a int)", "truncate mart.caller_daily", "create view mart.mine as select 1 as one",
        ):  # fmt: skip
            with pytest.raises(InsufficientPrivilege):
                reader.execute(statement.encode())


def test_what_is_made_later_is_readable_too(conn: psycopg.Connection, warehouse_dsn: str) -> None:
    conn.execute("create view mart.v_later as select 1 as one")
    conn.execute("create table pii.later (phone text)")
    conn.execute("drop view mart.v_plan cascade")
    create_marts(conn)
    conn.commit()
    with a_member_of(conn, warehouse_dsn, ANALYST) as reader:
        assert may_read(reader, "mart", "v_later")
        assert may_read(reader, "mart", "v_campaign_funnel")
        assert not may_read(reader, "pii", "later")


def test_a_schema_that_was_made_anew_has_its_readers(conn: psycopg.Connection, warehouse_dsn: str) -> None:
    conn.execute("drop schema dwh cascade")
    conn.commit()
    restore_dwh(warehouse_dsn)
    with a_member_of(conn, warehouse_dsn, ENGINEER) as reader:
        assert may_read(reader, "dwh", "fact_call_attempt")
    with a_member_of(conn, warehouse_dsn, ANALYST) as reader:
        assert may_read(reader, "mart", "v_attempt")
        assert not may_read(reader, "dwh", "fact_call_attempt")


def test_rights_that_somebody_gave_by_hand_are_taken_back(conn: psycopg.Connection, warehouse_dsn: str) -> None:
    conn.execute("grant usage on schema pii to obzvon_analyst")
    conn.execute("grant select on all tables in schema pii to obzvon_analyst")
    grant_reading(conn)
    conn.commit()
    with a_member_of(conn, warehouse_dsn, ANALYST) as reader:
        assert not may_read(reader, "pii", "phone")


def test_a_missing_role_is_passed_over_with_the_cure(
    conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(READS, "nobody_made_me", ("mart",))
    with caplog.at_level(logging.WARNING):
        assert grant_reading(conn) == ["nobody_made_me"]
    assert "create role nobody_made_me nologin" in caplog.text


def test_who_may_not_make_roles_migrates_all_the_same(conn: psycopg.Connection, warehouse_dsn: str) -> None:
    """The revision's own statement, as a user without CREATEROLE: a notice, no role, no error."""
    statement = import_module("obzvon.warehouse.migrations.versions.0004_readers").ROLE.format(role="never_made")
    said: list[str] = []
    with a_member_of(conn, warehouse_dsn, ENGINEER) as reader:
        reader.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
        reader.execute(statement.encode())
        assert reader.execute("select 1 from pg_roles where rolname = 'never_made'").fetchone() is None
    assert said == ["role never_made was not created: the migrating user lacks CREATEROLE"]


def test_roles_that_are_there_already_are_left_alone(conn: psycopg.Connection) -> None:
    statement = import_module("obzvon.warehouse.migrations.versions.0004_readers").ROLE.format(role=ANALYST)
    conn.execute(statement.encode())
    query = "select rolcanlogin, rolsuper, rolcreaterole from pg_roles where rolname = any(%s)"
    assert conn.execute(query, [[ANALYST, ENGINEER]]).fetchall() == [(False, False, False)] * 2


def test_analysts_see_no_phone_and_no_pseudonym_of_one(conn: psycopg.Connection) -> None:
    query = """select table_name, column_name from information_schema.columns
               where table_schema = 'mart' and column_name ~ 'phone|full_name|person_key|record_url|text_redacted'"""
    assert conn.execute(query).fetchall() == []
