"""What the docs tell analysts to do, done by one: the ten questions, the notebook, and every line of docs/bi.md.

The answers of the questions are the truth's, those of the notebook are the questions'.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import pytest
from bench.marts import questions
from bi_page import MARTS, METRICS, blocks, here, table
from month_expected import EXPECTED, Rows, Truth, ratio
from month_stored import Month
from notebook_run import committed, played
from psycopg import sql
from sqlalchemy import create_engine, text
from test_readers import a_member_of

from obzvon.local.postgres import binaries
from obzvon.warehouse.db import connect
from obzvon.warehouse.readers import ANALYST
from obzvon_provider.pages.csv_file import csv_bytes
from obzvon_provider.pages.sections import SECTIONS, Table

pytestmark = pytest.mark.timeout(900)
Answer = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def analyst(month: Month) -> Iterator[psycopg.Connection]:
    with connect(month.dsn) as conn, a_member_of(conn, month.dsn, ANALYST) as reader:
        yield reader


def of(truth: Truth, view: str) -> Rows:
    return EXPECTED[f"v_{view}"](truth)


def by(rows: Rows, *names: str) -> Iterable[tuple[tuple[Any, ...], Rows]]:
    groups: dict[tuple[Any, ...], Rows] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in names)].append(row)
    return sorted(groups.items(), key=lambda group: group[0])


def total(rows: Rows, name: str) -> Any:
    return sum((row[name] for row in rows), Decimal(0) if isinstance(rows[0][name], Decimal) else 0)


def how_far(truth: Truth) -> Answer:
    found = []
    for (campaign,), rows in by([row for row in of(truth, "campaign_funnel") if row["is_final"]], "campaign_id"):
        e, d, human, goal = (total(rows, f"contacts_{name}") for name in ("eligible", "dialed", "human", "goal"))
        found.append((campaign, e, d, human, goal, ratio(human, e), ratio(goal, e)))
    return found


def why_not(truth: Truth) -> Answer:
    groups = by(of(truth, "exclusions"), "campaign_id", "exclusion_title", "exclusion_reason")
    found = [(*key, total(rows, "contacts")) for key, rows in groups]
    return sorted(found, key=lambda row: (row[0], -row[3], row[2]))


def what_it_costs(truth: Truth) -> Answer:
    found = []
    for (campaign,), rows in by([row for row in of(truth, "cost") if row["is_final"]], "campaign_id"):
        cost, human, goal = (total(rows, name) for name in ("cost_rub", "contacts_human", "contacts_goal"))
        found.append((campaign, cost, ratio(cost, human, 2), ratio(cost, goal, 2)))
    return found


def when(truth: Truth) -> Answer:
    found: Answer = []
    for (campaign,), rows in by([row for row in of(truth, "best_time") if row["is_enough"]], "campaign_id"):
        best = sorted(rows, key=lambda row: (-row["human_rate_low95"], row["dow"], row["local_hour"]))[:3]
        names = ("dow", "local_hour", "attempts", "human_rate", "human_rate_low95")
        found += [(campaign, *(row[name] for name in names)) for row in best]
    return found


def second_call(truth: Truth) -> Answer:
    found = []
    for key, rows in by(of(truth, "recall_effectiveness"), "campaign_id", "attempt_no"):
        goals = total(rows, "goals_at_n")
        found.append((*key, total(rows, "attempts"), goals, ratio(total(rows, "cost_rub_at_n"), goals, 2)))
    return found


def reviewers(truth: Truth) -> Answer:
    heard = [row for row in of(truth, "qa_coverage") if row["vendor_script_id"]]
    found = []
    for key, rows in by(heard, "campaign_id", "vendor_script_id"):
        n, reviewed = total(rows, "conversations"), total(rows, "reviewed")
        score = ratio(total(rows, "score_sum"), total(rows, "scores"))
        found.append((*key, n, reviewed, ratio(reviewed, n), score))
    return found


def new_script(truth: Truth) -> Answer:
    names = ("campaign_id", "vendor_script_id", "is_control", "is_concurrent", "contacts_assigned", "goal_rate_list",
             "lift", "lift_low95", "lift_high95")  # fmt: skip
    rows = sorted(
        of(truth, "ab_test"), key=lambda row: (row["campaign_id"], not row["is_control"], row["vendor_script_id"])
    )
    return [tuple(row[name] for name in names) for row in rows]


def annoyed(truth: Truth) -> Answer:
    found = []
    for (campaign,), rows in by([row for row in of(truth, "optouts") if row["campaign_id"]], "campaign_id"):
        human, optouts = total(rows, "human"), total(rows, "optouts")
        found.append((campaign, human, optouts, total(rows, "complaints"), ratio(optouts, human)))
    return found


def blocked(truth: Truth) -> Answer:
    names = ("caller_id", "region", "date_key", "attempts", "network_error_rate", "network_error_rate_low95")
    rows = [row for row in of(truth, "caller_health") if row["is_block_suspected"]]
    return [
        tuple(row[name] for name in names) for row in sorted(rows, key=lambda row: (row["date_key"], row["region"]))
    ]


def untrusted(truth: Truth) -> Answer:
    names = ("campaign_id", "call_date", "is_final", "is_partial", "is_stale", "completeness_rate", "quarantined",
             "unmapped", "orphans")  # fmt: skip
    rows = [r for r in of(truth, "freshness") if not r["is_final"] or r["is_partial"] or r["orphans"] > 0]
    return [
        tuple(row[name] for name in names)
        for row in sorted(rows, key=lambda row: (row["call_date"], row["campaign_id"]))
    ]


ANSWERS: tuple[Callable[[Truth], Answer], ...] = (
    how_far, why_not, what_it_costs, when, second_call, reviewers, new_script, annoyed, blocked, untrusted,
)  # fmt: skip


def test_there_are_ten_questions() -> None:
    assert [int(title.split(".")[0]) for title, _ in questions()] == list(range(1, 11))


@pytest.mark.parametrize("number", range(10), ids=[answer.__name__ for answer in ANSWERS])
def test_the_answer_is_the_truths(analyst: psycopg.Connection, month: Month, number: int) -> None:
    expected = ANSWERS[number](month.truth)
    assert expected
    assert analyst.execute(questions()[number][1].encode()).fetchall() == expected


# the notebook -------------------------------------------------------------------------------------------------------


def asked(analyst: psycopg.Connection, number: int) -> pd.DataFrame:
    """The answer to a question of the page, decimals as floating-point numbers."""
    found = analyst.execute(questions()[number - 1][1].encode())
    frame = pd.DataFrame(found.fetchall(), columns=[column.name for column in found.description or ()])
    return frame.map(lambda value: float(value) if isinstance(value, Decimal) else value)


def test_the_committed_notebook_has_no_output_and_no_address() -> None:
    cells = committed().cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert len(code) == 6
    assert [(cell.outputs, cell.execution_count) for cell in code] == [([], None)] * 6
    assert 'create_engine(\n    "postgresql+psycopg://",' in code[0].source


def test_the_notebook_says_what_the_questions_say(analyst: psycopg.Connection, month: Month, tmp_path: Path) -> None:
    answered = {"doubtful": 10, "funnel": 1, "cost": 3, "best": 4, "arms": 7}
    notebook, frames = played(analyst.info.dsn, tmp_path, tuple(answered))
    for name, number in answered.items():
        expected, found = asked(analyst, number), frames[name].reset_index()
        if name == "best":
            found = found.groupby("campaign_id").head(3)
        assert len(expected)
        pd.testing.assert_frame_equal(
            found[list(expected)].reset_index(drop=True), expected, check_dtype=False, obj=name
        )
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 4
    assert [output.text for output in outputs if output.output_type == "stream"] == []


# docs/bi.md ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def anna(month: Month) -> Iterator[str]:
    """DSN of the user whom the page has an administrator make."""
    with connect(month.dsn) as conn:
        conn.execute(blocks("sql")[0].encode())
        conn.commit()
        yield here("host=warehouse.example.ru dbname=obzvon_warehouse user=anna", month.dsn)
        conn.execute("drop role anna")


def test_the_user_of_the_page_reads_in_utc_and_never_writes(anna: str) -> None:
    with psycopg.connect(anna, autocommit=True) as conn:
        assert conn.info.parameter_status("TimeZone") == "UTC"
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            conn.execute("create table mine (n int)")
        assert conn.execute("show statement_timeout").fetchall() == [("1min",)]


def test_the_commands_of_the_page(anna: str, month: Month) -> None:
    """The embedded psql knows no TLS, which a socket has not either: its commands without, their addresses with it."""
    reads, refused = (here(line, month.dsn) for line in blocks("sh")[0].splitlines())
    for command, code, says in ((reads, 0, "(3 rows)"), (refused, 1, "permission denied for schema dwh")):
        done = subprocess.run(
            command.replace(" sslmode=verify-full", ""), shell=True, capture_output=True, text=True, check=False,
            env={"PATH": str(binaries())},
        )  # fmt: skip
        assert (done.returncode, says in done.stdout + done.stderr) == (code, True)
        (address,) = re.findall(r'"(host=.+? sslmode=verify-full)"', command)
        psycopg.connect(address).close()


def test_a_row_of_each_mart_is_what_the_page_says(analyst: psycopg.Connection) -> None:
    listed = {row[0]: row[1].split(", ") for row in table(*MARTS)}
    views = analyst.execute("select table_name from information_schema.views where table_schema = 'mart'").fetchall()
    assert set(listed) == {name for (name,) in views}
    empty = set()
    for mart, key in listed.items():
        columns = sql.SQL(", ").join(map(sql.Identifier, key))
        count = sql.SQL("select count(*), count(distinct ({})) from {}").format(
            sql.SQL("{}, 1").format(columns), sql.Identifier("mart", mart)
        )
        rows, different = analyst.execute(count).fetchone() or (0, 0)
        assert rows == different, mart
        empty |= set() if rows else {mart}
    assert empty == {"v_check_result"}  # nothing of the month was checked


def test_the_days_of_the_marts_are_there(analyst: psycopg.Connection) -> None:
    for mart, _, day, _ in table("Register"):
        column = sql.SQL("null" if day.startswith("none") else f"min({day})")  # type: ignore[arg-type]
        (first,) = analyst.execute(sql.SQL("select {} from {}").format(column, sql.Identifier("mart", mart))).fetchone()  # type: ignore[misc]
        assert day.startswith("none") or str(first).replace("-", "") >= "20261031", mart


def test_a_metric_of_the_page_is_the_rate_of_its_mart(analyst: psycopg.Connection) -> None:
    """Row by row a metric is the mart's own column; over all rows it is not the mean of them."""
    for name, mart, expression in table(*METRICS):
        key = next(row[1] for row in table("Register") if row[0] == mart)
        query = f"select min({name}), round({expression}, scale(min({name}))) from mart.{mart} group by {key}"
        told = [pair for pair in analyst.execute(query.encode()).fetchall() if pair[0] is not None]
        assert len(told) > 5, name
        assert [own for own, _ in told] == [computed for _, computed in told], name
        whole = analyst.execute(f"select {expression}, avg({name}) from mart.{mart}".encode()).fetchone()
        assert whole is not None
        assert round(whole[0], 6) != round(whole[1], 6), name


def test_the_join_of_the_page_multiplies_nothing(analyst: psycopg.Connection, month: Month) -> None:
    joined = analyst.execute(blocks("sql")[1].encode()).fetchall()
    assert [(campaign, goals) for campaign, goals, _ in joined] == [(row[0], row[4]) for row in how_far(month.truth)]


def test_what_the_tools_are_given_connects(anna: str, month: Month) -> None:
    (address,) = [block for block in blocks("") if block.startswith("postgresql")]
    (parameters,) = blocks("json")
    engine = create_engine(here(address, month.dsn), **json.loads(parameters))
    with engine.connect() as conn:
        assert conn.execute(text("select current_user, current_setting('TimeZone')")).one() == ("anna", "UTC")
        assert conn.execute(text("show transaction_read_only")).scalar() == "on"
        (in_excel,) = re.findall(r'Query = "(.+?)"', "".join(blocks("")))
        assert len(conn.execute(text(in_excel)).all()) > 50
        day = conn.execute(text(blocks("sql")[2])).mappings().first()
        assert day is not None
        assert f"{day['day']:%Y%m%d}" == str(day["date_key"])
    engine.dispose()


def test_the_python_of_the_page(anna: str, month: Month, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    days = ({"call_date": date(2026, 11, 2), "attempts": 1200, "human_answer_rate": Decimal("0.2345")},)
    table = Table(SECTIONS["days"], tuple(days[0]), days)
    (tmp_path / "obzvon-days.csv").write_bytes(csv_bytes(table, "ru"))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks("python"):
        exec(here(block, month.dsn), names)
    names["engine"].dispose()
    assert names["days"].to_dict("records") == [
        {"call_date": "2026-11-02", "attempts": 1200, "human_answer_rate": 0.2345}
    ]
    found = names["by_month"].xs("2026-11", level="call_date")
    assert [(name, *map(int, row[:2])) for name, *row in found.itertuples()] == [
        (row[0], row[1], row[4]) for row in how_far(month.truth)
    ]
