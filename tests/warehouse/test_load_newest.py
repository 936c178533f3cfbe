"""Whatever is loaded, in whatever order and however often: the newest answer about a call is what stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from launching import forced
from loading import JsonlDialer, Line, Vendor, call, part, plan_of

from obzvon.vendors.base import Row

TABLES = (
    "dwh.fact_call_attempt", "dwh.fact_dialog_goal", "pii.dialog_turn", "ops.suppression", "dwh.fact_campaign_contact",
    "dwh.dim_contact", "dwh.dim_campaign", "dwh.dim_script", "ops.quarantine",
)  # fmt: skip


@pytest.fixture
def vendor(conn: psycopg.Connection, warehouse_dsn: str, tmp_path: Path) -> Vendor:
    (intent,) = plan_of(conn, 3)
    return Vendor(warehouse_dsn, tmp_path, intent)


def contents(conn: psycopg.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the warehouse with the physical place of its version."""
    found = {t: conn.execute(f"select ctid::text, t.* from {t} t order by ctid".encode()).fetchall() for t in TABLES}
    conn.commit()
    return found


def outcome(conn: psycopg.Connection, name: str = "k1") -> Any:
    query = "select disposition_code, is_late, batch_id from dwh.fact_call_attempt where vendor_call_id = %s"
    row = conn.execute(query, (name,)).fetchone()
    conn.commit()
    return row


def at(minute: int) -> str:
    return f"2031-05-20T10:{minute:02d}:00+00:00"


async def test_loading_the_same_batch_again_changes_nothing(vendor: Vendor, conn: psycopg.Connection) -> None:
    turns = [["bot", "Да?", 0, 1], ["client", "Нет", 1, 2]]
    pages = [
        [call(1, disposition="RPC_OPTOUT", turns=turns, results={"confirmation": "no"}), call(2, 2), {"broken": "x"}],
        [part(2, results={"confirmation": "agreed"}, turns=turns)],
    ]
    first = await vendor.collect(conn, "b1", *pages, kinds="calls sessions")
    before = contents(conn)
    again = vendor.load(conn, "b1")
    assert contents(conn) == before
    assert (first.inserted, again.inserted, again.updated, again.unchanged) == (2, 0, 0, 2)


async def test_an_equal_answer_of_a_later_pull_writes_no_row(vendor: Vendor, conn: psycopg.Connection) -> None:
    lines = [call(1, turns=[["bot", "Да?", 0, 1]]), call(2, 2)]
    await vendor.collect(conn, "b1", lines)
    before = contents(conn)
    result = await vendor.collect(conn, "b2", lines)
    assert contents(conn) == before
    assert result.unchanged == 2


async def test_a_newer_answer_replaces_and_an_older_one_does_not(vendor: Vendor, conn: psycopg.Connection) -> None:
    old = call(1, disposition="PENDING", updated_at=at(1))
    new = call(1, disposition="RPC_REFUSED", updated_at=at(2), turns=[["bot", "новый", 0, 1]])
    await vendor.collect(conn, "b1", [old])
    assert (await vendor.collect(conn, "b2", [new])).updated == 1
    stale = await vendor.collect(conn, "b3", [old | {"turns": [["bot", "старый", 0, 1]]}])
    assert (stale.updated, stale.older) == (0, 1)
    assert outcome(conn) == ("RPC_REFUSED", False, "b2")
    assert conn.execute("select text_redacted from pii.dialog_turn").fetchall() == [("новый",)]


async def test_without_a_newer_stamp_the_answer_fetched_later_is_the_newer_one(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    await vendor.pull("b1", [call(1, disposition="PENDING")])
    await vendor.pull("b2", [call(1, disposition="NO_ANSWER", record="https://r/1.mp3")])
    assert vendor.load(conn, "b2").inserted == 1
    assert vendor.load(conn, "b1").older == 1
    assert outcome(conn) == ("NO_ANSWER", False, "b2")


async def test_an_older_answer_between_two_equal_newer_ones_does_not_win(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    await vendor.collect(conn, "b1", [call(1, disposition="BUSY", updated_at=at(1))])
    await vendor.collect(conn, "b2", [call(1, disposition="BUSY", updated_at=at(3))])
    await vendor.collect(conn, "b3", [call(1, disposition="NO_ANSWER", updated_at=at(2))])
    assert outcome(conn) == ("BUSY", False, "b2")


async def test_any_order_of_loading_ends_the_same(vendor: Vendor, conn: psycopg.Connection) -> None:
    await vendor.pull("b1", [call(1, disposition="PENDING", updated_at=at(1)), call(5, 2)])
    await vendor.pull("b2", [call(1, disposition="RPC_NO_RESULT", updated_at=at(2), talk=9), call(5, 2)])
    await vendor.pull("b3", [call(1, disposition="GOAL", updated_at=at(2), talk=9, results={"confirmation": "agreed"})])
    facts = (
        "select vendor_call_id, disposition_code, talk_sec, row_hash, attempt_no from dwh.fact_call_attempt order by 1"
    )
    seen = []
    for order in ("b1 b2 b3", "b3 b2 b1", "b2 b3 b1 b2", "b3 b1 b3 b2"):
        conn.execute("delete from dwh.fact_call_attempt")
        conn.commit()
        for batch in order.split():
            vendor.load(conn, batch)
        seen.append(conn.execute(facts.encode()).fetchall())
        conn.commit()
    assert seen[0][0][1] == "GOAL"
    assert all(each == seen[0] for each in seen)


async def test_a_transcript_that_comes_later_is_added_and_its_absence_says_nothing(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    line = call(1, disposition="RPC_NO_RESULT", talk=30)
    told = part(1, turns=[["bot", "Да?", 0, 1], ["client", "Нет", 1, 2]], results={"confirmation": "agreed"})
    await vendor.collect(conn, "b1", [line])
    await vendor.collect(conn, "b2", [line], [told], kinds="calls sessions")
    turns = "select count(*) from pii.dialog_turn"
    assert outcome(conn) == ("GOAL", False, "b2")
    assert conn.execute(turns).fetchall() == [(2,)]
    conn.commit()
    await vendor.collect(conn, "b3", [line], [], kinds="calls sessions")
    assert conn.execute(turns).fetchall() == [(2,)]
    conn.commit()
    shorter = part(1, turns=[["bot", "Да?", 0, 1]], results={"confirmation": "no"})
    await vendor.collect(conn, "b4", [line], [shorter], kinds="calls sessions")
    assert conn.execute(turns).fetchall() == [(1,)]
    assert conn.execute("select goal_value, is_reached from dwh.fact_dialog_goal").fetchall() == [("no", False)]


async def test_a_row_that_first_comes_or_changes_after_the_intent_is_final_is_late(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    await vendor.collect(conn, "b1", [call(1, disposition="PENDING"), call(2, 2)])
    forced(conn, "update ops.campaign_intent set state = 'final', final_at = clock_timestamp()")
    conn.commit()
    await vendor.collect(conn, "b2", [call(1, updated_at=at(1)), call(2, 2), call(3, 3)])
    assert [outcome(conn, f"k{n}")[1] for n in (1, 2, 3)] == [True, False, True]
    vendor.load(conn, "b1")  # a replay of the first pull is not late: it was fetched in time
    assert [outcome(conn, f"k{n}")[1] for n in (1, 2, 3)] == [True, False, True]


class Corrected(JsonlDialer):
    """Knows that times without an offset are UTC."""

    @classmethod
    def read(cls, line: Line) -> Row:
        changed = {name: f"{value}+00:00" for name, value in line.items() if name == "started_at"}
        return super().read({**line, **changed})


async def test_a_corrected_mapping_brings_quarantined_rows_in_once(vendor: Vendor, conn: psycopg.Connection) -> None:
    await vendor.collect(conn, "b1", [{**call(1), "started_at": "2031-05-20T09:00:00"}, {"broken": "phone"}])
    vendor.dialer = Corrected
    for _ in range(2):
        result = vendor.load(conn, "b1")
    assert (result.rows, result.quarantined) == (1, 1)
    query = "select row_no, requeued_at is not null from ops.quarantine order by 1"
    assert conn.execute(query).fetchall() == [(1, True), (2, False)]
    assert conn.execute("select count(*) from dwh.fact_call_attempt").fetchall() == [(1,)]


def business(conn: psycopg.Connection) -> dict[str, list[str]]:
    """The facts without surrogate keys and without the moment of loading."""
    without = "'{loaded_at,contact_key,campaign_key,script_key}'::text[]"
    tables = ("fact_call_attempt", "fact_dialog_goal", "fact_campaign_contact")
    queries = {t: f"select (to_jsonb(t) - {without})::text from dwh.{t} t order by 1" for t in tables}
    return {t: [row for (row,) in conn.execute(q.encode())] for t, q in queries.items()}


async def test_dwh_rebuilt_from_the_archive_is_what_it_was(vendor: Vendor, conn: psycopg.Connection) -> None:
    await vendor.collect(conn, "b1", [call(1, disposition="PENDING"), call(2, 2, disposition="RPC_OPTOUT")])
    await vendor.collect(
        conn, "b2", [call(1, disposition="RPC_NO_RESULT", updated_at=at(5))],
        [part(1, results={"confirmation": "agreed"}, turns=[["client", "Да", 0, 1]])], kinds="calls sessions",
    )  # fmt: skip
    before = business(conn)
    conn.execute("truncate dwh.fact_call_attempt, dwh.fact_campaign_contact, dwh.dim_contact, dwh.dim_campaign cascade")
    conn.commit()
    for batch in ("b1", "b2"):
        vendor.load(conn, batch)
    assert business(conn) == before
