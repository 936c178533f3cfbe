"""Every figure of every mart equals what pandas computes from the truth of a month, to the last digit.

Shares and rates are rounded half away from zero to four places, money a contact to two, seconds to one.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from days import contents
from month import DAYS
from month_expected import DISPOSITIONS, EXPECTED, Rows
from month_meanings import GOAL, GROUP, IN_CAP, RPC, TERMINAL
from month_stored import SECRET, Month
from month_views import EVERY

from obzvon.reports.archive import Archive
from obzvon.stages.marts import TABLES, refresh
from obzvon.stages.replay import replay
from obzvon.warehouse.db import connect

pytestmark = pytest.mark.timeout(3000)


def plain(rows: Rows, columns: list[str]) -> list[tuple[Any, ...]]:
    return sorted((tuple(_value(row[name]) for name in columns) for row in rows), key=repr)


def _value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value.normalize() + 0)
    return value if value is None or isinstance(value, bool | str) else str(value)


@pytest.mark.parametrize("view", sorted(EVERY))
def test_a_mart_says_the_truth(month: Month, view: str) -> None:
    expected, said = EVERY[view](month.truth), month.says(view)
    columns = sorted(expected[0])
    assert plain(said, columns) == plain(expected, columns)


#: Names and moments, which the truth has in other words; everything else is compared.
BESIDE = {
    "campaign_key", "script_key", "plan_id", "campaign_name", "script_version", "ab_variant", "vendor_script_id",
    "script", "version", "fetched_at", "loaded_at", "refreshed_at", "checked_at",
}  # fmt: skip


@pytest.mark.parametrize("view", sorted(EVERY))
def test_no_figure_is_left_out_of_the_comparison(month: Month, view: str) -> None:
    compared = set(EVERY[view](month.truth)[0])
    by_plan = {"date_key"} if "call_date" in compared else set()
    assert set(month.says(view)[0]) - compared - BESIDE - by_plan == set()


def test_the_month_has_what_the_marts_are_to_tell_apart(month: Month) -> None:
    """A truth without late rows, blocks, strangers or unknown words would prove nothing about them."""
    dials = month.truth.dials
    assert len(dials) > 15_000
    assert set(dials.code) >= {"GOAL", "RPC_OPTOUT", "TRANSFERRED", "HUMAN_SHORT", "UNKNOWN", "INVALID_NUMBER"}
    assert set(dials.code) >= {"VENDOR_LAW_BLOCK", "VENDOR_BLACKLIST", "EXCL_INVALID", "WRONG_PARTY"}
    assert min(dials.late.sum(), (dials.row_no < 0).sum(), (~dials.certain).sum(), (dials.attempt_no > 2).sum()) > 5
    blocked = [row for row in EXPECTED["v_caller_health"](month.truth) if row["is_block_suspected"]]
    assert len(blocked) == 2
    assert any(row["lift"] for row in EXPECTED["v_ab_test"](month.truth))


def test_every_attempt_is_the_truths(month: Month) -> None:
    with connect(month.dsn) as conn:
        query = """select vendor_call_id, disposition_code, coalesce(attempt_no, -1), date_key, local_hour, is_late,
                          is_goal, has_record, region, is_dialed, is_human, is_connected, is_rpc, is_terminal,
                          total_cost_rub from mart.v_attempt"""
        said = conn.execute(query).fetchall()
    dials = month.truth.dials.assign(
        connected=month.truth.dials.is_human | month.truth.dials.is_machine,
        # to four places, as the facts keep money
        paid=[(cost + fee).quantize(Decimal("0.0001")) for cost, fee in month.truth.dials[["cost", "fee"]].values],
    )
    names = "call_id code attempt_no date_key hour late goal record region is_dialed is_human connected is_rpc"
    told = dials[[*names.split(), "is_terminal", "paid"]]
    expected = [tuple(None if value != value else value for value in row) for row in told.itertuples(index=False)]
    assert sorted(said, key=repr) == sorted(expected, key=repr)


def test_an_outcome_means_what_the_model_says() -> None:
    """Each flag of the pipeline's own file, against the list that is written down beside this test."""
    assert {code: row["disposition_group"] for code, row in DISPOSITIONS.items()} == GROUP
    flags = {"is_rpc": RPC, "is_goal": GOAL, "is_terminal": TERMINAL, "counts_towards_cap": IN_CAP}
    for flag, codes in flags.items():
        assert {code for code, row in DISPOSITIONS.items() if row[flag] == "true"} == codes, flag


def test_all_plans_anew_give_the_same_sums(month: Month) -> None:
    before = _sums(month)
    with connect(month.dsn) as conn:
        assert refresh(conn, full=True).plans == len(month.truth.plans)
    assert _sums(month) == before


def _sums(month: Month) -> dict[str, list[tuple[Any, ...]]]:
    with connect(month.dsn) as conn:
        return {t: sorted(conn.execute(f"select * from mart.{t}".encode()).fetchall(), key=repr) for t in TABLES}


def test_a_replay_of_the_month_gives_identical_marts(month: Month) -> None:
    """The facts are dropped and come back from the archive; every row of every relation of `mart` is compared.

    What is not rebuilt from the archive is put back: deliveries are the ledger's, reviews Qolio's.
    """
    moments = ("refreshed_at",)
    before = {name: rows for name, rows in contents(month.dsn, without=moments).items() if name.startswith("mart.")}
    assert len(before) > 15
    with connect(month.dsn) as conn:
        conn.execute("create table reviews as table dwh.fact_qa_review")
        conn.execute("drop schema dwh cascade")
        conn.commit()
        results = replay(month.dsn, Archive(month.folder), DAYS[0], DAYS[-1], secret=SECRET)
        conn.execute("insert into dwh.fact_qa_review table reviews")
        conn.execute("drop table reviews")
        conn.commit()
        assert refresh(conn).plans == len(month.truth.plans)
    assert [result.problem for result in results] == [None] * len(month.truth.plans)
    after = {name: rows for name, rows in contents(month.dsn, without=moments).items() if name.startswith("mart.")}
    assert {name for name in before if before[name] != after[name]} == set()
