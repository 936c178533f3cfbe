"""A query is a list too: read through a server-side cursor, in a transaction that cannot write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from contact_lists import Fixed, campaign, rows_of

from obzvon.errors import ListError

pytestmark = pytest.mark.stack

QUERY = 'select phone as "Телефон", name as "ФИО", region as "Регион", debt as "Долг" from customer order by phone'


@pytest.fixture
def customers(warehouse_dsn: str) -> str:
    """DSN of a database with a table of customers in the types that databases use."""
    with psycopg.connect(warehouse_dsn) as connection:
        connection.execute("create table customer (phone bigint, name text, region date, debt numeric)")
        connection.execute(
            "insert into customer values"
            " (79431234501, 'Пример', '2026-12-01', 1200.50), (79431234502, null, null, 7.00)"
        )
    return warehouse_dsn


def source(query: str = QUERY) -> dict[str, Any]:
    return {"type": "sql", "conn_id": "crm", "query": query}


def refused(dsn: str, query: str = QUERY) -> str:
    with pytest.raises(ListError) as caught:
        rows_of(campaign(source(query)), Path(), Fixed(dsn))
    return str(caught.value)


def test_rows_come_as_text(customers: str) -> None:
    assert rows_of(campaign(source()), Path(), Fixed(customers)) == [
        ("79431234501", "Пример", "2026-12-01", "1200.50"),
        ("79431234502", "", "", "7"),
    ]


@pytest.mark.parametrize("end", [";", "\n", " -- all of them\n"])
def test_a_query_may_end_as_people_end_queries(customers: str, end: str) -> None:
    assert len(rows_of(campaign(source(QUERY + end)), Path(), Fixed(customers))) == 2


def test_more_rows_than_one_chunk(customers: str) -> None:
    query = (
        'select (79430000000 + n)::text as "Телефон", \'\' as "ФИО", \'\' as "Регион", \'\' as "Долг"'
        " from generate_series(1, 20100) n"
    )
    assert len(rows_of(campaign(source(query)), Path(), Fixed(customers))) == 20_100


def test_a_query_with_a_percent_sign_is_taken_as_it_is(customers: str) -> None:
    query = QUERY.replace("order by", "where name like 'При%' order by")
    assert len(rows_of(campaign(source(query)), Path(), Fixed(customers))) == 1


def test_a_table_that_does_not_exist(customers: str) -> None:
    assert refused(customers, "select * from clients") == (
        'query over connection crm: the query failed (UndefinedTable: relation "clients" does not exist);'
        " correct `contacts.source.query`"
    )


def test_a_query_that_writes_is_refused_and_changes_nothing(customers: str) -> None:
    sentence = refused(customers, "with gone as (delete from customer returning *) select * from gone")
    assert sentence.startswith("query over connection crm: the query failed")
    with psycopg.connect(customers) as connection:
        assert connection.execute("select count(*) from customer").fetchone() == (2,)


def test_what_the_server_says_about_data_is_not_repeated(customers: str) -> None:
    sentence = refused(customers, QUERY.replace("debt as", "(name || phone)::int as"))
    assert "InvalidTextRepresentation" in sentence
    assert "7943" not in sentence


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    assert refused(f"postgresql:///crm?host={tmp_path}").startswith(
        "query over connection crm: the database cannot be reached or gave up (OperationalError)"
    )


def test_a_column_the_query_does_not_give(customers: str) -> None:
    assert "the list has no column 'Телефон'" in refused(customers, "select phone from customer")


def test_a_query_without_rows(customers: str) -> None:
    assert "the list is empty" in refused(customers, QUERY.replace("order by", "where false order by"))
