"""A plan waits for a person in a real Airflow: what a yes, a no and a change behind the yes do."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import World, campaign_file, tomorrow

from obzvon.ledger.keys import plan_id
from obzvon.local.airflow_api import Run, health

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
DAY = tomorrow(10)
YES, NO = "Call them", "Do not call"


def question(world: World, run: Run) -> dict[str, Any]:
    """The open question of a run, once it stands in the UI."""
    path = f"/dags/{run.dag_id}/dagRuns/{run.run_id}/hitlDetails"
    found: list[dict[str, Any]] = []

    def stands() -> bool:
        details = world.api.ask("GET", path, params={"response_received": False}).json()["hitl_details"]
        found[:] = [detail for detail in details if detail["task_instance"]["state"] == "awaiting_input"]
        return bool(found)

    world.until(stands, "the question stands in the UI", 120)
    return found[0]


def answer(world: World, run: Run, choice: str) -> None:
    seen = datetime.now(UTC)

    def noted() -> bool:  # Airflow fails a task that is answered before its scheduler has noted that it waits
        found = health(world.api.base_url)
        return found is not None and found.oldest_heartbeat > seen

    world.until(noted, "the scheduler has gone round once more", 60)
    path = f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/approve/-1/hitlDetails"
    world.api.ask("PATCH", path, json={"chosen_options": [choice], "params_input": {}})


def states(world: World, run: Run) -> dict[str, str | None]:
    return {task.task_id: task.state for task in world.api.tasks(run)}


def told(world: World, run: Run, task_id: str) -> str:
    return " ".join(line["event"] for task in world.tasks([run], task_id) for line in world.api.log(run, task))


def said(world: World, campaign: str) -> list[tuple[Any, ...]]:
    query = "select decision, decided_by from ops.plan_approval where plan_id = %s"
    return world.rows(query, plan_id(campaign, DAY))


def test_yes_calls_no_calls_nobody_and_what_changed_since_is_not_sent(mended: World, files: Path) -> None:
    world = mended
    twin, dialog = (
        world.api.trigger(f"campaign__{name}", {"call_date": str(DAY)}) for name in ("asked_twin", "asked_dialog")
    )

    for run, vendor in ((twin, "Twin"), (dialog, "Dialog")):
        shown = question(world, run)
        ((plan_hash, to_call),) = world.rows(
            "select plan_hash, contacts_to_call from ops.campaign_plan where campaign_id = %s", run.dag_id[10:]
        )
        assert shown["subject"].startswith(f"Call {to_call} contacts by {vendor} on {DAY:%d.%m.%Y}?")
        assert shown["subject"].endswith(f"plan {plan_hash[:12]}")
        assert "| EXCL_INVALID |" in shown["body"]
        assert "+79" not in shown["body"]
    assert world.campaigns("twin", DAY) == world.campaigns("dialog", DAY) == []

    # a no: the rest is skipped, the run is green, and no vendor hears of it
    answer(world, twin, YES)
    answer(world, dialog, NO)
    assert world.finish([dialog]) == ["success"]
    after = states(world, dialog)
    assert (after["plan"], after["settled"]) == ("success", "success")
    assert {state for task, state in after.items() if task not in ("plan", "settled")} == {"skipped"}
    assert "admin said no" in told(world, dialog, "approve")
    assert world.campaigns("dialog", DAY) == []
    assert said(world, "asked_dialog") == [("rejected", "admin")]

    # the plan of a changed file is another one, and the run that was answered cannot ask about it
    campaign_file(files, "asked_dialog", "asked_dialog", title="Другой опрос")
    world.clear(dialog, "plan")
    assert world.finish([dialog]) == ["failed"]
    assert "not the one that this task asked about before" in told(world, dialog, "approve")
    assert world.campaigns("dialog", DAY) == []

    # a new run asks; one phone is changed after that, and its vendor campaign is not created
    again = world.api.trigger("campaign__asked_dialog", {"call_date": str(DAY)})
    assert "Другой опрос" in question(world, again)["body"]
    with world.connect() as conn:
        ((row_no, contact, intent),) = conn.execute(
            "select row_no, contact_id, intent_id from ops.plan_contact where plan_id = %s and intent_id is not null"
            " order by row_no limit 1",
            [plan_id("asked_dialog", DAY)],
        ).fetchall()
        changed = "update pii.contact_payload set phone_e164 = '+79990000000' where plan_id = %s and row_no = %s"
        conn.execute(changed, [plan_id("asked_dialog", DAY), row_no])
    answer(world, again, YES)
    assert world.finish([again]) == ["failed"]
    assert f"row {row_no} (contact {contact}): phone" in told(world, again, "batch.launch")
    left = world.rows("select intent_id from ops.campaign_intent where plan_id = %s and state = 'planned'",
                      plan_id("asked_dialog", DAY))  # fmt: skip
    assert left == [(intent,)]
    assert not any(f"[af:{intent[:8]}]" in campaign["name"] for campaign in world.book("campaigns", vendor="dialog"))
    assert "+79990000000" not in {dial["phone"] for dial in world.book("dials")}
    assert "+79990000000" not in told(world, again, "batch.launch")

    # a yes: everybody of the plan was called
    assert world.finish([twin]) == ["success"]
    assert world.rows("select check_name from ops.audit_check where plan_id = %s and not holds",
                      plan_id("asked_twin", DAY)) == []  # fmt: skip
    assert world.campaigns("twin", DAY) != []
    assert said(world, "asked_twin") == [("approved", "admin")]
