"""The data dictionary and the picture of the model, generated from the catalog's comments and from the metadata."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import sqlalchemy as sa

from obzvon.warehouse.tables import metadata

__all__ = ["MODEL", "dictionary", "model", "with_model"]

_RELATIONS = """
select c.oid, c.relname, obj_description(c.oid, 'pg_class'), c.relkind = 'v'
from pg_class c
where c.relnamespace = 'mart'::regnamespace and c.relkind in ('r', 'v') order by c.relkind desc, c.relname
"""
_COLUMNS = """
select attname, format_type(atttypid, atttypmod), coalesce(col_description(attrelid, attnum), '')
from pg_attribute where attrelid = %s and attnum > 0 and not attisdropped order by attnum
"""
_HEAD = """# Data dictionary

Every view and table of schema `mart`, which is all that analysts read. Generated from the comments in the database:
`python -m obzvon dictionary` writes this page anew, and a test fails when it is out of date.
"""
#: Between these lines of docs/analysts.md stands the picture.
MODEL = re.compile(r"(<!-- model: [^>]+ -->\n).*?(<!-- /model -->)", re.DOTALL)


def dictionary(conn: psycopg.Connection) -> str:
    """The page: views first, then the sums below them; each with its columns, their types and comments."""
    parts = [_HEAD]
    for oid, name, comment, _ in conn.execute(_RELATIONS).fetchall():
        columns = conn.execute(_COLUMNS, [oid]).fetchall()
        lines = [f"| `{column}` | {kind} | {_cell(said)} |" for column, kind, said in columns]
        parts.append("\n".join([f"## {name}\n", f"{comment}\n", "| Column | Type | |", "|---|---|---|", *lines]) + "\n")
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def model() -> str:
    """The tables of `dwh` with their keys and foreign keys, as a Mermaid diagram."""
    tables = [table for table in metadata.sorted_tables if table.schema == "dwh"]
    lines = ["```mermaid", "erDiagram"]
    for table in tables:
        lines += [f"    {table.name} {{", *(f"        {_column(column)}" for column in table.columns), "    }"]
    for table in tables:
        for key in sorted(table.foreign_key_constraints, key=lambda key: str(key.name)):
            label = ", ".join(column.name for column in key.columns)
            lines.append(f'    {key.referred_table.name} ||--o{{ {table.name} : "{label}"')
    return "\n".join([*lines, "```", ""])


def _column(column: sa.Column[object]) -> str:
    kind = re.sub(r"\W+", "_", str(column.type.compile())).strip("_").lower()
    marks = ", ".join(mark for mark, has in (("PK", column.primary_key), ("FK", bool(column.foreign_keys))) if has)
    return f"{kind} {column.name} {marks}".rstrip()


def with_model(page: Path) -> str:
    """The page with the picture as it is now."""
    return MODEL.sub(lambda found: f"{found[1]}{model()}{found[2]}", page.read_text(encoding="utf-8"))
