"""What people read in a database tool: comments of tables and columns, taken from the metadata on each migration."""

from __future__ import annotations

import psycopg
from psycopg import sql

from obzvon.warehouse.tables import metadata

__all__ = ["write_comments"]

# Of ordinary and partitioned tables, not of partitions; attnum 0 is the table itself.
_FOUND = """
select n.nspname || '.' || c.relname, coalesce(a.attname::text, ''), d.description
from pg_description d
join pg_class c on c.oid = d.objoid and c.relkind in ('r', 'p') and not c.relispartition
join pg_namespace n on n.oid = c.relnamespace
left join pg_attribute a on a.attrelid = c.oid and a.attnum = d.objsubid and a.attnum > 0
where d.classoid = 'pg_class'::regclass
"""


def write_comments(conn: psycopg.Connection) -> int:
    """Make the comments in the database those of the metadata; how many were written. None when nothing differs."""
    with conn.transaction():
        found = {(table, column): said for table, column, said in conn.execute(_FOUND)}
        written = 0
        for table in metadata.sorted_tables:
            name = sql.Identifier(str(table.schema), table.name)
            said = {"": table.comment, **{column.name: column.comment for column in table.columns}}
            for column, text in said.items():
                if found.get((str(table), column)) != text:
                    what = (
                        sql.SQL("column {}.{}").format(name, sql.Identifier(column))
                        if column
                        else sql.SQL("table {}").format(name)
                    )
                    conn.execute(sql.SQL("comment on {} is {}").format(what, sql.Literal(text)))
                    written += 1
    return written
