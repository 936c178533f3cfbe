"""Calls that Qolio drops silently, in a real Airflow: found, sent again, and seen; scores come back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from conftest import World, tomorrow

from obzvon.ledger.keys import plan_id

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
DROPPED = 3


def deliveries(world: World, plan: str) -> dict[str, int]:
    """Deliveries of a plan by state, but for calls without a recording."""
    query = """select q.state, count(*) from ops.qa_delivery q join ops.campaign_intent i using (intent_id)
               where i.plan_id = %s and q.state <> 'SKIPPED' group by 1"""
    return dict(world.rows(query, plan))


def test_dropped_calls_are_found_sent_again_and_verified_and_scores_come_back(mended: World) -> None:
    world, plan = mended, plan_id("demo_twin", tomorrow(41))
    world.fault(vendor="qolio", do="swallow", path="phone_calls$", skip=5, times=DROPPED)
    assert world.finish(world.start(tomorrow(41), ["campaign__demo_twin"])) == ["success"]
    sent = deliveries(world, plan)["SENT"]
    assert deliveries(world, plan) == {"SENT": sent}

    red = world.api.trigger("qa_scores")
    assert world.finish([red]) == ["failed"]
    assert {task.task_id: task.state for task in world.api.tasks(red)} == {
        "accounts": "success",
        "account.operators": "success",
        "account.verify": "failed",
        "account.reviews": "success",
        "missing": "success",
        "resend": "success",
        "closed": "upstream_failed",
    }
    (verify,) = world.tasks([red], "account.verify")
    assert f"{DROPPED} calls that it took are not there" in str(world.api.log(red, verify))
    assert deliveries(world, plan) == {"VERIFIED": sent - DROPPED, "SENT": DROPPED}

    ((uid,),) = world.rows(
        "select q.call_uid from ops.qa_delivery q join ops.campaign_intent i using (intent_id)"
        " where i.plan_id = %s and q.state = 'SENT' order by 1 limit 1", plan,
    )  # fmt: skip
    an_hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    world.review(id="r-1", uid=uid, score=87.5, reviewed_at=an_hour_ago)
    assert world.finish([world.api.trigger("qa_scores")]) == ["success"]
    assert deliveries(world, plan) == {"VERIFIED": sent}
    assert world.rows("select vendor_code || ':' || vendor_call_id, score from dwh.fact_qa_review") == [(uid, 87.5)]
    qolio = [line for line in world.books() if line.what == "Qolio calls = qa_delivery"]
    assert qolio
    assert all(line.agrees for line in qolio)
