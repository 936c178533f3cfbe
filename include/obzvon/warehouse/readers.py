"""Who may read what. Two group roles without a login: analysts read `mart`, engineers `ops`, `dwh` and `mart`.

Views run with their owner's rights, so analysts need nothing on the schemas below. Nobody but the pipeline's own user
reads `pii`. Rights are given on every migration, because a schema that was dropped and made anew has lost them.
"""

from __future__ import annotations

import logging

import psycopg
from psycopg import sql

__all__ = ["ANALYST", "ENGINEER", "READS", "grant_reading"]

log = logging.getLogger(__name__)

ANALYST, ENGINEER = "obzvon_analyst", "obzvon_engineer"
READS = {ANALYST: ("mart",), ENGINEER: ("ops", "dwh", "mart")}
SCHEMAS = ("ops", "dwh", "mart", "pii")


def grant_reading(conn: psycopg.Connection) -> list[str]:
    """Give each role exactly its schemas, for what is there and what the migrating user makes later; missing roles.

    A missing role (the migrating user lacked CREATEROLE) is named in a warning and passed over.
    """
    missing = []
    for role, schemas in READS.items():
        if conn.execute("select from pg_roles where rolname = %s", [role]).fetchone() is None:
            log.warning(
                "role %s is missing: have an administrator run `create role %s nologin`, then migrate", role, role
            )
            missing.append(role)
            continue
        with conn.transaction():
            for schema in SCHEMAS:
                _grant(conn, role, schema, may=schema in schemas)
    return missing


def _grant(conn: psycopg.Connection, role: str, schema: str, *, may: bool) -> None:
    names = {"role": sql.Identifier(role), "schema": sql.Identifier(schema)}
    statements = (
        ("grant usage on schema {schema} to {role}", "grant select on all tables in schema {schema} to {role}",
         "alter default privileges in schema {schema} grant select on tables to {role}")
        if may
        else ("revoke all on all tables in schema {schema} from {role}", "revoke all on schema {schema} from {role}",
              "alter default privileges in schema {schema} revoke all on tables from {role}")
    )  # fmt: skip
    for statement in statements:
        conn.execute(sql.SQL(statement).format(**names))
