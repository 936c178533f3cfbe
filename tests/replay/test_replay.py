"""What a replay brings back, what it leaves alone, and what it says when it cannot."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from days import DAYS, Days, contents

from obzvon.errors import ConfigError
from obzvon.warehouse.migrate import restore_dwh

DROP = "drop schema dwh cascade"


@pytest.fixture
async def days(warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path) -> Days:
    """Three days; the contacts change between the first and the second, the campaign before the third."""
    days = Days(warehouse_dsn, conn, tmp_path)
    changed = {"goal": {"title": "Записался", "field": "visit", "in": ["yes"]}}
    for day, segment, changes in zip(DAYS, ("old", "new", "new"), ({}, {}, changed), strict=True):
        days.plan(day, segment=segment, **changes)
        turns = [["bot", "Да?", 0, 1], ["client", "Нет", 1, 2]]
        first = [
            days.call(day, 1, 1, disposition="PENDING"),
            days.call(day, 2, 2, disposition="RPC_OPTOUT", turns=turns),
            {"broken": "phone"},
        ]
        await days.pull(day, "collect", first)
        days.final(day)
        late = [days.call(day, 1, 1, disposition="NO_ANSWER"), first[1], days.call(day, 3, 3, talk=30, turns=turns)]
        await days.pull(day, "late", late)
    return days


def test_everything_comes_back_as_it_was(days: Days) -> None:
    before = contents(days.dsn)
    assert [row[-2] for row in before["dwh.fact_call_attempt"]] == [True, False, True] * 3  # is_late
    days.run(DROP)
    results = days.replay()
    assert contents(days.dsn) == before
    assert [(r.contacts, r.pulls, r.rows, r.inserted, r.updated, r.quarantined) for r in results] == [
        (3, 2, 5, 3, 1, 1)
    ] * 3


def test_reviews_come_back_to_their_calls(days: Days) -> None:
    (uid,) = days.conn.execute(
        "select vendor_code || ':' || vendor_call_id from dwh.fact_call_attempt order by 1 limit 1"
    ).fetchall()[0]
    days.run(
        "insert into ops.qa_review (review_id, call_uid, score, reviewed_at, pulled_at)"
        f" values ('r-1', '{uid}', 87.5, now(), now()), ('r-2', 'dialog:elsewhere', 50, now(), now())"
    )
    days.run(DROP)
    days.replay()
    days.conn.commit()
    found = days.conn.execute("select review_id, vendor_code || ':' || vendor_call_id, score from dwh.fact_qa_review")
    assert found.fetchall() == [("r-1", uid, Decimal("87.5"))]


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_a_day_that_is_there_is_left_alone(days: Days, day: date) -> None:
    before = contents(days.dsn)
    (result,) = days.replay(day, day)
    assert contents(days.dsn) == before
    assert (result.contacts, result.inserted, result.updated) == (0, 0, 0)


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_a_day_that_was_lost_comes_back_and_the_others_are_left_alone(days: Days, day: date) -> None:
    before = contents(days.dsn)
    days.run(f"delete from dwh.fact_call_attempt where date_key = {day:%Y%m%d}")
    days.run(f"delete from dwh.fact_campaign_contact where call_date = '{day}'")
    days.replay(day, day)
    assert contents(days.dsn) == before


def test_days_replayed_from_the_last_to_the_first_end_the_same_but_for_surrogate_keys(days: Days) -> None:
    before = contents(days.dsn, natural=True)
    days.run(DROP)
    for day in reversed(DAYS):
        days.replay(day, day)
    assert contents(days.dsn, natural=True) == before


def test_what_was_never_loaded_does_not_come_in_by_a_replay(days: Days) -> None:
    days.run("update ops.raw_archive set loaded_at = null where batch_id = 'late'")
    days.run(DROP)
    assert [(r.pulls, r.rows) for r in days.replay()] == [(1, 2)] * 3


def test_a_plan_whose_page_is_gone_says_so_and_the_others_come_back(days: Days) -> None:
    days.run(DROP)
    (gone,) = days.archive.root.glob(f"vendor=dialog/call_date={DAYS[1]}/*/batch=late/*")
    gone.unlink()
    results = days.replay()
    assert [r.problem is None for r in results] == [True, False, True]
    assert "is gone; restore it" in (results[1].problem or "")
    assert [r.pulls for r in results] == [2, 1, 2]


def test_a_stored_campaign_that_no_longer_reads_names_the_key(days: Days) -> None:
    days.run(f"update ops.campaign_plan set spec = spec - 'owner' where call_date = '{DAYS[0]}'")
    problems = [r.problem for r in days.replay()]
    assert problems[1:] == [None, None]
    assert (problems[0] or "").endswith("is not valid at owner")


def test_a_range_without_plans_and_a_reversed_one_are_refused(days: Days) -> None:
    with pytest.raises(ConfigError, match="no plan with a call date from 2031-05-23 to 2031-05-23 was ever loaded"):
        days.replay(DAYS[-1] + timedelta(days=1), DAYS[-1] + timedelta(days=1))
    with pytest.raises(ConfigError, match="reversed"):
        days.replay(DAYS[1], DAYS[0])


def test_a_schema_that_is_not_the_newest_is_not_repaired(days: Days) -> None:
    days.run("update ops.schema_version set version_num = '0001'")
    with pytest.raises(ConfigError, match="newest schema"):
        restore_dwh(days.dsn)
