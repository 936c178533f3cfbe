"""Verification: what Qolio took and does not have is found, sent again, and then seen."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from account_scene import House
from qa_rows import World

from obzvon.errors import AuditError, ConfigError, ContractBreak
from obzvon.stages.verify import Verified, connections_of, missing_plans, verify

pytestmark = pytest.mark.stack
#: Calls of the world begin on 20 May 2030, 09:00 UTC.
NOW = datetime(2030, 5, 21, 8, tzinfo=UTC)


@pytest.fixture
def world(conn: psycopg.Connection) -> World:
    return World(conn)


async def looked(house: House, dsn: str, now: datetime = NOW, **options: Any) -> Verified:
    async with house.connected(**options) as account:
        return await verify(dsn, account, now=now)


async def test_calls_that_qolio_drops_silently_are_found_sent_again_and_verified(
    house: House, world: World, warehouse_dsn: str
) -> None:
    world.calls(120)
    house.fault("swallow", method="POST", path="phone_calls$", skip=30, times=7)
    assert (await house.deliver(warehouse_dsn, world)).sent == 120
    assert world.states() == {"SENT": 120}
    assert len(house.uids()) == 113

    report = await looked(house, warehouse_dsn)
    assert (report.communications, report.verified, report.missing) == (113, 113, 7)
    with pytest.raises(AuditError, match="7 calls that it took are not there, 113 newly seen; the task `resend`"):
        report.require()
    world.conn.commit()
    assert world.states() == {"VERIFIED": 113, "MISSING": 7}
    gone = {row[0] for row in world.conn.execute("select call_uid from ops.qa_delivery where state = 'MISSING'")}
    world.conn.commit()
    assert gone.isdisjoint(house.uids())
    assert await missing_plans(warehouse_dsn, NOW) == [world.plan_id]

    again = await house.deliver(warehouse_dsn, world)
    assert (again.sent, again.unchanged) == (7, 113)
    assert len(house.uids()) == 120
    assert (await looked(house, warehouse_dsn)).require().verified == 7
    world.conn.commit()
    assert world.states() == {"VERIFIED": 120}
    assert await missing_plans(warehouse_dsn, NOW) == []
    posts = house.requests("POST", "phone_calls")
    assert len(posts) == 127


async def test_a_call_is_given_time_to_show(house: House, world: World, warehouse_dsn: str) -> None:
    world.calls(2)
    house.fault("swallow", path="phone_calls$", times=2)
    await house.deliver(warehouse_dsn, world)
    world.run("update ops.qa_delivery set sent_at = %s", NOW - timedelta(minutes=30))
    world.conn.commit()
    assert (await looked(house, warehouse_dsn, verify_after_minutes=31)).missing == 0
    assert world.states() == {"SENT": 2}
    world.conn.commit()
    assert (await looked(house, warehouse_dsn, verify_after_minutes=29)).missing == 2


async def test_a_call_that_shows_late_is_verified_without_being_sent_again(
    house: House, world: World, warehouse_dsn: str
) -> None:
    world.calls(3)
    await house.deliver(warehouse_dsn, world)
    world.run("update ops.qa_delivery set state = 'MISSING'")
    world.conn.commit()
    assert (await looked(house, warehouse_dsn)).require().verified == 3


async def test_nothing_is_believed_missing_when_a_page_cannot_be_read(
    house: House, world: World, warehouse_dsn: str
) -> None:
    world.calls(60)
    await house.deliver(warehouse_dsn, world)
    house.fault("answer", path="client_interactions", says="number%5D=2", status=200, body={"data": []})
    with pytest.raises(ContractBreak, match="total-pages"):
        await looked(house, warehouse_dsn)
    assert world.states() == {"VERIFIED": 50, "SENT": 10}
    world.conn.commit()
    assert (await looked(house, warehouse_dsn)).require().verified == 10


@pytest.mark.parametrize("do", ["drop_before", "truncate", "token_death"])
async def test_a_passing_fault_changes_nothing(house: House, world: World, warehouse_dsn: str, do: str) -> None:
    world.calls(60)
    await house.deliver(warehouse_dsn, world)
    house.fault(do, path="client_interactions", skip=1)
    assert (await looked(house, warehouse_dsn)).require().verified == 60


async def test_a_wrong_path_of_the_uid_marks_nothing(house: House, world: World, warehouse_dsn: str) -> None:
    world.calls(2)
    await house.deliver(warehouse_dsn, world)
    with pytest.raises(ConfigError, match=r"none of 2 communications .* `interaction_uid` \(attributes.external-id\)"):
        await looked(house, warehouse_dsn, interaction_uid="attributes.external-id")
    assert world.states() == {"SENT": 2}


async def test_without_the_path_nobody_looks_and_the_log_says_so(
    house: House, world: World, warehouse_dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    world.calls(1)
    await house.deliver(warehouse_dsn, world)
    assert await looked(house, warehouse_dsn, interaction_uid="") == Verified("qolio_default")
    assert "qolio_default: `interaction_uid` is not set" in caplog.text
    assert house.requests("GET") == []


async def test_other_connections_old_calls_and_settled_ones_are_left_alone(
    house: House, world: World, warehouse_dsn: str
) -> None:
    world.calls(3)
    for call_id, state in (("00001", "SENT"), ("00002", "REJECTED"), ("00003", "IN_DOUBT")):
        world.delivery(call_id, state)
    world.run("update ops.qa_delivery set sent_at = %s", NOW - timedelta(hours=9))
    world.run('update ops.campaign_plan set spec = \'{"qolio": {"conn_id": "qolio_north"}}\'')
    world.conn.commit()
    assert connections_of(warehouse_dsn, NOW) == {"qolio_north"}
    assert (await looked(house, warehouse_dsn)).days == 0
    world.run("update ops.campaign_plan set spec = '{}'")
    world.conn.commit()
    assert (await looked(house, warehouse_dsn, now=NOW + timedelta(days=60))).days == 0
    assert (await looked(house, warehouse_dsn)).missing == 1
    assert world.states() == {"MISSING": 1, "REJECTED": 1, "IN_DOUBT": 1}


async def test_missing_calls_are_an_error_line_with_counts_and_no_phone(
    house: House, world: World, warehouse_dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    world.calls(2)
    house.fault("swallow", path="phone_calls$", times=2)
    await house.deliver(warehouse_dsn, world)
    await looked(house, warehouse_dsn)
    (line,) = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert "missing=2" in line
    assert "7916" not in caplog.text
