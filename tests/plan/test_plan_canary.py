"""The first contacts are cut off as an intent of their own, and their vendor campaign ends early."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import psycopg
import pytest
from launching import NOW, PLAN, ScriptedDialer, plan_of
from launching import spec as launched_spec
from plan_lists import Planner, campaign, row

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import NotSent
from obzvon.ledger.intents import Intent, intents_of
from obzvon.ledger.keys import CANARY_BATCH
from obzvon.stages.launch import Launcher, hours_of, launch, order_of
from obzvon.stages.wait import task_of
from obzvon.vendors.base import Order
from obzvon.warehouse.db import connect_async

pytestmark = pytest.mark.stack

START, END = datetime(2031, 5, 20, 7, tzinfo=UTC), datetime(2031, 5, 20, 17, tzinfo=UTC)


def cut(conn: psycopg.Connection) -> list[tuple[Any, ...]]:
    """(zone, chunk, batch, rows of the list) of each intent; the canary's last."""
    return conn.execute(
        "select i.zone, i.chunk_no, i.batch_no, array_agg(c.row_no order by c.row_no)"
        " from ops.campaign_intent i join ops.plan_contact c using (intent_id)"
        " group by 1, 2, 3 order by i.batch_no, i.chunk_no"
    ).fetchall()


def zones(*hours: int) -> list[dict[str, Any]]:
    """One contact for each hour from UTC."""
    return [row(number, tz_offsets=[hour * 60]) for number, hour in enumerate(hours, start=1)]


def with_canary(contacts: int, **changes: Any) -> CampaignSpec:
    return campaign(canary={"contacts": contacts}, **changes)


def test_of_the_zones_with_enough_people_the_canary_is_in_the_one_that_opens_first(
    conn: psycopg.Connection, planned: Planner
) -> None:
    """The east opens first, but has too few people; the zone of most people opens last."""
    summary = planned(zones(10, 3, 5, 3, 5, 3, 5, 3), spec=with_canary(3))
    assert cut(conn) == [
        ("+10:00", 1, 0, [1]),
        ("+03:00", 1, 1, [2, 4, 6, 8]),
        ("+05:00", 0, CANARY_BATCH, [3, 5, 7]),
    ]
    assert summary.batches == (0, 1)
    assert summary.contacts_to_call == 8
    held = conn.execute(
        "select distinct r.held from ops.attempt_reservation r join ops.campaign_intent i using (intent_id)"
        " where i.batch_no = %s",
        (CANARY_BATCH,),
    )
    assert held.fetchall() == [(2,)]


def test_half_as_many_are_enough_in_a_zone_that_opens_earlier(conn: psycopg.Connection, planned: Planner) -> None:
    planned(zones(10, 3, 10, 3, 10, 3, 3), spec=with_canary(4))
    assert cut(conn) == [("+03:00", 1, 0, [2, 4, 6, 7]), ("+10:00", 0, CANARY_BATCH, [1, 3, 5])]


def test_where_no_zone_has_enough_people_the_canary_is_all_of_the_largest(
    conn: psycopg.Connection, planned: Planner
) -> None:
    planned(zones(10, 5, 3, 5), spec=with_canary(3))
    assert cut(conn) == [("+10:00", 1, 0, [1]), ("+03:00", 1, 1, [3]), ("+05:00", 0, CANARY_BATCH, [2, 4])]


def test_a_zone_of_exactly_as_many_people_is_all_canary(conn: psycopg.Connection, planned: Planner) -> None:
    planned(zones(5, 3, 5, 3, 3), spec=with_canary(2))
    assert cut(conn) == [("+03:00", 1, 0, [2, 4, 5]), ("+05:00", 0, CANARY_BATCH, [1, 3])]


def test_chunks_after_the_canary_are_cut_as_without_one(conn: psycopg.Connection, planned: Planner) -> None:
    planned(zones(*[3] * 8), spec=with_canary(2, limits={"chunk_size": 3, "max_batches": 1}))
    assert cut(conn) == [
        ("+03:00", 1, 0, [3, 4, 5]),
        ("+03:00", 2, 0, [6, 7, 8]),
        ("+03:00", 0, CANARY_BATCH, [1, 2]),
    ]


@pytest.mark.parametrize(("people", "canary"), [(2, False), (3, True)])
def test_a_list_that_is_no_longer_than_its_canary_has_none(
    conn: psycopg.Connection, planned: Planner, people: int, canary: bool
) -> None:
    excluded = row(9, tz_offsets=None, tz_source=None)  # nobody can say where: not called for a survey
    planned([*zones(*[3] * people), excluded], spec=with_canary(2))
    assert [batch for _, _, batch, _ in cut(conn)] == ([0, CANARY_BATCH] if canary else [0])


async def an_intent(conn: psycopg.Connection, dsn: str, *, canary: bool = True, **columns: Any) -> Intent:
    """The intent of a small plan at +03:00, from 07:00 to 17:00 UTC, with some columns changed."""
    plan_of(conn, 1)
    values = {"batch_no": CANARY_BATCH if canary else 0, "chunk_no": 0, **columns}
    assignments = ", ".join(f"{name} = %({name})s" for name in values)
    conn.execute(f"update ops.campaign_intent set {assignments}".encode(), values)
    conn.commit()
    async with await connect_async(dsn) as reader:
        (intent,) = await intents_of(reader, PLAN)
    return intent


SPEC = launched_spec(canary={"contacts": 1, "minutes": 90})


async def test_the_canary_has_the_first_minutes_of_its_window(conn: psycopg.Connection, warehouse_dsn: str) -> None:
    """Dialog takes the end of the order, TWIN the local hours: both end early."""
    intent = await an_intent(conn, warehouse_dsn)
    order = order_of(intent, SPEC, NOW)
    assert (order.starts_at, order.ends_at) == (START, START + timedelta(minutes=90))
    assert (order.local_from, order.local_to) == (time(10), time(11, 30))
    assert order_of(intent, launched_spec(), NOW).ends_at == END


async def test_the_rest_keeps_the_window_of_its_zone(conn: psycopg.Connection, warehouse_dsn: str) -> None:
    order = order_of(await an_intent(conn, warehouse_dsn, canary=False), SPEC, NOW)
    assert (order.ends_at, order.local_to) == (END, time(20))


async def test_where_the_zone_is_not_certain_the_local_hours_stay_and_the_end_is_early(
    conn: psycopg.Connection, warehouse_dsn: str
) -> None:
    order = order_of(await an_intent(conn, warehouse_dsn, tz_offsets=[180, 240]), SPEC, NOW)
    assert (order.ends_at, order.local_to) == (START + timedelta(minutes=90), time(20))


async def test_a_canary_that_is_created_late_has_its_minutes_from_then_on_and_never_beyond_the_window(
    conn: psycopg.Connection, warehouse_dsn: str
) -> None:
    intent = await an_intent(conn, warehouse_dsn)
    at = START + timedelta(hours=2, minutes=7, seconds=30)
    assert hours_of(intent, SPEC, at) == (START + timedelta(hours=3, minutes=37), time(13, 37))
    assert hours_of(intent, SPEC, END - timedelta(minutes=80)) == (END, time(20))


async def test_the_hours_of_a_canary_stay_those_of_its_creation(conn: psycopg.Connection, warehouse_dsn: str) -> None:
    """A worker that fills it later, and the wait, know the same end as the vendor."""
    sent = START + timedelta(hours=1)
    intent = await an_intent(conn, warehouse_dsn, submitted_at=sent, vendor_task_id="task-1")
    ends = sent + timedelta(minutes=90)
    assert order_of(intent, SPEC, START + timedelta(hours=5)).ends_at == ends
    assert task_of(intent, SPEC).order.ends_at == ends


async def test_a_canary_whose_request_never_left_has_its_minutes_anew(
    conn: psycopg.Connection, warehouse_dsn: str
) -> None:
    await an_intent(conn, warehouse_dsn)
    later, orders = START + timedelta(hours=3), list[Order]()

    def away(order: Order) -> str:
        raise NotSent("dialog", "create a campaign", "no connection")

    def here(order: Order) -> str:
        orders.append(order)
        return "task-1"

    async def run(dialer: ScriptedDialer, now: datetime) -> None:
        async def no_pause(seconds: float) -> None:
            assert seconds > 0

        async with await connect_async(warehouse_dsn) as reader:
            await launch(
                Launcher(reader, dialer, SPEC, "run-1", lambda: False, lambda: now, no_pause), PLAN, CANARY_BATCH
            )

    with pytest.raises(NotSent):
        await run(ScriptedDialer(create=away), START)
    await run(ScriptedDialer(create=here), later)
    assert [(order.starts_at, order.ends_at) for order in orders] == [
        (later + timedelta(minutes=3), later + timedelta(minutes=90))
    ]


def test_a_canary_in_the_plan_of_the_next_day_is_on_that_date(conn: psycopg.Connection, planned: Planner) -> None:
    evening = datetime(2026, 11, 20, 18, tzinfo=UTC)
    planned(zones(3, 3, 3), spec=with_canary(1, when_late="next_day"), now=evening)
    rows = conn.execute("select batch_no, local_date from ops.campaign_intent order by batch_no").fetchall()
    assert rows == [(0, date(2026, 11, 21)), (CANARY_BATCH, date(2026, 11, 21))]
