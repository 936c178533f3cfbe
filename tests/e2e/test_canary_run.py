"""The first contacts are called alone in a real Airflow, and their results decide about everybody else."""

from __future__ import annotations

import pytest
from conftest import World, tomorrow

from obzvon.ledger.keys import CANARY_BATCH, plan_id

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
CANARY = 30


def size(world: World, plan: str) -> int:
    """How many the canary called: what the campaign asks for, or half of it and more in a zone that opens earlier."""
    query = "select sum(contacts_planned) from ops.campaign_intent where plan_id = %s and batch_no = %s"
    ((contacts,),) = world.rows(query, plan, CANARY_BATCH)
    assert CANARY / 2 <= contacts <= CANARY
    return int(contacts)


def called(world: World, day: str) -> set[str]:
    """The phones that the sandbox's campaigns of a day were given or dialled."""
    tasks = {campaign["task_id"] for campaign in world.book("campaigns", vendor="twin") if day in campaign["name"]}
    return {dial["phone"] for dial in world.book("dials", vendor="twin") if dial["task_id"] in tasks}


def test_a_canary_with_opt_outs_stops_the_campaign_and_the_rest_is_never_sent(mended: World) -> None:
    world, day = mended, tomorrow(11)
    world.chances(attempts={"human": 0.9}, results={"opt_out": 0.4})
    (run,) = world.start(day, ["campaign__canary_twin"])
    assert world.finish([run]) == ["failed"]

    plan = plan_id("canary_twin", day)
    states = world.rows(
        "select batch_no, state, sum(contacts_sent) from ops.campaign_intent where plan_id = %s group by 1, 2", plan
    )
    canary = size(world, plan)
    assert [row for row in states if row[0] == CANARY_BATCH] == [(CANARY_BATCH, "final", canary)]
    assert {(state, sent) for batch, state, sent in states if batch != CANARY_BATCH} == {("planned", 0)}
    (only,) = world.campaigns("twin", day)
    assert only["contacts"] == canary
    assert len(called(world, str(day))) <= canary
    ((passed, figures),) = world.rows("select passed, figures from ops.canary_verdict where plan_id = %s", plan)
    assert passed is False
    opt_outs = next(figure for figure in figures["figures"] if figure["name"] == "optout")
    assert opt_outs["count"] / opt_outs["of"] >= 0.3

    after = {task.task_id: task.state for task in world.api.tasks(run)}
    assert (after["canary.judge"], after["batch.launch"]) == ("failed", "upstream_failed")
    # what was said is loaded and delivered, and whoever asked not to be called is suppressed
    assert after["deliver"] == "success"
    asked = world.rows(
        "select count(*) from ops.suppression s join ops.plan_contact c using (phone_key)"
        " where c.plan_id = %s and s.source = 'bot' and s.valid_from > now() - interval '1 day'", plan,
    )  # fmt: skip
    assert asked[0][0] >= opt_outs["count"]

    # the figures stand in the log of the person on call
    (judge,) = world.tasks([run], "canary.judge")
    log = " ".join(line["event"] for line in world.api.log(run, judge))
    assert f"{opt_outs['count']} of {opt_outs['of']}" in log


def test_a_canary_that_passes_lets_the_rest_go(mended: World) -> None:
    world, day = mended, tomorrow(12)
    world.chances(
        numbers={"CONGESTION": 0, "BLACKLIST": 0, "FZ230": 0, "INVALID": 0, "EMPTY_AON": 0},
        attempts={"human": 0.9, "CONGESTION": 0, "CHANUNAVAIL": 0, "FAILED": 0}, results={"opt_out": 0},
    )  # fmt: skip
    (run,) = world.start(day, ["campaign__canary_twin"])
    assert world.finish([run]) == ["success"], "\n".join(
        line["event"] for task in world.tasks([run]) if task.state == "failed" for line in world.api.log(run, task)
    )
    plan = plan_id("canary_twin", day)
    assert world.rows("select passed from ops.canary_verdict where plan_id = %s", plan) == [(True,)]
    assert world.rows("select distinct state from ops.campaign_intent where plan_id = %s", plan) == [("final",)]
    first, *others = world.campaigns("twin", day)  # oldest first
    assert (first["contacts"], bool(others)) == (size(world, plan), True)
