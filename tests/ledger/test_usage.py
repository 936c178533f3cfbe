"""What counts against the caps: the worst case while an intent may still dial, what happened once it is over."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from days import DAYS, Days
from launching import PLAN, SPEC, forced
from loading import CALL_DATE, SECRET, Vendor, call, plan_of, spec
from plan_lists import EVE, FRIDAY, campaign, frames
from plan_lists import row as listed
from policies import relaxed

from obzvon.ledger.intents import move, reread
from obzvon.ledger.keys import ALL_OFFSETS, phone_key
from obzvon.ledger.states import IntentState
from obzvon.ledger.usage import give_up, sweep
from obzvon.stages.plan import plan
from obzvon.warehouse.db import connect, connect_async

pytestmark = pytest.mark.stack

WINDOW_END = datetime(2031, 5, 20, 17, tzinfo=UTC)
ENDED = datetime(2001, 1, 1, tzinfo=UTC)  # before any pull: what is pulled after the end is late
DOUBT = (
    "insert into ops.doubt (plan_id, batch_no, intent_id, subject, sent_at)"
    " select plan_id, 1000, intent_id, 'creation', window_start_utc from ops.campaign_intent where intent_id = %s"
)


def at_work(conn: psycopg.Connection, state: str = "collecting") -> None:
    """The intents are at the vendor."""
    forced(
        conn,
        "update ops.campaign_intent set state = %s, submitted_at = window_start_utc,"
        " vendor_task_id = 'task-' || chunk_no, contacts_accepted = contacts_planned",
        (state,),
    )
    conn.execute("update ops.plan_contact set sent_state = 'accepted'")
    conn.commit()


def may_ring(conn: psycopg.Connection, times: int) -> None:
    """Every contact may be dialled so often."""
    conn.execute("update ops.attempt_reservation set max_attempts = %(n)s, held = %(n)s", {"n": times})
    conn.commit()


async def end(dsn: str, intent_id: str, state: IntentState) -> None:
    """Move the intent on to where it ends."""
    async with await connect_async(dsn) as conn:
        await move(conn, await reread(conn, intent_id), state, run_id="run-1", final_at=ENDED)
        await conn.commit()


def held(conn: psycopg.Connection) -> list[int]:
    """What each contact of the plan holds, in list order."""
    rows = conn.execute(
        "select r.held from ops.plan_contact c join ops.attempt_reservation r using (phone_key, intent_id)"
        " order by c.row_no, r.local_date"
    ).fetchall()
    conn.commit()
    return [dials for (dials,) in rows]


def made(conn: psycopg.Connection, intent_id: str | None = None) -> list[tuple[Any, ...]]:
    """(start of the phone's key, date, attempts, answered) where anything happened."""
    rows = conn.execute(
        "select left(phone_key, 8), local_date, attempts, answered from ops.attempt_reservation"
        " where attempts > 0 and (%(id)s::text is null or intent_id = %(id)s) order by phone_key, local_date",
        {"id": intent_id},
    ).fetchall()
    conn.commit()
    return rows


def key(number: int) -> str:
    return phone_key(SECRET, f"+7916{number:07d}")[:8]


@pytest.fixture
def vendor(conn: psycopg.Connection, warehouse_dsn: str, tmp_path: Path) -> Vendor:
    """Four contacts at the vendor, each of whom may be dialled three times."""
    (intent,) = plan_of(conn, 4)
    may_ring(conn, 3)
    at_work(conn)
    found = Vendor(warehouse_dsn, tmp_path, intent)
    found.spec = spec(vendor={**SPEC["vendor"], "attempts": 3})
    return found


def test_a_plan_holds_the_worst_case_of_each_contact(conn: psycopg.Connection) -> None:
    plan(conn, campaign(), relaxed(), FRIDAY, now=EVE, chunks=frames([listed(1), listed(2)]))
    rows = conn.execute("select local_date, max_attempts, held, attempts, released_at from ops.attempt_reservation")
    assert rows.fetchall() == [(FRIDAY, 2, 2, 0, None)] * 2


async def test_a_final_report_leaves_what_really_happened(vendor: Vendor, conn: psycopg.Connection) -> None:
    calls = [call(1), call(2), call(3, 2, disposition="RPC_NO_RESULT"), call(4, 3, disposition="VENDOR_LAW_BLOCK")]
    await vendor.collect(conn, "b1", calls)
    assert held(conn) == [3, 3, 3, 3]
    await end(vendor.dsn, vendor.intent_id, IntentState.FINAL)
    assert held(conn) == [0, 0, 0, 0]
    assert made(conn) == sorted([(key(1), CALL_DATE, 2, 0), (key(2), CALL_DATE, 1, 1)])
    rows = conn.execute("select count(*) from ops.attempt_reservation where released_at is null").fetchone()
    assert rows == (0,)


async def test_rows_in_quarantine_keep_the_worst_case_of_those_who_never_showed(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    calls = [call(1, disposition="RPC_REFUSED"), call(2, 2), *(call(n, 3) for n in (3, 4, 5)), {"broken": "status"}]
    await vendor.collect(conn, "b1", calls)
    await end(vendor.dsn, vendor.intent_id, IntentState.FINAL)
    assert held(conn) == [0, 3, 0, 3]


async def test_rows_that_came_back_from_quarantine_keep_nothing(vendor: Vendor, conn: psycopg.Connection) -> None:
    await vendor.collect(conn, "b1", [call(1), {"broken": "status"}])
    conn.execute("update ops.quarantine set requeued_at = now()")
    conn.commit()
    await end(vendor.dsn, vendor.intent_id, IntentState.FINAL)
    assert held(conn) == [0, 0, 0, 0]


async def test_a_partial_report_keeps_the_worst_case_of_contacts_without_a_terminal_outcome(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    calls = [call(1, disposition="RPC_REFUSED"), call(2, 2), *(call(n, 3) for n in (3, 4, 5))]
    await vendor.collect(conn, "b1", calls)
    await end(vendor.dsn, vendor.intent_id, IntentState.FINAL_PARTIAL)
    assert held(conn) == [0, 3, 0, 3]


async def test_a_date_whose_dials_were_all_made_holds_nothing_while_the_day_after_still_does(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    may_ring(conn, 1)
    conn.execute(
        "insert into ops.attempt_reservation (phone_key, intent_id, local_date, campaign_id, purpose, max_attempts,"
        " held) select phone_key, intent_id, local_date + 1, campaign_id, purpose, 1, 1 from ops.attempt_reservation"
    )
    conn.commit()
    await vendor.collect(conn, "b1", [call(1)])
    await end(vendor.dsn, vendor.intent_id, IntentState.FINAL_PARTIAL)
    assert held(conn)[:4] == [0, 1, 1, 1]


async def test_an_intent_that_was_cancelled_before_anything_left_holds_nothing(
    conn: psycopg.Connection, warehouse_dsn: str
) -> None:
    gone, other = plan_of(conn, 2, intents=2)
    await end(warehouse_dsn, gone, IntentState.CANCELLED)
    assert held(conn) == [0, 0, 1, 1]
    await end(warehouse_dsn, other, IntentState.CANCELLED)
    assert held(conn) == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "left",
    [
        "update ops.campaign_intent set submitted_at = window_start_utc where intent_id = %s",
        "update ops.campaign_intent set vendor_task_id = 'task-1' where intent_id = %s",
        DOUBT,
    ],
    ids=["submitted", "at the vendor", "doubt"],
)
async def test_an_intent_that_may_have_left_keeps_what_it_held_when_it_is_cancelled(
    conn: psycopg.Connection, warehouse_dsn: str, left: str
) -> None:
    (intent,) = plan_of(conn, 2)
    forced(conn, left, (intent,))
    conn.commit()
    await end(warehouse_dsn, intent, IntentState.CANCELLED)
    assert held(conn) == [1, 1]


async def test_a_refused_intent_holds_until_its_window_is_over(conn: psycopg.Connection, warehouse_dsn: str) -> None:
    (intent,) = plan_of(conn, 2)
    forced(conn, "update ops.campaign_intent set state = 'sending', submitted_at = window_start_utc")
    conn.commit()
    await end(warehouse_dsn, intent, IntentState.REFUSED)
    assert held(conn) == [1, 1]
    assert sweep(conn, WINDOW_END - timedelta(seconds=1)) == 0
    assert held(conn) == [1, 1]
    assert sweep(conn, WINDOW_END) == 2
    assert held(conn) == [0, 0]
    assert conn.execute("select distinct released_at from ops.attempt_reservation").fetchall() == [(WINDOW_END,)]
    assert sweep(conn, WINDOW_END) == 0


def test_what_was_never_sent_is_released_when_its_window_is_over(conn: psycopg.Connection) -> None:
    plan_of(conn, 2, intents=2)
    conn.execute(
        "update ops.campaign_intent set window_end_utc = window_end_utc + interval '1 hour' where chunk_no = 1"
    )
    assert sweep(conn, WINDOW_END) == 2
    assert held(conn) == [0, 0, 1, 1]


@pytest.mark.parametrize("state", ["sending", "created", "in_doubt", "running", "collecting", "final_partial"])
def test_what_has_left_is_never_released_by_the_clock(conn: psycopg.Connection, state: str) -> None:
    plan_of(conn, 2)
    forced(conn, "update ops.campaign_intent set state = %s", (state,))
    assert sweep(conn, WINDOW_END + timedelta(days=9)) == 0


def test_an_intent_with_a_doubt_is_never_released_by_the_clock(conn: psycopg.Connection) -> None:
    doubted, _ = plan_of(conn, 1, intents=2)
    conn.execute(DOUBT.encode(), (doubted,))
    assert sweep(conn, WINDOW_END) == 1
    assert held(conn) == [1, 0]


def test_an_intent_with_a_vendors_id_is_never_released_by_the_clock(conn: psycopg.Connection) -> None:
    plan_of(conn, 1)
    forced(conn, "update ops.campaign_intent set state = 'refused', vendor_task_id = 'task-1'")
    assert sweep(conn, WINDOW_END) == 0


def test_an_intent_that_a_launch_holds_is_passed_over_without_waiting(
    conn: psycopg.Connection, warehouse_dsn: str
) -> None:
    busy, _ = plan_of(conn, 1, intents=2)
    conn.execute("set lock_timeout = '100ms'")
    conn.commit()
    with connect(warehouse_dsn) as launch:
        launch.execute("select state from ops.campaign_intent where intent_id = %s for update", (busy,))
        assert sweep(conn, WINDOW_END) == 1
        assert held(conn) == [1, 0]
        launch.rollback()
    assert sweep(conn, WINDOW_END) == 1
    assert held(conn) == [0, 0]


def test_a_plan_that_is_given_up_holds_nothing_but_for_what_is_at_the_vendor(conn: psycopg.Connection) -> None:
    plan_of(conn, 1, intents=5)
    for chunk, state, task in ((1, "refused", None), (2, "refused", "task-2"), (3, "created", "task-3")):
        forced(
            conn,
            "update ops.campaign_intent set state = %s, vendor_task_id = %s where chunk_no = %s",
            (state, task, chunk),
        )
    conn.execute("update ops.attempt_reservation set held = 0 where intent_id = (select intent_id"
                 " from ops.campaign_intent where chunk_no = 4)")  # fmt: skip
    assert give_up(conn, "0" * 64) == 0
    assert give_up(conn, PLAN) == 2
    assert held(conn) == [0, 0, 1, 1, 0]
    released = conn.execute("select count(released_at) from ops.attempt_reservation").fetchone()
    assert released == (2,)


def test_a_plan_sweeps_before_it_judges(conn: psycopg.Connection) -> None:
    """A campaign that was never launched in time takes nobody's room under the caps of the days after it."""
    capped = relaxed().model_copy(update={"one_campaign_a_day": True})
    plan(conn, campaign(name="earlier"), capped, FRIDAY, now=EVE, chunks=frames([listed(1)]))
    ended = datetime(2026, 11, 20, 9, tzinfo=UTC)
    conn.execute("update ops.campaign_intent set window_end_utc = %s", (ended,))
    made_anew = plan(conn, campaign(), capped, FRIDAY, now=ended, chunks=frames([listed(1)]))
    assert made_anew.contacts_to_call == 1


async def test_late_rows_after_the_end_raise_what_counts(vendor: Vendor, conn: psycopg.Connection) -> None:
    await vendor.collect(conn, "b1", [call(1)])
    await end(vendor.dsn, vendor.intent_id, IntentState.FINAL)
    await vendor.collect(conn, "b2", [call(1), call(2, disposition="RPC_NO_RESULT"), call(3, 4)])
    assert made(conn) == sorted([(key(1), CALL_DATE, 2, 1), (key(4), CALL_DATE, 1, 0)])
    assert held(conn) == [0, 0, 0, 0]


async def test_a_correction_that_does_not_count_lowers_what_counts(vendor: Vendor, conn: psycopg.Connection) -> None:
    await vendor.collect(conn, "b1", [call(1, disposition="UNKNOWN"), call(2, disposition="HUMAN_SHORT")])
    assert made(conn) == [(key(1), CALL_DATE, 2, 1)]
    await vendor.collect(conn, "b2", [call(1, disposition="VENDOR_LAW_BLOCK"), call(2)])
    assert made(conn) == [(key(1), CALL_DATE, 1, 0)]
    await vendor.collect(conn, "b3", [call(n, disposition="VENDOR_LAW_BLOCK") for n in (1, 2)])
    assert made(conn) == []


async def test_a_call_that_moves_to_another_date_takes_its_count_along(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    await vendor.collect(conn, "b1", [call(1)])
    await vendor.collect(conn, "b2", [call(1, started_at="2031-05-21T09:00:00+00:00")])
    assert made(conn) == [(key(1), date(2031, 5, 21), 1, 0)]
    assert held(conn) == [3, 0, 3, 3, 3]


async def test_calls_of_nobody_in_our_list_count_for_their_phone(vendor: Vendor, conn: psycopg.Connection) -> None:
    stranger: dict[str, Any] = {"contact": None, "phone": "+79990000001"}
    await vendor.collect(conn, "b1", [call(1, **stranger), call(2, **stranger, disposition="RPC_REFUSED"), call(3)])
    unknown = phone_key(SECRET, "+79990000001")[:8]
    assert made(conn) == sorted([(unknown, CALL_DATE, 2, 1), (key(1), CALL_DATE, 1, 0)])
    await vendor.collect(conn, "b2", [call(3), call(4)])
    assert made(conn) == sorted([(unknown, CALL_DATE, 2, 1), (key(1), CALL_DATE, 2, 0)])
    blocked = [call(n, **stranger, disposition="VENDOR_LAW_BLOCK") for n in (1, 2)]
    await vendor.collect(conn, "b3", blocked)
    assert made(conn) == [(key(1), CALL_DATE, 2, 0)]


async def test_a_call_counts_for_the_planned_date_where_that_was_the_date_at_any_candidate_zone(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    """Eight in the morning in Kamchatka is late evening of the day before in Moscow."""
    conn.execute("update ops.plan_contact set tz_offsets = %s where row_no = 1", (list(ALL_OFFSETS),))
    conn.commit()
    early = "2031-05-19T20:00:00+00:00"
    await vendor.collect(conn, "b1", [call(1, 1, started_at=early), call(2, 2, started_at=early)])
    assert made(conn) == sorted([(key(1), CALL_DATE, 1, 0), (key(2), CALL_DATE - timedelta(days=1), 1, 0)])


async def test_a_redial_of_the_day_after_counts_for_its_own_date(vendor: Vendor, conn: psycopg.Connection) -> None:
    await vendor.collect(conn, "b1", [call(1), call(2, started_at="2031-05-21T09:00:00+00:00")])
    assert made(conn) == [(key(1), CALL_DATE, 1, 0), (key(1), date(2031, 5, 21), 1, 0)]


async def test_the_planned_date_is_the_intents_own_where_it_calls_a_day_later(
    vendor: Vendor, conn: psycopg.Connection
) -> None:
    forced(conn, "update ops.campaign_intent set local_date = call_date + 1")
    conn.execute("update ops.plan_contact set tz_offsets = %s", (list(ALL_OFFSETS),))
    conn.commit()
    await vendor.collect(conn, "b1", [call(1, started_at="2031-05-20T20:00:00+00:00")])
    assert made(conn) == [(key(1), date(2031, 5, 21), 1, 0)]


async def test_a_warehouse_that_is_lost_and_rebuilt_neither_forgets_nor_doubles_what_counts(
    conn: psycopg.Connection, warehouse_dsn: str, tmp_path: Path
) -> None:
    days = Days(warehouse_dsn, conn, tmp_path)
    for day in DAYS:
        days.plan(day)
        stranger = days.call(day, 3, 3) | {"external_id": None, "phone": "+79990000001"}
        await days.pull(day, "b1", [days.call(day, 1, 1), days.call(day, 2, 2), stranger])
    await days.pull(DAYS[1], "b2", [days.call(DAYS[1], 1, 1), days.call(DAYS[1], 2, 2), days.call(DAYS[1], 4, 2)])
    before = made(conn)
    assert sum(attempts for _, _, attempts, _ in before) == 10
    days.run("drop schema dwh cascade")
    assert made(conn) == before
    days.replay(DAYS[0], DAYS[0])
    assert made(conn) == before
    days.replay(DAYS[1], DAYS[1])
    assert made(conn) == before
    days.replay()
    assert made(conn) == before


async def test_a_rebuild_that_breaks_off_between_two_pulls_forgets_nothing(
    conn: psycopg.Connection, warehouse_dsn: str, tmp_path: Path
) -> None:
    days = Days(warehouse_dsn, conn, tmp_path)
    day = DAYS[0]
    days.plan(day)
    await days.pull(day, "b1", [days.call(day, 1, 1)])
    await days.pull(day, "b2", [days.call(day, 1, 1), days.call(day, 2, 1), days.call(day, 3, 2)])
    before = made(conn)
    (path,) = conn.execute("select path from ops.raw_archive where batch_id = 'b2'").fetchone() or ("",)
    conn.commit()
    page = tmp_path / "archive" / path
    kept = page.read_bytes()
    page.unlink()
    days.run("drop schema dwh cascade")
    (broken,) = days.replay(day, day)
    assert broken.problem is not None
    assert made(conn) == before
    page.write_bytes(kept)
    (mended,) = days.replay(day, day)
    assert mended.problem is None
    assert made(conn) == before
    await days.pull(day, "b3", [days.call(day, 1, 1), days.call(day, 2, 1), days.call(day, 3, 2)])
    assert made(conn) == before
