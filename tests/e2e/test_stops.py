"""Who ends a task decides what happens at the vendor: a user stops what dials, a deployment stops nothing."""

from __future__ import annotations

import time
from datetime import date

import pytest
from conftest import World, tomorrow
from real_airflow import SPEED

from obzvon.ledger.keys import plan_id
from obzvon.local.airflow_api import Run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
TWIN = "campaign__demo_twin"
STOPS = """
select distinct stop_cause, stop_outcome from ops.campaign_intent where plan_id = %s and vendor_task_id is not null
"""
CALLS = "select vendor_call_id from dwh.fact_call_attempt join ops.campaign_intent using (intent_id) where plan_id = %s"


def filling(world: World, day: date, seconds: float) -> Run:
    """A run whose launches add contacts to TWIN, each batch of them `seconds` long."""
    world.fault(
        vendor="twin", method="POST", path="/autoCallCandidate/batch$", do="delay", delay=seconds, times=100_000
    )
    (run,) = world.start(day, [TWIN])
    partly = "select count(distinct batch_no) from ops.campaign_intent where plan_id = %s and contacts_sent > 0"
    world.until(lambda: world.rows(partly, plan_id("demo_twin", day)) == [(2,)], "both batches have sent contacts")
    return run


def halted(world: World, day: date) -> bool:
    return {c["status"] for c in world.campaigns("twin", day)} == {"HALTED"}


def stops(world: World, day: date) -> set[str]:
    """What the vendor was asked to stop: paths of requests for the campaigns of the day."""
    ours = {c["task_id"] for c in world.campaigns("twin", day)}
    asked = world.book("requests", vendor="twin", method="POST", limit=100_000)
    return {
        r["path"] for r in asked if r["path"].endswith(("/halted", "/paused")) and any(i in r["path"] for i in ours)
    }


def test_marking_a_running_launch_failed_halts_what_it_was_filling(mended: World) -> None:
    world, day = mended, tomorrow(6)
    run = filling(world, day, seconds=1.0)
    clicked = time.monotonic()
    for task in world.tasks([run], "batch.launch"):
        world.mark(run, task, "failed")
    world.until(lambda: halted(world, day), "TWIN is halted", 30)
    print(f"halted {time.monotonic() - clicked:.1f} s after the first click")
    confirmed = [("a user ended the task", "confirmed")]
    world.until(lambda: world.rows(STOPS, plan_id("demo_twin", day)) == confirmed, "the ledger says so", 30)
    # nothing leaves after it: neither a new campaign nor more contacts for an old one
    before = world.campaigns("twin", day)
    assert world.finish([run]) == ["failed"]
    assert [(c["task_id"], c["contacts"]) for c in world.campaigns("twin", day)] == [
        (c["task_id"], c["contacts"]) for c in before
    ]


def test_a_launch_whose_worker_is_shut_down_cancels_nothing_and_goes_on_in_the_next_try(mended: World) -> None:
    world, day = mended, tomorrow(7)
    run = filling(world, day, seconds=1.0)
    watchers = world.workers(run, "batch.launch", watchers=True)
    assert len(watchers) == 2
    for watcher in watchers:
        watcher.terminate()
    retried = {"up_for_retry"}
    world.until(lambda: {t.state for t in world.tasks([run], "batch.launch")} == retried, "both are to be tried again")
    assert "planned" in {s for (s,) in world.rows("select state from ops.campaign_intent where call_date = %s", day)}
    world.mend()
    assert world.finish([run]) == ["success"]
    assert {t.try_number for t in world.tasks([run], "batch.launch")} == {2}
    assert stops(world, day) == set()
    assert world.rows(STOPS, plan_id("demo_twin", day)) == [(None, None)]
    assert world.audit(day) == {"demo_twin": []}


def test_switching_off_halts_twin_under_a_deferred_wait_and_says_that_dialog_goes_on(mended: World) -> None:
    world, day = mended, tomorrow(8)
    world.clock(speed=0)
    runs = world.start(day)
    world.until(lambda: [t.state for t in world.tasks(runs, "batch.wait")] == ["deferred"] * 4, "all wait")
    world.clock(advance_seconds=3)  # some people are dialled, others are still to come
    with world.switched_off():
        world.until(lambda: halted(world, day), "TWIN is halted", 60)
        told = [("calling is switched off", "confirmed")]
        world.until(lambda: world.rows(STOPS, plan_id("demo_twin", day)) == told, "TWIN's ledger says so", 60)
        told = [("calling is switched off", "not_possible")]
        world.until(lambda: world.rows(STOPS, plan_id("demo_dialog", day)) == told, "Dialog's ledger says so", 60)
        assert {c["status"] for c in world.campaigns("dialog", day)} != {"HALTED"}
        world.until(lambda: [t.state for t in world.tasks(runs, "batch.wait")] == ["deferred"] * 4, "they wait on")
        world.clock(speed=SPEED)
        world.finish(runs)  # what was dialled is collected although calling is switched off
    for vendor in ("dialog", "twin"):
        loaded = {call for (call,) in world.rows(CALLS, plan_id(f"demo_{vendor}", day))}
        assert loaded >= dialled(world, vendor, day) != set()
    assert world.audit(day)["demo_dialog"] == []


def dialled(world: World, vendor: str, day: date) -> set[str]:
    dials = world.book("dials", vendor=vendor)
    return {d["call_id"] for d in dials if d["dialed"] and str(day) in d["task_name"]}
