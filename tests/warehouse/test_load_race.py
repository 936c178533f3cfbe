"""Two loads at once that have one call: its attempt, goals and transcript are of one answer, the newer one's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from days import Days

from obzvon.warehouse.db import connect
from obzvon.warehouse.partitions import ensure_months

EARLIER, LATER = "2031-06-05T00:00:00+00:00", "2031-06-06T00:00:00+00:00"
REFUSED = {"disposition": "RPC_REFUSED", "results": {"confirmation": "refused"}, "turns": [["client", "Нет", 0, 1]]}
AGREED = {
    "disposition": "GOAL",
    "goal": True,
    "results": {"confirmation": "agreed"},
    "turns": [["client", "Да", 0, 1], ["bot", "Спасибо", 1, 2]],
}
#: What the warehouse has of the call: outcome, goals reached, what was said.
STORED = """
select f.disposition_code,
       (select array_agg(goal_name || ' ' || goal_value order by 1) from dwh.fact_dialog_goal g
        where g.vendor_call_id = f.vendor_call_id),
       (select array_agg(text_redacted order by turn_no) from pii.dialog_turn t
        where t.vendor_call_id = f.vendor_call_id)
from dwh.fact_call_attempt f where vendor_call_id = 'x'
"""
WAITS = "select exists (select from pg_stat_activity where wait_event_type = 'Lock' and wait_event = 'transactionid')"


def stored(conn: psycopg.Connection) -> list[tuple[Any, ...]]:
    rows = conn.execute(STORED).fetchall()
    conn.commit()
    return rows


@pytest.mark.parametrize("days_of_calls", [(20, 5), (20, 6)], ids=["one month", "two months"])
@pytest.mark.parametrize("winner", ["who commits first", "who waits"])
async def test_two_loads_of_one_call(
    warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path, winner: str, days_of_calls: tuple[int, int]
) -> None:
    days = Days(warehouse_dsn, conn, tmp_path)
    first, second = date(2031, 5, days_of_calls[0]), date(2031, days_of_calls[1], 21)
    ensure_months(conn, [first, second])
    for day in (first, second):
        days.plan(day)
        await days.pull(day, "b0", [days.call(day, 40, 2)])  # the plan is in the warehouse
    moments = (LATER, EARLIER) if winner == "who commits first" else (EARLIER, LATER)
    for day, said, moment in zip((first, second), (AGREED, REFUSED), moments, strict=True):
        await days.fetch(day, "b1", [{**days.call(day, 1, 1), **said, "id": "x", "talk": 9, "updated_at": moment}])

    with connect(days.dsn) as ahead, connect(days.dsn) as behind, connect(days.dsn) as watcher:
        watcher.autocommit = True
        with ThreadPoolExecutor(1) as pool:
            with ahead.transaction():
                days.load(ahead, first, "b1")
                late = pool.submit(days.load, behind, second, "b1")
                while watcher.execute(WAITS).fetchone() != (True,):
                    assert not late.done(), late.result()
            late.result()

    agreed = [("GOAL", ["confirmation agreed"], ["Да", "Спасибо"])]
    refused = [("RPC_REFUSED", ["confirmation refused"], ["Нет"])]
    assert stored(conn) == (agreed if winner == "who commits first" else refused)
    days.run("drop schema dwh cascade")
    days.replay(first, second)
    assert stored(conn) == (agreed if winner == "who commits first" else refused)
