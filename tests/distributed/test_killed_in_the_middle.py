"""A broker, two Celery workers, two triggerers and two schedulers: one worker and one triggerer are killed.

The worker dies at the worst moment: TWIN has taken contacts from it, and it has not heard so. The triggerer dies with
waits in its hands. Neither is started again.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from celery import Celery
from real_airflow import CAMPAIGNS, SPEED, World, kill, running_world, tomorrow

from obzvon.ledger.keys import plan_id
from obzvon.local.airflow_api import Run, TaskInstance
from obzvon.local.executor import CELERY

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]
DAY = tomorrow()
DAG, TWIN = "campaign__demo_twin", plan_id("demo_twin", DAY)
FILLING = "/autoCallCandidate/batch$"
UNDER_WAY = """
select i.batch_no, i.state, count(*) from ops.plan_contact c join ops.campaign_intent i using (intent_id)
where i.plan_id = %s and c.sent_state = 'sending' group by 1, 2
"""
STATES = "select distinct state from ops.campaign_intent where plan_id = %s"
BATCHES = """
select sum(ceil(contacts_sent / 40.0)) from ops.campaign_intent where plan_id = %s -- candidate_batch of the demo
"""
SETTLED = """
select s.subject, s.finding, s.settled_by from ops.settlement s join ops.campaign_intent i using (intent_id)
where i.plan_id in (%s, %s)
"""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """The processes of a production, in a folder of their own."""
    with running_world("obzvon-celery-", print, CELERY) as world:
        world.pause("marts")  # it would run after every batch
        yield world


@dataclass(frozen=True, slots=True)
class Middle:
    """The moment of the kill: one launch waits for TWIN's answer, everybody else's reports are waited for."""

    launch: TaskInstance
    waits: Sequence[TaskInstance]


def middle(world: World, runs: list[Run]) -> Middle | None:
    """The moment when it has come: one launch is at work, the others are done, and their three waits are deferred."""
    launches, waits = (world.tasks(runs, f"batch.{name}") for name in ("launch", "wait"))
    at_work = [task for task in launches if task.state != "success"]
    deferred = [task for task in waits if task.state == "deferred" and task.triggerer]
    if len(launches) != 4 or [task.state for task in at_work] != ["running"] or len(deferred) != 3:
        return None
    if deferred[0].triggerer not in lookers(world, deferred[0]) or len(world.book("held")) != 1:
        return None
    return Middle(at_work[0], deferred)


def lookers(world: World, wait: TaskInstance) -> set[int]:
    """Triggerers (ids of their jobs) that have begun the first try of a wait of Dialog: each has a log of its own."""
    folder = f"dag_id=campaign__demo_dialog/*/task_id={wait.task_id}/map_index={wait.map_index}"
    logs = world.stack.home.task_logs.glob(f"{folder}/attempt=1.log.trigger.*.log")
    return {int(log.name.split(".")[-2]) for log in logs}


def reached(world: World, runs: list[Run]) -> Middle:
    """Wait for the moment."""
    found: list[Middle] = []

    def come() -> bool:
        found.extend(filter(None, [middle(world, runs)]))
        return bool(found)

    world.until(come, "one launch waits for TWIN's answer and three waits are deferred")
    return found[0]


@contextmanager
def channel(world: World) -> Iterator[Any]:
    """The broker as the workers see it."""
    with Celery(broker=world.stack.broker.url).connection_for_write() as connection:
        yield connection.default_channel


def messages(queue: Any, task: TaskInstance) -> set[str]:
    """Tags of the broker's messages about a task of TWIN's campaign, those that wait and those that a worker has."""
    waiting = [json.loads(raw) for raw in queue.client.lrange("default", 0, -1)]
    taken = [json.loads(raw)[0] for raw in queue.client.hgetall("unacked").values()]
    log = re.compile(f"dag_id={DAG}/run_id=[^/]+/task_id={task.task_id}/map_index={task.map_index}/")
    return {
        message["properties"]["delivery_tag"]
        for message in waiting + taken
        if log.search(base64.b64decode(message["body"]).decode())
    }


def filled(world: World) -> int:
    """How often TWIN was given contacts."""
    return len(world.book("requests", vendor="twin", method="POST", path="autoCallCandidate/batch", limit=100_000))


def dialled_twice(world: World, vendor: str) -> list[str]:
    """Phones that more than one vendor campaign dialled: the sandbox's journal says it, not our ledger."""
    seen: dict[str, set[str]] = {}
    for dial in world.book("dials", vendor=vendor):
        seen.setdefault(dial["phone"], set()).add(dial["task_id"])
    assert len(seen) > 100
    return [phone for phone, campaigns in seen.items() if len(campaigns) > 1]


def test_a_worker_and_a_triggerer_are_killed_and_nobody_is_dialled_twice(world: World) -> None:
    stack = world.stack
    world.clock(speed=0)
    world.fault(vendor="twin", method="POST", path=FILLING, do="hold", skip=2)
    runs = world.start(DAY)
    moment = reached(world, runs)

    # TWIN has the contacts of the launch, our ledger only knows that they left
    ((batch, state, contacts),) = world.rows(UNDER_WAY, TWIN)
    assert (batch, state) == (moment.launch.map_index, "created")
    assert contacts > 0
    hosts = {job.job_id: job.host for job in world.api.jobs(alive=False) if job.kind == "TriggererJob"}
    assert set(hosts.values()) == {"triggerer", "triggerer-2"}
    lost = moment.waits[0].triggerer
    assert lost is not None
    worker, triggerer = stack.airflow[str(moment.launch.host)], stack.airflow[hosts[lost]]
    kill(worker, triggerer)
    killed = time.monotonic()
    world.mend()

    # the broker gives the dead worker's message to the other one, and Airflow refuses it: it is no new try
    with channel(world) as queue:
        (message,) = messages(queue, moment.launch)
        queue.qos.restore_by_tag(message)
        world.until(lambda: not messages(queue, moment.launch), "the other worker is done with the dead one's message")

    def taken_over() -> bool:
        waits = [task for task in world.tasks(runs, "batch.wait") if task.state == "deferred"]
        return {task.triggerer for task in waits} == set(hosts) - {lost}

    world.until(taken_over, "the other triggerer has the waits of the dead one")
    print(f"the other triggerer had the waits {time.monotonic() - killed:.0f} s after the kill")
    waits = [task for task in world.tasks(runs, "batch.wait") if task.state == "deferred"]
    assert {(task.task_id, task.map_index, task.try_number) for task in moment.waits} <= {
        (task.task_id, task.map_index, task.try_number) for task in waits
    }
    world.until(lambda: lookers(world, moment.waits[0]) == set(hosts), "the other triggerer looks for the first")

    world.until(lambda: launches(world, runs, moment)[0].try_number == 2, "the launch is tried again")
    print(f"the launch was to be tried again {time.monotonic() - killed:.0f} s after the kill")
    world.until(lambda: world.rows(STATES, TWIN) == [("running",)], "the other worker has launched everything")
    print(f"everything was launched {time.monotonic() - killed:.0f} s after the kill")
    world.clock(speed=SPEED)
    assert world.finish(runs) == ["success", "success"]
    (again,) = launches(world, runs, moment)
    assert (again.state, again.try_number) == ("success", 2)
    assert again.host != worker.name
    assert not worker.running
    assert not triggerer.running

    # every batch was sent once; the one that was under way was looked up
    ((batches,),) = world.rows(BATCHES, TWIN)
    assert filled(world) == batches
    assert world.rows(SETTLED, TWIN, plan_id("demo_dialog", DAY)) == [("contacts", "exists", "lookup")]
    assert dialled_twice(world, "dialog") == dialled_twice(world, "twin") == []
    assert world.audit(DAY) == {name: [] for name in CAMPAIGNS}
    books = world.books()
    assert {book.vendor for book in books} == {"dialog", "twin"}
    assert [book for book in books if not book.agrees] == []


def launches(world: World, runs: list[Run], moment: Middle) -> list[TaskInstance]:
    """The launch of the moment, as it is now."""
    twin = [run for run in runs if run.dag_id == DAG]
    return [t for t in world.tasks(twin, "batch.launch") if t.map_index == moment.launch.map_index]
