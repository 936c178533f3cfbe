"""TWIN's auto-call tasks of the v1 family (C-CREATE, C-LIST; play, pause and halted as public clients call them)."""

from __future__ import annotations

import time
import uuid
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from obzvon.sandbox.campaigns import Campaign
from obzvon.sandbox.clock import iso
from obzvon.sandbox.models import Moment, moment
from obzvon.sandbox.refusals import Refusal, answer
from obzvon.sandbox.twin.iam import SignedIn
from obzvon.sandbox.twin.models import AutoCall
from obzvon.sandbox.twin.rules import of_auto_call
from obzvon.sandbox.world import World, WorldDep

router = APIRouter(prefix="/twin/cis/api/v1/telephony", tags=["twin tasks"], dependencies=[SignedIn])
SORTS = ("name", "status", "createdAt", "updatedAt")


class TaskList(BaseModel):
    """Query of the list. `page` counts from 0; `page` or `offset`, never both."""

    model_config = ConfigDict(extra="forbid")

    page: Annotated[int, Field(ge=0)] | None = None
    offset: Annotated[int, Field(ge=0)] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 10
    keyword: str = ""
    status: str = ""
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None
    sort: str = ""


@router.post("/autoCall")
async def create(task: AutoCall, world: WorldDep) -> Response:
    """Create a task without contacts."""
    account = world.settings.twin
    if task.default_exec_data != account.bot_id:
        raise Refusal(400, "unknown script", {"defaultExecData": [f"this account has {account.bot_id}"]})
    made = world.campaigns.create(
        task_id=str(uuid.uuid4()),
        vendor="twin",
        family="v1",
        name=task.name,
        body=task.model_dump(mode="json", by_alias=True, exclude_unset=True),
        rules=of_auto_call(task, account.timezone),
        start_mode="schedule" if task.start_type == "time" else "manual",
        start_at=_start(task, account.timezone),
    )
    return answer({"id": {"identity": made.task_id}})


@router.get("/autoCall")
async def listed(query: Annotated[TaskList, Query()], world: WorldDep) -> Response:
    """Tasks, by default newest first; `keyword` is searched in the name without regard to case."""
    found = [shown(world, task) for task in world.lifecycle.every("twin") if _wanted(task, query)]
    if query.status:
        found = [item for item in found if item["status"] in query.status.split(",")]
    key = query.sort.lstrip("+- ") or "createdAt"
    if key not in SORTS:
        raise Refusal(400, "wrong sort", {"sort": [f"one of {', '.join(SORTS)}"]})
    found.sort(key=lambda item: str(item[key]), reverse=query.sort.startswith("-") or not query.sort)
    first = page_start(query.page, query.offset, query.limit)
    last = first + min(query.limit, world.settings.page_cap)
    return answer({"count": len(found), "items": found[first:last]})


@router.get("/autoCall/{task_id}")
async def one(task_id: str, world: WorldDep) -> Response:
    """One task, with its virtual now in the `Date` header."""
    task = world.lifecycle.settled(the_task(world, task_id, "v1"))
    return answer(shown(world, task), at=world.campaigns.now(task))


@router.post("/autoCall/{task_id}/play")
async def play(task_id: str, world: WorldDep) -> Response:
    """Start now, whatever the schedule says, or go on after a pause."""
    task = the_task(world, task_id, "v1")
    if task.state == "halted":
        raise Refusal(400, "the task is halted")
    world.lifecycle.play(task)
    return Response()


@router.post("/autoCall/{task_id}/pause")
async def pause(task_id: str, world: WorldDep) -> Response:
    """Dial nobody new."""
    world.lifecycle.pause(the_task(world, task_id, "v1"))
    return Response()


@router.post("/autoCall/{task_id}/halted")
async def halted(task_id: str, world: WorldDep) -> Response:
    """Stop for good."""
    world.lifecycle.halt(the_task(world, task_id, "v1"))
    return Response()


def the_task(world: World, task_id: str, family: str | None = None) -> Campaign:
    """The task as stored, or TWIN's 404. The two families do not see each other's tasks (no source says they do)."""
    found = world.campaigns.find("twin", task_id)
    if found is None or family not in (None, found.family):
        raise Refusal(404, "task not found")
    return found


def page_start(page: int | None, offset: int | None, limit: int) -> int:
    """Index of the first record; page and offset together are refused (C-LIST)."""
    if page is not None and offset is not None:
        raise Refusal(400, "page or offset, not both", {"page": ["not together with offset"]})
    return offset or (page or 0) * limit


def shown(world: World, task: Campaign) -> dict[str, Any]:
    """A task as list and get show it. Beyond `callCount` and `candidateCount` the shape is the sandbox's own."""
    # a clock that stands still at the first dial has not made it yet
    calls = world.views.count([task], "dialed = 1 and dial_at < now")
    return {
        "id": {"identity": task.task_id},
        "name": task.name,
        "status": world.views.status(task),
        "candidateCount": world.campaigns.contacts(task),
        "callCount": calls,
        "createdAt": iso(task.created_at),
        "updatedAt": iso(task.updated_at),
    }


def _wanted(task: Campaign, query: TaskList) -> bool:
    since = moment(query.from_).timestamp() if query.from_ else 0.0
    till = moment(query.to).timestamp() if query.to else float("inf")
    in_period = since <= task.created_at <= till
    return task.family == "v1" and in_period and query.keyword.casefold() in task.name.casefold()


def _start(task: AutoCall, zone: str) -> float | None:
    if task.start_type == "manual" or task.start_moment is None:
        return None
    try:
        start = datetime.fromisoformat(task.start_moment).replace(tzinfo=ZoneInfo(zone)).timestamp()
    except ValueError as error:
        raise Refusal(400, "no such date", {"startMoment": ["not a date of the calendar"]}) from error
    if start < time.time():
        raise Refusal(400, "the start is in the past", {"startMoment": [f"past in {zone}"]})
    return start
