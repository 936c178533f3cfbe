"""The contracts as data: a slip is named, and no failure can show a person."""

from __future__ import annotations

import psycopg
import pytest

from obzvon.checks.contracts import contracts, parse
from obzvon.errors import ConfigError

GOOD = """
tables: {dwh.t: {key: [id], columns: {kind: {accepted: [a, b], least: 1}}}}
sets: {}
"""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (GOOD.replace("accepted", "acepted"), "tables.dwh.t.columns.kind.acepted"),
        (GOOD.replace("key: [id]", "key: []"), "tables.dwh.t.key"),
        (GOOD.replace("key: [id]", "key: [id, phone_key]"), "phone_key would show a person"),
        (GOOD.replace("dwh.t", "t"), "tables.t"),
        ("tables: {}\nsets: {x: {table: dwh.t, kind: guess, file: x, says: x}}", "sets.x.kind"),
    ],
)
def test_a_slip_is_named(wrong: str, said: str) -> None:
    with pytest.raises(ConfigError, match=r"^data contracts: ") as found:
        parse(wrong)
    assert said in str(found.value)


def test_a_rule_says_what_has_to_hold() -> None:
    rules = parse(GOOD).tables["dwh.t"].rules
    assert [(r.name, r.kind, r.says) for r in rules] == [
        ("kind_accepted", "accepted", "kind is one of a, b"),
        ("kind_range", "range", "kind is at least 1"),
    ]


def test_what_is_checked_has_a_fingerprint() -> None:
    assert parse(GOOD).fingerprint == parse(GOOD).fingerprint != parse(GOOD.replace("b]", "c]")).fingerprint


def test_every_table_and_column_of_the_contracts_exists(conn: psycopg.Connection) -> None:
    query = "select table_schema || '.' || table_name || '.' || column_name from information_schema.columns"
    there = {name for (name,) in conn.execute(query)}
    book = contracts()
    named = {f"{table}.{name}" for table, of in book.tables.items() for name in (*of.key, *of.columns)}
    named |= {f"{table}.{of.loaded}" for table, of in book.tables.items() if of.loaded}
    named |= {f"{table}.{r.column}" for table, of in book.tables.items() for r in of.rows.values() if r.column}
    named |= {f"{rule.table}.{rule.column}" for rule in book.sets.values() if rule.column}
    named |= {c.relation for of in book.tables.values() for c in of.columns.values() if c.relation}
    assert len(named) > 60
    assert named - there == set()


def test_the_kinds_that_were_asked_for_are_all_there() -> None:
    book = contracts()
    kinds = {rule.kind for of in book.tables.values() for rule in of.rules} | {r.kind for r in book.sets.values()}
    assert kinds == {
        "not_null", "accepted", "range", "relation", "row", "freshness", "reconciliation", "distribution",
    }  # fmt: skip
