"""TWIN's candidates of v1 tasks: batch, single, cancel (as public clients call them; no vendor page is public)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from obzvon.sandbox.campaigns import NewContact
from obzvon.sandbox.refusals import Refusal, answer
from obzvon.sandbox.twin.iam import SignedIn
from obzvon.sandbox.twin.models import AutoCallCandidate, BatchAdd, SingleAdd
from obzvon.sandbox.twin.rules import contact
from obzvon.sandbox.twin.tasks import the_task
from obzvon.sandbox.world import World, WorldDep

router = APIRouter(prefix="/twin/cis/api/v1/telephony", tags=["twin candidates"], dependencies=[SignedIn])


@router.post("/autoCallCandidate/batch")
async def batch(body: BatchAdd, world: WorldDep) -> Response:
    """Add candidates; one whose clientExternalId the task already has is passed over with the same 200.

    All or none: an unknown or halted task refuses the whole request. The answer's body is empty of facts, as no
    public client reads it.
    """
    by_task: dict[str, list[AutoCallCandidate]] = {}
    for item in body.batch:
        by_task.setdefault(item.auto_call_id, []).append(item)
    with world.store.transaction():
        for task_id, items in by_task.items():
            add(world, task_id, "v1", [contact(item) for item in items], start=body.force_start)
    return answer({})


@router.post("/autoCallCandidate")
async def single(body: SingleAdd, world: WorldDep) -> Response:
    """Add one candidate."""
    with world.store.transaction():
        add(world, body.auto_call_id, "v1", [contact(body)], start=body.force_start)
    return answer({})


@router.post("/autoCallCandidate/cancel")
async def cancel(
    auto_call_id: Annotated[str, Query(alias="autoCallId")], phone: Annotated[str, Query()], world: WorldDep
) -> Response:
    """Take a number back from a task."""
    if not world.lifecycle.cancel(the_task(world, auto_call_id, "v1"), phone):
        raise Refusal(404, "the task has no such number that could still be cancelled")
    return answer({})


def add(world: World, task_id: str, family: str, contacts: Sequence[NewContact], *, start: bool) -> None:
    """Load contacts into a task and start it if asked."""
    task = the_task(world, task_id, family)
    if world.lifecycle.closed(task):
        raise Refusal(400, "the task is halted")
    task = world.lifecycle.load(task, contacts)
    if start:
        world.lifecycle.play(task)
