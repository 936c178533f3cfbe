"""In doubt and in need of a stop, in a real Airflow: what waits, what it says, what an answer and a click do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from conftest import World, tomorrow

from obzvon.ledger.keys import plan_id
from obzvon.local.airflow_api import Run, TaskInstance, health
from obzvon.local.processes import stop_all

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
LOST, AGAIN, LEFT = "It exists", "It does not exist, send again", "Leave it"


def admin(world: World, what: str, **query: Any) -> list[dict[str, Any]]:
    answer = httpx.get(f"{world.stack.address.sandbox}/_sandbox/{what}", params=query, trust_env=False, timeout=60)
    return list(answer.raise_for_status().json())


def only(world: World, run: Run, task_id: str) -> list[TaskInstance]:
    return [task for task in world.api.tasks(run) if task.task_id == task_id]


def rows(world: World, query: str, *values: object) -> list[tuple[Any, ...]]:
    with world.connect() as conn:
        return conn.execute(query, values).fetchall()


def states(world: World, plan: str) -> dict[str, int]:
    return dict(rows(world, "select state, count(*) from ops.campaign_intent where plan_id = %s group by 1", plan))


def questions(world: World, run: Run) -> list[dict[str, Any]]:
    """The open questions of a run, as the tab "Required actions" has them."""
    path = f"/dags/{run.dag_id}/dagRuns/{run.run_id}/hitlDetails"
    found = world.api.ask("GET", path, params={"response_received": False}).json()["hitl_details"]
    return [detail for detail in found if detail["task_instance"]["state"] == "awaiting_input"]


def answer(world: World, run: Run, question: dict[str, Any], choice: str, vendor_id: str = "") -> None:
    index = question["task_instance"]["map_index"]
    path = f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/doubt.settle/{index}/hitlDetails"
    said = {"chosen_options": [choice], "params_input": {"vendor_id": vendor_id}}
    # no person is as fast: Airflow fails a task that is answered before its scheduler has noted that it waits
    seen = datetime.now(UTC)
    world.until(lambda: oldest_beat(world) > seen, "the scheduler has gone round once more", 60)
    world.api.ask("PATCH", path, json=said)


def oldest_beat(world: World) -> datetime:
    """When the slowest of Airflow's processes last said that it lives."""
    found = health(world.api.base_url)
    return found.oldest_heartbeat if found else datetime.min.replace(tzinfo=UTC)


def settle(world: World, run: Run, question: dict[str, Any], choice: str, finding: str, vendor_id: str = "") -> None:
    """Answer until the ledger has it: an answer that Airflow loses is asked for again."""
    intent = question["body"].split("| Intent | ")[1][:64]
    known = "select 1 from ops.settlement where intent_id = %s and finding = %s"

    def said() -> bool:
        if rows(world, known, intent, finding):
            return True
        for still in questions(world, run):
            if intent in still["body"]:
                answer(world, run, still, choice, vendor_id)
        return False

    world.until(said, f"the ledger has the answer {choice!r}")


def of_marker(campaigns: list[dict[str, Any]], question: dict[str, Any]) -> list[str]:
    """What a person finds in the cabinet: ids of campaigns whose name carries the marker of the question."""
    return [c["task_id"] for c in campaigns if f"`{c['name'].split()[-1]}`" in question["body"]]


def test_a_person_decides_what_dialog_cannot_tell_while_the_others_go_on(mended: World) -> None:
    world, day = mended, tomorrow(3)
    plan = plan_id("demo_dialog", day)
    # one creation is lost before it arrives, two after: two exist, one does not. They are zones that no batch launches
    # one after the other: three doubts in a row would end the batch
    for zone, do in (("09", "drop_after"), ("07", "drop_before"), ("03", "drop_after")):
        world.fault(vendor="dialog", method="POST", path="campaigns$", says=rf"\+{zone}:00 #1 ", do=do)
    run = world.api.trigger("campaign__demo_dialog", {"call_date": day.isoformat()})

    world.until(lambda: len(questions(world, run)) == 3, "three questions stand in the UI")
    world.until(lambda: {t.state for t in only(world, run, "deliver")} == {"success"}, "the others are delivered")
    assert states(world, plan)["in_doubt"] == 3
    assert states(world, plan)["final"] == sum(states(world, plan).values()) - 3
    # nothing of the run holds a slot while the question is open
    assert {t.state for t in world.api.tasks(run)} <= {"success", "awaiting_input", None}
    assert world.api.run(run.dag_id, run.run_id).state == "running"

    cabinet, asked = admin(world, "campaigns", vendor="dialog"), questions(world, run)
    for question in asked:
        for evidence in ("demo_dialog", str(day), "| Contacts |", "UTC", "the connection failed after the request"):
            assert evidence in question["body"]
        assert "+79" not in question["body"]
    exist = [question for question in asked if of_marker(cabinet, question)]
    (absent,) = [question for question in asked if not of_marker(cabinet, question)]
    assert len(exist) == 2

    (theirs,) = of_marker(cabinet, exist[0])
    answer(world, run, exist[0], LOST)  # without the id: the question stands
    world.until(lambda: len(questions(world, run)) == 3, "it asks again")
    settle(world, run, exist[0], LOST, "exists", theirs)
    settle(world, run, absent, AGAIN, "absent")
    settle(world, run, exist[1], LEFT, "left")
    assert world.finish([run]) == ["failed"]  # one doubt was left: the audit says so
    assert states(world, plan)["in_doubt"] == 1
    said = rows(
        world,
        "select s.finding, s.settled_by, s.answered_at is not null, i.state from ops.settlement s"
        " join ops.campaign_intent i using (intent_id) where i.plan_id = %s order by 1",
        plan,
    )
    assert said == [("absent", "admin", True, "final"), ("exists", "admin", True, "final"),
                    ("left", "admin", True, "in_doubt")]  # fmt: skip
    assert twice(world, "dialog", "demo_dialog", day) == []

    # the one that was left is asked about again when the task is cleared
    clear(world, run, "doubts")
    world.until(lambda: len(questions(world, run)) == 1, "the question is asked again")
    (again,) = questions(world, run)
    settle(world, run, again, LOST, "exists", of_marker(cabinet, again)[0])
    assert world.finish([run]) == ["success"]
    assert world.audit(day) == {"demo_dialog": []}


def clear(world: World, run: Run, task_id: str) -> None:
    body = {"dry_run": False, "only_failed": False, "include_downstream": True, "dag_run_id": run.run_id,
            "task_ids": [task_id], "reset_dag_runs": True}  # fmt: skip
    world.api.ask("POST", f"/dags/{run.dag_id}/clearTaskInstances", json=body)


def twice(world: World, vendor: str, campaign: str, day: date) -> list[str]:
    """Phones dialled by more than one vendor campaign of a plan: the sandbox's journal says it, not our ledger."""
    title = {"demo_dialog": "Опрос после доставки", "demo_twin": "Напоминание о приёме"}[campaign]
    seen: dict[str, set[str]] = {}
    for dial in admin(world, "dials", vendor=vendor):
        if title in dial["task_name"] and str(day) in dial["task_name"]:
            seen.setdefault(dial["phone"], set()).add(dial["task_id"])
    assert seen
    return [phone for phone, tasks in seen.items() if len(tasks) > 1]


def test_a_list_that_fails_lets_nothing_be_sent_and_the_task_says_what_it_waits_for(mended: World) -> None:
    world, day = mended, tomorrow(4)
    plan = plan_id("demo_twin", day)
    world.fault(vendor="twin", method="POST", path="autoCall$", do="drop_before")
    run = world.api.trigger("campaign__demo_twin", {"call_date": day.isoformat()})
    world.until(lambda: {t.state for t in only(world, run, "doubt.settle")} == {"deferred"}, "settle waits", 120)
    # "none" needs three looks with twenty seconds between: from now on the list fails
    world.fault(vendor="twin", method="GET", path="autoCall$", do="answer", status=500, body="<h1>oops</h1>", times=999)
    (task,) = only(world, run, "doubt.settle")
    created = admin(world, "requests", vendor="twin", method="POST", path="telephony/autoCall", limit=100_000)

    def told() -> str:
        return " ".join(line["event"] for line in world.api.log(run, task))

    waiting = "in doubt, nothing is sent; waiting until the vendor can be asked: twin: list tasks"
    world.until(lambda: waiting in told(), "it says what it waits for")
    now = admin(world, "requests", vendor="twin", method="POST", path="telephony/autoCall", limit=100_000)
    creations = [r["id"] for r in now if r["path"].endswith("/autoCall")]
    assert creations == [r["id"] for r in created if r["path"].endswith("/autoCall")]
    world.mend()
    assert world.finish([run]) == ["success"]
    found = rows(
        world,
        "select s.finding, s.settled_by from ops.settlement s join ops.campaign_intent i using (intent_id)"
        " where i.plan_id = %s",
        plan,
    )
    assert found == [("absent", "lookup")]
    assert twice(world, "twin", "demo_twin", day) == []
    assert world.audit(day) == {"demo_twin": []}


def halted(world: World, day: date) -> Callable[[], bool]:
    def look() -> bool:
        ours = [c for c in admin(world, "campaigns", vendor="twin") if str(day) in c["name"]]
        return bool(ours) and {c["status"] for c in ours} == {"HALTED"}

    return look


def test_marking_the_deferred_wait_failed_halts_twin_and_a_restart_of_the_triggerer_does_not(mended: World) -> None:
    world, day = mended, tomorrow(5)
    plan = plan_id("demo_twin", day)
    world.clock(speed=0)
    run = world.api.trigger("campaign__demo_twin", {"call_date": day.isoformat()})
    world.until(lambda: len([t for t in only(world, run, "batch.wait") if t.state == "deferred"]) == 2, "it waits")

    before = len(admin(world, "requests", vendor="twin", method="POST", path="/halted", limit=100_000))
    stop_all([world.stack.airflow["triggerer"]], 20)
    world.stack.up()
    looks = len(admin(world, "requests", vendor="twin", path="search/cis/calls", limit=100_000))
    world.until(
        lambda: len(admin(world, "requests", vendor="twin", path="search/cis/calls", limit=100_000)) > looks,
        "the new triggerer looks",
    )
    assert len(admin(world, "requests", vendor="twin", method="POST", path="/halted", limit=100_000)) == before
    assert {t.state for t in only(world, run, "batch.wait")} == {"deferred"}
    assert not halted(world, day)()

    for task in only(world, run, "batch.wait"):
        path = f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/{task.task_id}/{task.map_index}"
        world.api.ask("PATCH", path, json={"new_state": "failed"})
    world.until(halted(world, day), "TWIN is halted", 30)
    outcomes = (
        "select distinct stop_cause, stop_outcome, stop_asked_at is not null from ops.campaign_intent"
        " where plan_id = %s"
    )
    world.until(
        lambda: rows(world, outcomes, plan) == [("a user ended the task", "confirmed", True)], "the ledger says so", 30
    )
    events = (
        "select distinct detail from ops.intent_event join ops.campaign_intent i using (intent_id) where i.plan_id = %s"
    )
    assert ("a user ended the task: stopped, the vendor confirms it",) in rows(world, events, plan)

    # what was dialled until then is waited for and collected once the task is cleared
    world.clock(speed=3600)
    clear(world, run, "batch.wait")
    assert world.finish([run]) == ["success"]
    assert world.audit(day) == {"demo_twin": []}
    assert twice(world, "twin", "demo_twin", day) == []
    assert [book for book in world.books() if not book.agrees] == []
