"""TWIN's results: the call list (C-CALLS, TV-CALLS) and the sessions (as public clients read them)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from obzvon.sandbox.models import Moment, moment
from obzvon.sandbox.refusals import Refusal, answer
from obzvon.sandbox.twin.iam import SignedIn
from obzvon.sandbox.twin.rows import CALL_FIELDS, SESSION_FIELDS, Renderer
from obzvon.sandbox.twin.tasks import page_start, the_task
from obzvon.sandbox.world import World, WorldDep

router = APIRouter(prefix="/twin/analyse/api/v1/search/cis", tags=["twin analytics"], dependencies=[SignedIn])

#: Field of an answer -> column of the view, for filters and sorting.
COLUMNS = {
    "id": "call_id",
    "taskId": "task_id",
    "phone": "phone",
    "number": "phone",
    "status": "shown",
    "currentStatusName": "shown",
    "externalId": "external_id",
    "responder": "responder",
    "createdAt": "queued_at",
    "updatedAt": "updated_at",
    "startedAt": "dial_at",
    "duration": "talk",
}
SORTS = ("createdAt", "updatedAt", "startedAt", "duration")


class Search(BaseModel):
    """Query of both lists. The name `dateField` is the sandbox's (the reference lost it); the rest as documented."""

    model_config = ConfigDict(extra="allow")

    fields: str = ""
    limit: Annotated[int, Field(ge=1, le=1000)] = 10
    offset: Annotated[int, Field(ge=0)] | None = None
    page: Annotated[int, Field(ge=0)] | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None
    sort: str = "createdAt"
    date_field: Annotated[str, Field(alias="dateField", pattern="^(createdAt|updatedAt|startedAt)$")] = "createdAt"


@router.get("/calls")
async def calls(query: Annotated[Search, Query()], world: WorldDep, request: Request) -> Response:
    """Calls; at most the record cap (50 000) of one period can be reached, the count says no more than that either."""
    return _search(query, world, CALL_FIELDS, str(request.base_url))


@router.get("/sessions")
async def sessions(query: Annotated[Search, Query()], world: WorldDep, request: Request) -> Response:
    """Sessions with transcripts and results."""
    return _search(query, world, SESSION_FIELDS, str(request.base_url))


def _search(query: Search, world: World, known: dict[str, Callable[[Renderer], Any]], address: str) -> Response:
    fields = [name for name in query.fields.split(",") if name] or list(known)
    unknown = [name for name in fields if name not in known]
    if unknown:
        raise Refusal(400, "unknown fields", {"fields": unknown})
    where, params = _filters(query)
    task = params.get("taskId", "")
    one = bool(task) and "," not in task
    tasks = [world.lifecycle.settled(the_task(world, task))] if one else world.lifecycle.every("twin")
    first = page_start(query.page, query.offset, query.limit)
    room = max(0, min(query.limit, world.settings.page_cap, world.settings.record_cap - first))
    rows = world.views.attempts(tasks, where, params, _order(query.sort), room, first)
    render = Renderer(world, tasks, address)
    items = [{name: known[name](render.of(row)) for name in fields} for row in rows]
    count = min(world.views.count(tasks, where, params), world.settings.record_cap)
    return answer({"count": count, "items": items}, at=world.campaigns.now(tasks[0]) if one else None)


def _filters(query: Search) -> tuple[str, dict[str, Any]]:
    parts: list[str] = ["true"]
    params: dict[str, Any] = {}
    for name, value in (query.model_extra or {}).items():
        if name not in COLUMNS:
            raise Refusal(400, "unknown parameter", {name: [f"known filters: {', '.join(COLUMNS)}"]})
        parts.append(f"{COLUMNS[name]} in (select value from json_each(:{name}_in))")
        params |= {name: str(value), f"{name}_in": json.dumps(str(value).split(","))}
    dated = COLUMNS[query.date_field]
    for sign, name, bound in ((">=", "since", query.from_), ("<=", "till", query.to)):
        if bound is not None:
            parts.append(f"{dated} {sign} :{name}")
            params[name] = moment(bound).timestamp()
    return " and ".join(parts), params


def _order(sort: str) -> str:
    # a plus sign of a query reaches us as a blank
    keys = [part.strip() for part in sort.split(",") if part.strip()]
    if any(key.lstrip("+-") not in SORTS for key in keys):
        raise Refusal(400, "wrong sort", {"sort": [f"one of {', '.join(SORTS)}, with + or -"]})
    ordered = [f"{COLUMNS[key.lstrip('+-')]} {'desc' if key.startswith('-') else 'asc'}" for key in keys]
    return ", ".join([*ordered, "call_id"])
