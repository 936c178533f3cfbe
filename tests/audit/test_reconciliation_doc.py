"""docs/reconciliation.md: every query runs, and the query of a check shows the rows that make the check fail."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest
from qa_rows import World
from test_audit import DAMAGES, agreeing_world

from obzvon.local.reconcile import QUERY
from obzvon.stages.audit_checks import CHECKS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reconciliation.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"^```sql\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
BY_CHECK = dict(re.findall(r"^### (\w+)\n.*?^```sql\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL))


@pytest.fixture
def world(conn: psycopg.Connection) -> World:
    return agreeing_world(conn)


def test_the_page_quotes_the_query_that_compares_the_sandbox_journal() -> None:
    (quoted,) = re.findall(r"^```sql reconcile\.sql\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert quoted == QUERY.read_text(encoding="utf-8")


def test_every_check_has_its_query() -> None:
    assert list(BY_CHECK) == [check.name for check in CHECKS]


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_every_query_runs(conn: psycopg.Connection, query: str) -> None:
    conn.execute(query.encode())


@pytest.mark.parametrize("check", BY_CHECK)
def test_where_all_agrees_no_row_is_left_to_look_at(world: World, check: str) -> None:
    assert world.conn.execute(BY_CHECK[check].encode()).fetchall() == []


@pytest.mark.parametrize(("damage", "check", "numbers"), DAMAGES)
def test_the_query_of_a_failed_check_shows_rows(
    world: World, damage: str, check: str, numbers: tuple[int, int]
) -> None:
    world.run(damage)
    assert world.conn.execute(BY_CHECK[check].encode()).fetchall()


def test_calls_to_excluded_phones_are_shown(world: World) -> None:
    world.attempt(5, "x", "NO_ANSWER", intent_id=world.intents[0])
    world.attempt(6, "y", "NO_ANSWER", intent_id=world.intents[0])
    assert len(world.conn.execute(BY_CHECK["excluded"].encode()).fetchall()) == 2


def test_ledger_facts_and_deliveries_agree_on_one_line(world: World) -> None:
    query = next(query for query in QUERIES if "agrees" in query)
    cursor = world.conn.execute(query.encode())
    assert cursor.description is not None
    line = dict(zip([column.name for column in cursor.description], cursor.fetchone() or (), strict=True))
    assert cursor.fetchone() is None
    assert line.pop("call_date") == world.day
    assert line == {
        "vendor_code": "dialog",
        "campaign_id": "autumn_survey",
        "listed": 6,
        "excluded": 2,
        "to_call": 4,
        "not_sent": 0,
        "sent": 4,
        "accepted": 4,
        "rejected_by_vendor": 0,
        "reported": 4,
        "never_dialled": 0,
        "attempts": 5,
        "conversations": 3,
        "delivered": 1,
        "rejected_by_qolio": 1,
        "no_recording": 1,
        "not_sampled": 0,
        "agrees": True,
    }
