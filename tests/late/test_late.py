"""Reports pulled again: which plans, what a newer, an older and a new row become, and what a dead run left behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from days import DAYS, Days
from launching import PLAN, forced, plan_of, spec
from loading import SECRET, JsonlDialer, Line

from obzvon.errors import InDoubt
from obzvon.ledger.keys import plan_id
from obzvon.stages.collect_batch import Collector
from obzvon.stages.late import LateResult, batch_id, late_plans, pull_again
from obzvon.vendors.base import Page, StopOutcome, Task

DAY = DAYS[0]
#: The calls end at 14:00, the wait at 20:00 (`deadline_hours`), and a live run may be at work until 21:00.
ENDS = datetime(DAY.year, DAY.month, DAY.day, 14, tzinfo=UTC)
NIGHT = ENDS + timedelta(hours=8)


class Morning(Days):
    """A plan of one day, and the DAG's stage over it."""

    async def late(self, lines: Sequence[Line], *, hour: int = 22, now: datetime = NIGHT) -> LateResult:
        self.asked = JsonlDialer([("calls", lines)])
        collector = Collector(self.dsn, self.archive, self.asked, self.specs[DAY], SECRET, "late run")
        batch = batch_id(datetime(2031, 5, 20, hour, 40, 7, tzinfo=UTC))
        return await pull_again(collector, plan_id("test_campaign", DAY), batch, now=now)

    def facts(self, columns: str) -> list[tuple[Any, ...]]:
        found = self.conn.execute(f"select {columns} from dwh.fact_call_attempt order by vendor_call_id".encode())
        rows = found.fetchall()
        self.conn.commit()
        return rows

    def intent(self, columns: str) -> tuple[Any, ...] | None:
        row = self.conn.execute(f"select {columns} from ops.campaign_intent".encode()).fetchone()
        self.conn.commit()
        return row


@pytest.fixture
def morning(warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path) -> Morning:
    morning = Morning(warehouse_dsn, conn, tmp_path)
    morning.plan(DAY)
    return morning


async def test_the_newest_answer_stands_and_what_came_late_says_so(morning: Morning) -> None:
    newer = {"updated_at": "2031-05-20T12:00:00+00:00", "disposition": "GOAL"}
    first = [morning.call(DAY, 1, 1), morning.call(DAY, 2, 2, **newer), morning.call(DAY, 3, 3)]
    await morning.pull(DAY, "collect", first)
    morning.final(DAY)
    result = await morning.late(
        [
            morning.call(DAY, 1, 1, **newer),  # changed
            morning.call(DAY, 2, 2),  # an older answer
            morning.call(DAY, 3, 3),  # the same
            morning.call(DAY, 4, 3),  # not there before
        ]
    )
    assert result == LateResult(pulled=1, rows=4, inserted=1, updated=1, older=1)
    assert morning.facts("disposition_code, is_late, batch_id") == [
        ("GOAL", True, "late-20310520T22"),
        ("GOAL", False, "collect"),
        ("NO_ANSWER", False, "collect"),
        ("NO_ANSWER", True, "late-20310520T22"),
    ]


async def test_a_run_tried_again_finds_its_pull_and_the_next_run_makes_another(morning: Morning) -> None:
    morning.final(DAY)
    await morning.late([morning.call(DAY, 1, 1)])
    again = await morning.late([])
    assert (morning.asked.asked, again.rows, again.inserted) == (0, 1, 0)
    await morning.late([morning.call(DAY, 1, 1)], hour=23)
    assert morning.asked.asked == 1
    query = "select batch_id from ops.raw_archive order by archive_id"
    assert morning.conn.execute(query).fetchall() == [("late-20310520T22",), ("late-20310520T23",)]


@pytest.mark.parametrize(
    ("state", "hours", "found"),
    [
        ("final", 1, True),
        ("final_partial", 71, True),
        ("final", 73, False),  # three days are over
        ("running", 6.9, False),  # its run may still be at work
        ("running", 7.1, True),
        ("collecting", 7.1, True),
        ("collecting", 1000, True),  # never forgotten
        ("cancelled", 8, False),
        ("in_doubt", 8, False),  # a person's business
    ],
)
def test_which_plans_are_looked_at(morning: Morning, state: str, hours: float, found: bool) -> None:
    forced(morning.conn, "update ops.campaign_intent set state = %s", (state,))
    plans = late_plans(morning.conn, ENDS + timedelta(hours=hours))
    assert plans == [plan_id("test_campaign", DAY)] * found


def test_a_plan_waits_for_its_last_zone(conn: psycopg.Connection) -> None:
    _, last = plan_of(conn, 1, intents=2)
    forced(conn, "update ops.campaign_intent set state = 'running'")
    forced(conn, "update ops.campaign_intent set window_end_utc = %s", (ENDS,))
    assert late_plans(conn, NIGHT) == [PLAN]
    forced(
        conn,
        "update ops.campaign_intent set window_end_utc = %s where intent_id = %s",
        (ENDS + timedelta(hours=4), last),
    )
    assert late_plans(conn, NIGHT) == []


async def test_a_running_intent_past_its_deadline_is_stopped_and_ends_as_partial(morning: Morning) -> None:
    result = await morning.late([morning.call(DAY, 1, 1)])
    assert (result.ended, result.pulled, result.inserted) == (1, 1, 1)
    assert morning.asked.cancelled == [f"task-{DAY}"]
    assert morning.intent("state, completeness, stop_cause, stop_outcome") == (
        "final_partial", "partial", "the deadline came", StopOutcome.NOT_POSSIBLE,
    )  # fmt: skip
    assert morning.facts("is_late, batch_id") == [(False, morning.facts("batch_id")[0][0])]
    assert morning.facts("batch_id")[0][0].startswith("collect-")


async def test_a_complete_report_that_nobody_collected_ends_as_final(morning: Morning) -> None:
    forced(morning.conn, "update ops.campaign_intent set state = 'collecting', completeness = 'complete'")
    morning.conn.commit()
    await morning.late([morning.call(DAY, 1, 1)])
    assert morning.asked.cancelled == []
    assert morning.intent("state, final_at is not null") == ("final", True)


async def test_before_the_deadline_a_running_intent_is_left_to_its_run(morning: Morning) -> None:
    result = await morning.late([morning.call(DAY, 1, 1)], now=ENDS + timedelta(hours=6))
    assert result == LateResult()
    assert (morning.asked.asked, morning.asked.cancelled) == (0, [])
    assert morning.intent("state") == ("running",)


class HalfBlind(JsonlDialer):
    """Gives no answer about one vendor campaign."""

    async def report(self, task: Task) -> AsyncIterator[Page]:
        if task.task_id == "task-0":
            raise InDoubt("dialog", "report", "no answer")
        async for page in super().report(task):
            yield page


async def test_a_report_that_fails_holds_no_other_back_and_is_told_in_the_end(
    conn: psycopg.Connection, warehouse_dsn: str, tmp_path: Path
) -> None:
    plan_of(conn, 3, intents=2)
    forced(
        conn,
        "update ops.campaign_intent set state = 'final', final_at = now(), vendor_task_id = 'task-' || chunk_no,"
        " window_end_utc = %s",
        (ENDS,),
    )
    conn.commit()
    dialer = HalfBlind([("calls", [{"totals": 0}])])
    collector = Collector(warehouse_dsn, Days(warehouse_dsn, conn, tmp_path).archive, dialer, spec(), SECRET, "run")
    with pytest.raises(InDoubt):
        await pull_again(collector, PLAN, "late", now=NIGHT)
    assert conn.execute("select count(*), count(loaded_at) from ops.raw_archive").fetchone() == (1, 1)
