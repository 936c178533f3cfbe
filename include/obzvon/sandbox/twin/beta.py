"""TWIN's beta tasks. Creation is documented (pageId 113967414); adding candidates is the sandbox's own path."""

from __future__ import annotations

import time
import uuid

from fastapi import APIRouter
from starlette.responses import Response

from obzvon.sandbox.models import moment
from obzvon.sandbox.refusals import Refusal, answer
from obzvon.sandbox.twin.beta_models import BetaTask
from obzvon.sandbox.twin.candidates import add
from obzvon.sandbox.twin.iam import SignedIn
from obzvon.sandbox.twin.models import BetaBatch
from obzvon.sandbox.twin.rules import contact, of_beta
from obzvon.sandbox.world import World, WorldDep

router = APIRouter(prefix="/twin/api/cis/beta", tags=["twin beta"], dependencies=[SignedIn])


@router.post("/tasks")
async def create(task: BetaTask, world: WorldDep) -> Response:
    """Create a task; without `scheduledAt` it starts as soon as numbers are loaded."""
    _known(task, world)
    start = moment(task.scheduled_at).timestamp() if task.scheduled_at else None
    if start is not None and start < time.time():
        raise Refusal(400, "the start is in the past", {"scheduledAt": ["past"]})
    made = world.campaigns.create(
        task_id=str(uuid.uuid4()),
        vendor="twin",
        family="beta",
        name=task.name,
        body=task.model_dump(mode="json", by_alias=True, exclude_unset=True),
        rules=of_beta(task, world.settings.twin.timezone),
        start_mode="load" if start is None else "schedule",
        start_at=start,
    )
    return answer({"id": made.task_id})


@router.post("/tasks/{task_id}/candidates")
async def candidates(task_id: str, body: BetaBatch, world: WorldDep) -> Response:
    """Add candidates to a beta task."""
    if any(item.auto_call_id not in (None, task_id) for item in body.batch):
        raise Refusal(400, "a candidate names another task", {"autoCallId": ["differs from the path"]})
    with world.store.transaction():
        add(world, task_id, "beta", [contact(item) for item in body.batch], start=body.force_start)
    return answer({})


def _known(task: BetaTask, world: World) -> None:
    account = world.settings.twin
    wanted = {"botId": (task.bot_id, account.bot_id), "dialplanId": (task.dialplan_id, account.dialplan_id)}
    for name, (given, known) in wanted.items():
        if given != known:
            raise Refusal(400, f"unknown {name}", {name: [f"this account has {known}"]})
