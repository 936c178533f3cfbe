"""What of a plan goes to the reviewers: always what matters most, of the rest the same share of every stratum."""

from __future__ import annotations

import psycopg
import pytest
from qa_rows import World, campaign
from test_deliver import Desk

from obzvon.stages.audit import audit
from obzvon.stages.deliver import DeliverySummary, deliver


@pytest.fixture
def desk() -> Desk:
    return Desk()


def world_of(conn: psycopg.Connection, share: float) -> World:
    """20 refusals, 7 goals and 3 opt-outs; one refusal was transferred, one call's status nobody has mapped."""
    conn.execute(
        "insert into dwh.dim_disposition values"
        " ('RPC_OPTOUT', 'HUMAN', 'x', true, false, true, false, true) on conflict do nothing"
    )
    world = World(conn, campaign(qolio={"sample_share": share}))
    kinds = ["RPC_REFUSED"] * 20 + ["GOAL"] * 7 + ["RPC_OPTOUT"] * 3 + ["RPC_REFUSED", "UNKNOWN"]
    for number, kind in enumerate(kinds, 1):
        world.contact(number)
        world.attempt(number, f"{number:05d}", kind, transferred=number == 31)
    world.pull(len(kinds))
    world.run("update ops.campaign_plan set spec = jsonb_build_object('limits', jsonb '{\"max_unknown_share\": 0.5}')")
    conn.commit()
    return world


async def delivered(world: World, desk: Desk, dsn: str) -> DeliverySummary:
    return await deliver(dsn, world.spec, desk, world.plan_id)


def kinds(world: World, state: str) -> dict[str, int]:
    rows = world.conn.execute(
        "select f.disposition_code, count(*) from ops.qa_delivery d join dwh.fact_call_attempt f"
        " using (vendor_code, vendor_call_id) where d.state = %s group by 1",
        [state],
    ).fetchall()
    return dict(rows)


async def test_a_share_of_each_stratum_goes_and_what_matters_most_always(
    conn: psycopg.Connection, desk: Desk, warehouse_dsn: str
) -> None:
    world = world_of(conn, 0.1)
    summary = await delivered(world, desk, warehouse_dsn)
    sent = kinds(world, "SENT")
    # a tenth of 21 refusals and of 7 goals, rounded up; the transferred one is beside them unless it is among them
    assert (sent["GOAL"], sent["RPC_OPTOUT"], sent["UNKNOWN"]) == (1, 3, 1)
    assert sent["RPC_REFUSED"] in {3, 4}
    assert summary.unsampled == 32 - summary.sent
    assert "dialog:00031" in desk.taken
    reasons = conn.execute("select distinct reason from ops.qa_delivery where state = 'SKIPPED'").fetchall()
    assert reasons == [("not_sampled",)]


async def test_every_run_picks_the_same_calls(conn: psycopg.Connection, desk: Desk, warehouse_dsn: str) -> None:
    world = world_of(conn, 0.3)
    first = await delivered(world, desk, warehouse_dsn)
    taken = set(desk.taken)
    again = await delivered(world, desk, warehouse_dsn)
    assert (again.sent, again.unchanged, again.unsampled) == (0, first.sent, first.unsampled)
    world.run("delete from ops.qa_delivery")
    conn.commit()
    other = Desk()
    await delivered(world, other, warehouse_dsn)
    assert set(other.taken) == taken


async def test_all_of_them_by_default_and_none_but_the_always_at_zero(
    conn: psycopg.Connection, desk: Desk, warehouse_dsn: str
) -> None:
    world = world_of(conn, 0.0)
    await delivered(world, desk, warehouse_dsn)
    assert kinds(world, "SENT") == {"RPC_OPTOUT": 3, "RPC_REFUSED": 1, "UNKNOWN": 1}
    assert campaign().qolio.sample_share == 1.0
    assert (await deliver(warehouse_dsn, campaign(), desk, world.plan_id)).unsampled == 0
    assert sum(kinds(world, "SENT").values()) == 32


async def test_what_was_sent_once_stays_when_the_share_shrinks(
    conn: psycopg.Connection, desk: Desk, warehouse_dsn: str
) -> None:
    world = world_of(conn, 0.0)
    await deliver(warehouse_dsn, campaign(), desk, world.plan_id)
    world.run("update dwh.fact_call_attempt set talk_sec = 99 where vendor_call_id = '00001'")
    conn.commit()
    summary = await delivered(world, desk, warehouse_dsn)
    assert (summary.sent, summary.unchanged, summary.unsampled) == (1, 31, 0)


async def test_a_call_of_unmapped_outcome_without_a_recording_is_no_conversation(
    conn: psycopg.Connection, desk: Desk, warehouse_dsn: str
) -> None:
    world = World(conn)
    world.contact(1)
    world.attempt(1, "a", "UNKNOWN", record_url=None)
    conn.commit()
    assert (await delivered(world, desk, warehouse_dsn)).conversations == 0


async def test_the_books_agree_with_a_sample(conn: psycopg.Connection, desk: Desk, warehouse_dsn: str) -> None:
    world = world_of(conn, 0.1)
    summary = await delivered(world, desk, warehouse_dsn)
    found = {finding.check.name: finding for finding in audit(conn, world.plan_id).findings}
    assert found["recorded"].explanation == f"{summary.unsampled} not in the sample"
    assert (found["recorded"].expected, found["delivered"].expected) == (32, 32)


async def test_an_opt_out_that_a_sample_left_out_fails_the_audit(
    conn: psycopg.Connection, desk: Desk, warehouse_dsn: str
) -> None:
    world = world_of(conn, 0.1)
    await delivered(world, desk, warehouse_dsn)
    world.run("update ops.qa_delivery set state = 'SKIPPED', reason = 'not_sampled' where call_uid = 'dialog:00028'")
    with pytest.raises(Exception, match=r"recorded: .* 32 and 31, 0 explained"):
        audit(conn, world.plan_id)
