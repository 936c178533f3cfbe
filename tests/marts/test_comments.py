"""Every table and view of the warehouse and every column says what it is: Russian label, unit, formula."""

from __future__ import annotations

import psycopg

COLUMNS = """
select c.relname || '.' || a.attname, col_description(c.oid, a.attnum)
from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'mart'::regnamespace and c.relkind in ('r', 'v', 'm', 'p') order by 1
"""
#: Of a partition its table says it. The one table that Alembic keeps its version in is not ours.
EVERYTHING = """
select c.oid::regclass || coalesce('.' || a.attname, ''),
       case when a.attnum is null then obj_description(c.oid, 'pg_class') else col_description(c.oid, a.attnum) end
from pg_class c
join (select attrelid, attname, attnum from pg_attribute where attnum > 0 and not attisdropped
      union all select oid, null, null from pg_class) a on a.attrelid = c.oid
where c.relnamespace in ('dwh'::regnamespace, 'mart'::regnamespace, 'ops'::regnamespace, 'pii'::regnamespace)
  and c.relkind in ('r', 'v', 'm', 'p') and not c.relispartition and c.oid <> 'ops.schema_version'::regclass
order by 1
"""
RATES = """
select c.relname || '.' || a.attname, col_description(c.oid, a.attnum)
from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
where c.relnamespace = 'mart'::regnamespace and c.relkind = 'v'
  and a.attname ~ '(_rate|_rate_at_n|_rate_rpc|_rate_list|^share|^cost_per_.*|_per_1000|_per_contact)$' order by 1
"""
RUSSIAN = set("абвгдеёжзийклмнопрстуфхцчшщъыьэюя")


def said(conn: psycopg.Connection, query: str) -> dict[str, str | None]:
    found = dict(conn.execute(query.encode()).fetchall())
    assert found
    return found


def test_every_table_view_and_column_has_a_russian_comment(conn: psycopg.Connection) -> None:
    comments = said(conn, EVERYTHING)
    assert {"ops.campaign_plan", "pii.dialog_turn.role", "dwh.fact_call_attempt", "mart.v_attempt"} <= set(comments)
    without = [name for name, comment in comments.items() if not RUSSIAN & set((comment or "").lower())]
    assert without == []


def test_every_rate_says_its_formula(conn: psycopg.Connection) -> None:
    rates = said(conn, RATES)
    assert len(rates) > 30
    assert [name for name, comment in rates.items() if not {"/", ":", "="} & set(comment or "")] == []


def test_every_figure_says_its_unit(conn: psycopg.Connection) -> None:
    """Of columns whose name is a quantity."""
    units = {"_rub": "руб.", "_sec": "сек."}
    wrong = [
        name
        for name, comment in said(conn, EVERYTHING).items()
        for ending, unit in units.items()
        if name.endswith(ending) and unit not in (comment or "")
    ]
    assert wrong == []


def test_every_kpi_view_says_whether_it_is_final(conn: psycopg.Connection) -> None:
    views = {
        f"v_{name}"
        for name in (
            "campaign_funnel", "exclusions", "attempt_kpi_daily", "disposition_mix", "recall_effectiveness",
            "best_time", "list_exhaustion", "cost", "ab_test", "optouts", "caller_health", "qa_reconciliation",
            "qa_coverage", "freshness", "compliance",
        )
    }  # fmt: skip
    columns = set(said(conn, COLUMNS))
    assert {v for v in views if {f"{v}.is_final", f"{v}.is_partial"} <= columns} == views
