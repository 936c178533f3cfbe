"""A read-only look into schema `mart`: never a write, never another schema, never longer than a page may take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg
from airflow.sdk.exceptions import AirflowNotFoundException
from psycopg import sql
from psycopg.rows import dict_row

from obzvon.errors import ConfigError, ObzvonError
from obzvon_provider.hooks.warehouse import WarehouseHook

__all__ = ["READERS", "Marts", "Row", "View", "WarehouseAway", "marts", "warehouse_dsn"]

Row = dict[str, Any]

#: Connections that are tried, in this order.
READERS = ("warehouse_readonly", "warehouse_default")
ROLE = "obzvon_analyst"
STATEMENT_SECONDS = 20
# compiling a query would take longer than running it: sums of a month are thousands of rows
_OPTIONS = f"-c timezone=UTC -c jit=off -c default_transaction_read_only=on -c statement_timeout={STATEMENT_SECONDS}s"

_MEMBER = "select pg_has_role(oid, 'member') from pg_roles where rolname = %s"

_CATALOGUE = """
select c.relname as view, obj_description(c.oid, 'pg_class') as says, a.attname as column,
    format_type(a.atttypid, a.atttypmod) as type, col_description(c.oid, a.attnum) as means
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where n.nspname = 'mart' and c.relkind in ('v', 'm', 'r', 'p') and has_table_privilege(c.oid, 'select')
order by c.relname, a.attnum
"""


class WarehouseAway(ObzvonError):
    """The warehouse does not answer. The message says which connection; the cure is the reader's page."""


@dataclass(frozen=True, slots=True)
class View:
    """A view of schema `mart` as its comments describe it: column -> (type, meaning)."""

    name: str
    says: str
    columns: Mapping[str, tuple[str, str]] = field(default_factory=dict)


class Marts:
    """Open for one request."""

    def __init__(self, conn: psycopg.Connection[Row]) -> None:
        self._conn = conn
        self.views = _views(conn)

    def ask(self, query: sql.Composed | LiteralString, values: Mapping[str, Any]) -> tuple[tuple[str, ...], list[Row]]:
        """Columns and rows of a query over schema `mart`."""
        cur = self._conn.execute(query, values)
        return tuple(column.name for column in cur.description or ()), cur.fetchall()


def warehouse_dsn() -> tuple[str, str]:
    """Id and libpq URL of the reading connection. Raises ConfigError when there is none."""
    for conn_id in READERS:
        try:
            return conn_id, WarehouseHook(conn_id).dsn()
        except AirflowNotFoundException:
            continue
    raise ConfigError(f"no connection to the warehouse: create {READERS[0]} or {READERS[1]} (type postgres) in Airflow")


@contextmanager
def marts() -> Iterator[Marts]:
    """The marts over the reading connection, as role `obzvon_analyst` where that may be had.

    Raises ConfigError without a connection, WarehouseAway when the warehouse cannot be reached.
    """
    conn_id, dsn = warehouse_dsn()
    try:
        conn = psycopg.connect(
            dsn, autocommit=True, options=_OPTIONS, connect_timeout=5, application_name="obzvon pages",
            row_factory=dict_row,
        )  # fmt: skip
    except psycopg.OperationalError:
        raise WarehouseAway(f"the warehouse of connection {conn_id} does not answer") from None
    with conn:
        conn.execute("set session characteristics as transaction read only")
        _become_analyst(conn)
        yield Marts(conn)


def _become_analyst(conn: psycopg.Connection[Row]) -> None:
    member = conn.execute(_MEMBER, (ROLE,)).fetchone()
    if member and member["pg_has_role"]:
        conn.execute(sql.SQL("set role {}").format(sql.Identifier(ROLE)))


def _views(conn: psycopg.Connection[Row]) -> dict[str, View]:
    found: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {}
    for row in conn.execute(_CATALOGUE):
        _, columns = found.setdefault(row["view"], (row["says"] or "", {}))
        columns[row["column"]] = (row["type"], row["means"] or "")
    return {name: View(name, says, columns) for name, (says, columns) in found.items()}
