"""A database of every released revision comes up to the newest one with all that it held.

One database takes all steps: at each revision rows join those that came before, so at every step rows of all earlier
revisions are carried on. A database that began at revision N holds a part of that, and a migration of it does the
same statements on fewer rows. A new revision is walked without a word here: rows are made from the schema that is
found. One that changes what is stored says so in CHANGED, with why.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from rows_of import MONTH, SCHEMAS, fill, tables_of

from obzvon.local.postgres import Postgres
from obzvon.warehouse.db import connect
from obzvon.warehouse.migrate import MIGRATIONS, _config, engine, migrate, schema_is_current
from obzvon.warehouse.partitions import ensure_months

#: (revision, table): columns whose values that revision means to change, and why.
CHANGED: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("0003", "ops.attempt_reservation"): {"released_at": "told anew by the intent's state"},
}
#: Rows that belong to the code: each migration makes them what its files say, so rows of a test go.
OF_THE_CODE = {"dwh.dim_region", "dwh.map_disposition", "ops.intent_step"}
#: Since then big facts have partitions, which must be there before rows.
PARTITIONED_SINCE = "0008"

TABLES = """
select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any(%s) and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> 'schema_version'
"""

Contents = dict[str, list[dict[str, Any]]]


@pytest.fixture
def empty(postgres: Postgres) -> Iterator[str]:
    """A database without anything in it."""
    postgres.create_database("upgrade")
    yield postgres.url("upgrade")
    postgres.drop_database("upgrade")


def revisions() -> list[str]:
    """From the first to the newest."""
    return [one.revision for one in ScriptDirectory(str(MIGRATIONS)).walk_revisions()][::-1]


def contents(dsn: str) -> Contents:
    """Every row of every table."""
    with connect(dsn) as conn:
        names = [name for (name,) in conn.execute(TABLES, [list(SCHEMAS)])]
        return {name: [row for (row,) in conn.execute(f"select to_jsonb(t) from {name} t".encode())] for name in names}


def lost(before: Contents, after: Contents, revision: str) -> dict[str, Any]:
    """What of the rows before is not there after: compared by the columns that both have."""
    missing: dict[str, Any] = {}
    for table, rows in before.items():
        if not rows:
            continue
        changed = CHANGED.get((revision, table), {})
        now = after.get(table, [])
        columns = sorted((set(rows[0]) & set(now[0] if now else rows[0])) - set(changed))
        left = Counter(said(row, columns) for row in rows) - Counter(said(row, columns) for row in now)
        if left:
            missing[table] = list(left)
    return missing


def said(row: Mapping[str, Any], columns: list[str]) -> str:
    return json.dumps([row[name] for name in columns], ensure_ascii=False)


@pytest.mark.timeout(900)  # some 10 s of CPU: a busy machine is no fault
def test_rows_of_every_revision_reach_the_newest(empty: str) -> None:
    filled: set[str] = set()
    before: Contents = {}
    for number, revision in enumerate(revisions(), 1):
        command.upgrade(_config(empty), revision)
        assert lost(before, contents(empty), revision) == {}, f"revision {revision} loses rows"
        if revision >= PARTITIONED_SINCE:
            with connect(empty) as conn:
                ensure_months(conn, [MONTH])
        with engine(empty).begin() as connection:
            filled |= fill(connection, number)
        before = contents(empty)
    migrate(empty)
    assert lost(before, contents(empty), "head").keys() == OF_THE_CODE
    assert schema_is_current(empty)
    with engine(empty).connect() as conn:
        tables = {table.fullname for table in tables_of(conn)}
        views = sa.inspect(conn).get_view_names("mart")
        for view in views:
            conn.exec_driver_sql(f"select * from mart.{view}").fetchall()
    assert tables <= filled
    assert len(views) > 15
