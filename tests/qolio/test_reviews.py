"""Reviews: each is kept, those of known calls become facts, and the newest pull wins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from account_scene import House
from qa_rows import World

from obzvon.errors import ConfigError
from obzvon.stages.reviews import Pulled, pull_reviews

pytestmark = pytest.mark.stack
NOW = datetime(2030, 5, 22, 6, tzinfo=UTC)


@pytest.fixture
def world(conn: psycopg.Connection) -> World:
    return World(conn)


async def pulled(house: House, dsn: str, now: datetime = NOW, days: int = 30, **options: Any) -> Pulled:
    async with house.connected(**options) as account:
        return await pull_reviews(dsn, account, now=now, days=days)


def facts(world: World) -> list[tuple[Any, ...]]:
    world.conn.commit()
    return world.conn.execute(
        "select vendor_call_id, form_name, score, max_score, reviewer_id, reviewed_at, appeal_state"
        " from dwh.fact_qa_review order by 1"
    ).fetchall()


async def test_scores_come_back_to_their_calls(house: House, world: World, warehouse_dsn: str) -> None:
    world.calls(3)
    await house.deliver(warehouse_dsn, world)
    house.review("dialog:00001", 87.5)
    house.review("dialog:00002", None)
    result = await pulled(house, warehouse_dsn)
    assert (result.reviews, result.inserted, result.facts, result.unusable, result.without_call) == (2, 2, 2, 0, 0)
    at = datetime(2030, 5, 21, 7, tzinfo=UTC)
    assert facts(world) == [
        ("00001", "Чек-лист бота", Decimal("87.5000"), Decimal("100.0000"), "qa-1", at, None),
        ("00002", "Чек-лист бота", None, Decimal("100.0000"), "qa-1", at, None),
    ]


async def test_an_appeal_changes_the_score_and_nothing_else_is_written(
    house: House, world: World, warehouse_dsn: str
) -> None:
    world.calls(2)
    await house.deliver(warehouse_dsn, world)
    house.review("dialog:00001", 40)
    house.review("dialog:00002", 90)
    await pulled(house, warehouse_dsn)
    house.review("dialog:00001", 75, appeal="accepted")
    result = await pulled(house, warehouse_dsn, NOW + timedelta(days=1))
    assert (result.reviews, result.inserted, result.updated, result.facts) == (2, 0, 1, 1)
    assert [(row[0], row[2], row[6]) for row in facts(world)] == [("00001", 75, "accepted"), ("00002", 90, None)]
    assert (await pulled(house, warehouse_dsn, NOW + timedelta(days=2))).facts == 0


async def test_an_older_pull_overwrites_nothing(house: House, world: World, warehouse_dsn: str) -> None:
    world.calls(1)
    await house.deliver(warehouse_dsn, world)
    house.review("dialog:00001", 75)
    await pulled(house, warehouse_dsn)
    house.review("dialog:00001", 10)
    assert (await pulled(house, warehouse_dsn, NOW - timedelta(hours=1))).updated == 0
    assert facts(world)[0][2] == 75


async def test_a_review_of_an_unknown_call_is_kept_until_the_call_comes(
    house: House, world: World, warehouse_dsn: str
) -> None:
    world.calls(2)
    await house.deliver(warehouse_dsn, world)
    house.review("dialog:00002", 60)
    world.run("delete from dwh.fact_call_attempt where vendor_call_id = '00002'")
    world.conn.commit()
    result = await pulled(house, warehouse_dsn)
    assert (result.inserted, result.facts, result.without_call) == (1, 0, 1)
    world.attempt(2, "00002")
    world.conn.commit()
    result = await pulled(house, warehouse_dsn)
    assert (result.inserted, result.facts, result.without_call) == (0, 1, 0)
    assert [row[:3] for row in facts(world)] == [("00002", "Чек-лист бота", 60)]


async def test_a_review_that_cannot_be_used_is_kept_with_the_reason_and_loads_once_it_can(
    house: House, world: World, warehouse_dsn: str
) -> None:
    world.calls(2)
    await house.deliver(warehouse_dsn, world)
    house.review("dialog:00001", 50)
    house.review("dialog:00002", 60)
    wrong = {"list": "attributes.reviews", "id": "id", "uid": "/attributes.uid", "reviewed_at": "form-name"}
    result = await pulled(house, warehouse_dsn, review_fields=wrong)
    assert (result.reviews, result.facts, result.unusable) == (2, 0, 2)
    reasons = world.conn.execute("select distinct problem from ops.qa_review").fetchall()
    assert reasons == [("reviewed_at: is not a moment with a time zone",)]
    world.conn.commit()
    result = await pulled(house, warehouse_dsn)
    assert (result.updated, result.facts, result.unusable) == (2, 2, 0)


async def test_many_reviews_come_page_by_page_once_each(house: House, world: World, warehouse_dsn: str) -> None:
    world.calls(120)
    await house.deliver(warehouse_dsn, world)
    for number in range(1, 121):
        house.review(f"dialog:{number:05d}", number / 2)
    house.fault("drop_before", path="client_interactions", skip=30)
    result = await pulled(house, warehouse_dsn)
    assert (result.reviews, result.inserted, result.facts) == (120, 120, 120)
    assert sum(row[2] for row in facts(world)) == sum(number / 2 for number in range(1, 121))


async def test_after_a_long_silence_the_pull_begins_where_the_last_review_was(
    house: House, world: World, warehouse_dsn: str
) -> None:
    world.calls(2)
    await house.deliver(warehouse_dsn, world)
    house.review("dialog:00001", 50)
    await pulled(house, warehouse_dsn)
    house.review("dialog:00002", 60, reviewed_at="2030-05-25T10:00:00+03:00")
    assert (await pulled(house, warehouse_dsn, NOW + timedelta(days=90), days=1)).inserted == 1


async def test_only_the_days_asked_for_are_pulled_at_first(house: House, world: World, warehouse_dsn: str) -> None:
    world.calls(1)
    await house.deliver(warehouse_dsn, world)
    house.review("dialog:00001", 50, reviewed_at="2030-04-01T10:00:00+03:00")
    assert (await pulled(house, warehouse_dsn)).reviews == 0
    assert (await pulled(house, warehouse_dsn, days=60)).reviews == 1


async def test_without_fields_nothing_is_pulled_and_the_log_says_so(
    house: House, warehouse_dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert await pulled(house, warehouse_dsn, review_fields=None) == Pulled()
    assert "qolio_default: `review_fields` is not set, so no scores were pulled" in caplog.text
    assert house.requests("GET") == []


@pytest.mark.parametrize("fields", ["{", "[]", {"id": "id"}, {"id": "id", "uid": "u", "reviewed_at": "r", "sc": "s"}])
async def test_fields_that_are_none_are_refused_with_the_cure(house: House, warehouse_dsn: str, fields: Any) -> None:
    with pytest.raises(ConfigError, match="`review_fields` is no JSON object of paths with the keys id, uid"):
        await pulled(house, warehouse_dsn, review_fields=fields)
