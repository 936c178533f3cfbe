"""Reference rows: what the files and the calendar package say is what the warehouse holds."""

from __future__ import annotations

from datetime import date

import psycopg

from obzvon.dispositions import HUMAN, Disposition
from obzvon.vendors.statuses import StatusRule, rules
from obzvon.warehouse.seeds import ensure_days, known_years, seed


def day(conn: psycopg.Connection, value: date) -> tuple[bool, bool, str]:
    row = conn.execute(
        "select is_ru_day_off, is_working_weekend, calendar_source from dwh.dim_date where day = %s", (value,)
    ).fetchone()
    assert row is not None
    return row


def test_every_disposition_of_the_code_is_seeded_and_no_other(conn: psycopg.Connection) -> None:
    codes = {code for (code,) in conn.execute("select disposition_code from dwh.dim_disposition")}
    assert codes == {d.value for d in Disposition}
    assert len(codes) == 27


def test_human_dispositions_are_the_group_human(conn: psycopg.Connection) -> None:
    human = conn.execute("select disposition_code from dwh.dim_disposition where disposition_group = 'HUMAN'")
    assert {code for (code,) in human} == {d.value for d in HUMAN}


def test_only_an_opt_out_suppresses(conn: psycopg.Connection) -> None:
    rows = conn.execute(
        "select disposition_code, suppress_purpose from dwh.dim_disposition where suppress_purpose is not null"
    ).fetchall()
    assert rows == [("RPC_OPTOUT", "*")]


def test_transferred_days_off_and_working_weekends_follow_the_decree(conn: psycopg.Connection) -> None:
    assert day(conn, date(2027, 2, 20))[:2] == (False, True)  # working Saturday
    assert day(conn, date(2027, 2, 22))[:2] == (True, False)  # its day off
    assert day(conn, date(2026, 12, 31))[:2] == (True, False)
    assert day(conn, date(2026, 11, 20))[:2] == (False, False)  # a Friday
    assert day(conn, date(2026, 11, 22))[:2] == (True, False)  # a Sunday


def test_the_calendar_ends_where_the_published_transfers_end(conn: psycopg.Connection) -> None:
    bounds = conn.execute("select min(day), max(day), count(*) from dwh.dim_date").fetchone()
    first, last = date(known_years()[0], 1, 1), date(known_years()[-1], 12, 31)
    assert bounds == (first, last, (last - first).days + 1)


def test_a_day_beyond_the_calendar_says_that_transfers_are_not_known(conn: psycopg.Connection) -> None:
    beyond = date(known_years()[-1] + 1, 1, 1)
    ensure_days(conn, [beyond])
    off, working, source = day(conn, beyond)
    assert off
    assert not working
    assert source.endswith(", transfers not published")


def test_regions_carry_every_offset_of_the_subject(conn: psycopg.Connection) -> None:
    query = "select tz_offsets, is_multi_tz from dwh.dim_region where subject_name = %s"
    assert conn.execute(query, ("Республика Саха (Якутия)",)).fetchone() == ([540, 600, 660], True)
    assert conn.execute(query, ("Калининградская область",)).fetchone() == ([120], False)


def test_seeding_again_writes_nothing(conn: psycopg.Connection) -> None:
    tables = ("dim_disposition", "map_disposition", "dim_region", "dim_date")
    versions = [f"select xmin::text, ctid::text from dwh.{table} order by ctid" for table in tables]
    before = [conn.execute(query).fetchall() for query in versions]
    seed(conn)
    assert [conn.execute(query).fetchall() for query in versions] == before


def test_seeding_puts_a_changed_row_right(conn: psycopg.Connection) -> None:
    conn.execute("update dwh.dim_disposition set title_ru = 'x', is_goal = false where disposition_code = 'GOAL'")
    seed(conn)
    row = conn.execute("select title_ru, is_goal from dwh.dim_disposition where disposition_code = 'GOAL'").fetchone()
    assert row == ("Цель достигнута", True)


def test_the_map_of_statuses_is_the_file_that_reports_are_read_by(conn: psycopg.Connection) -> None:
    conn.execute("update dwh.map_disposition set status = 'GONE', note_ru = 'x' where status = 'BUSY'")
    conn.execute("insert into dwh.map_disposition values ('twin', 999, 'OLD', null, 'BUSY', null, '')")
    seed(conn)
    query = """select vendor_code, priority, status, coalesce(condition, ''), disposition_code, coalesce(alert, ''),
                      note_ru
               from dwh.map_disposition order by vendor_code, priority"""
    assert [StatusRule(*row) for row in conn.execute(query)] == list(rules())
