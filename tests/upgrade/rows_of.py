"""A row in every table of whatever schema is found: what a database of some released revision may hold."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

__all__ = ["SCHEMAS", "fill", "tables_of"]

SCHEMAS = ("ops", "pii", "dwh", "mart")
MONTH = date(2031, 5, 1)
#: `state = ANY (ARRAY['planned'::text, …`: the first word is allowed.
_WORDS = re.compile(r"\(?(\w+)\)?(?:::text)? = ANY \(+ARRAY\['([^']*)'")
_PARTITIONS = """
select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relispartition
"""
#: What a rule over several columns, or a trigger, asks of a row.
CHOSEN: Mapping[str, Any] = {
    "call_month": MONTH,
    "exclusion_code": None,
    "exclusion_reason": None,
    "state": "planned",
    "closed_by": None,
    "disposition_group": "HUMAN",
    "holds": False,
}
#: In these tables `state` is another one than an intent's.
WORDS_FIRST = ("candidate_batch", "qa_delivery", "recording", "check_result")


def tables_of(conn: sa.Connection) -> list[sa.Table]:
    """Our tables as they are, parents first, without partitions and the record of revisions."""
    partitions = {tuple(row) for row in conn.exec_driver_sql(_PARTITIONS)}
    found = sa.MetaData()
    for schema in SCHEMAS:
        if sa.inspect(conn).has_schema(schema):
            found.reflect(conn, schema=schema)
    return [
        table
        for table in found.sorted_tables
        if (table.schema, table.name) not in partitions and table.name != "schema_version"
    ]


def fill(conn: sa.Connection, number: int) -> set[str]:
    """Insert row `number` into every table, each with its parents' keys; the tables."""
    rows: dict[str, Mapping[str, Any]] = {}
    tables = tables_of(conn)
    for table in tables:
        words = _allowed(table)
        values = {c.name: _value(table, c, number, words) for c in table.columns if not (c.identity or c.computed)}
        for column in table.columns:
            for key in column.foreign_keys:
                parent = rows.get(key.column.table.fullname)
                if parent is not None and column.name in values:
                    values[column.name] = parent[key.column.name]
        row = conn.execute(table.insert().values(**values).returning(*table.columns)).mappings().one()
        rows[table.fullname] = dict(row)
    return set(rows)


def _allowed(table: sa.Table) -> dict[str, str]:
    checks = [str(rule.sqltext) for rule in table.constraints if isinstance(rule, sa.CheckConstraint)]
    return dict(match.groups() for check in checks for match in _WORDS.finditer(check))


def _value(table: sa.Table, column: sa.Column[Any], number: int, words: Mapping[str, str]) -> Any:
    name = column.name
    if name in CHOSEN and not (name == "state" and table.name in WORDS_FIRST):
        return CHOSEN[name]
    return words.get(name) or _of_type(name, column.type, number)


def _of_type(name: str, kind: sa.types.TypeEngine[Any], number: int) -> Any:
    by_kind: list[tuple[type | tuple[type, ...], Any]] = [
        (pg.ARRAY, [number]),
        ((pg.JSONB, pg.JSON), {"row": number}),
        (sa.CHAR, hashlib.sha256(f"{name} {number}".encode()).hexdigest()),
        (sa.Text, f"{name} {number}"),
        (sa.String, f"{name} {number}"),
        (sa.Boolean, True),
        (sa.Integer, number),
        ((sa.Float, sa.Double), float(number)),
        (sa.Numeric, Decimal(number)),
        (sa.DateTime, datetime(2031, 5, 1, 9, tzinfo=UTC) + timedelta(minutes=number)),
        (sa.Date, MONTH + timedelta(days=number)),
        (sa.Time, time(10)),
        (sa.LargeBinary, b"body %d" % number),
    ]
    value = next((value for one, value in by_kind if isinstance(kind, one)), f"{name} {number}")
    length = getattr(kind, "length", None)
    return value[:length] if isinstance(value, str) and length else value
