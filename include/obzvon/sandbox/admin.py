"""What no vendor has: the journal, the dials, the clock and the faults, under /_sandbox."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from obzvon.sandbox.clock import iso
from obzvon.sandbox.fates import Chances
from obzvon.sandbox.faults import AnyFault
from obzvon.sandbox.qolio.account import Review, keep
from obzvon.sandbox.refusals import answer
from obzvon.sandbox.twin.events import EventFaults, Postman
from obzvon.sandbox.world import World, WorldDep

router = APIRouter(prefix="/_sandbox", tags=["sandbox"])

DIAL_COLUMNS = (
    "vendor", "task_id", "task_name", "call_id", "external_id", "phone", "attempt", "dialed", "dial_at", "end_at",
    "status", "final", "responder", "result", "talk", "recorded",
)  # fmt: skip


@router.get("/requests")
async def requests(
    world: WorldDep,
    vendor: str | None = None,
    method: str | None = None,
    path: str | None = None,
    after: int = 0,
    bodies: bool = True,
    limit: Annotated[int, Query(ge=1, le=100_000)] = 1000,
) -> Response:
    """The journal, oldest first; `path` = a part of the path, `after` = the last id seen. Bodies as JSON, else text."""
    found = world.journal.find(vendor, method, path, after, limit)
    return answer(
        [{**dict(row), "at": _moment(row["at"]), "body": _body(row["body"]) if bodies else None} for row in found]
    )


@router.get("/dials")
async def dials(world: WorldDep, vendor: str | None = None, task: str | None = None) -> Response:
    """Every attempt whose virtual time has come. `dialed` 0 = decided without a dial (black list, wrong number …)."""
    return answer(_dials(world, vendor, task))


@router.get("/dials.csv")
async def dials_csv(world: WorldDep, vendor: str | None = None, task: str | None = None) -> Response:
    """The same as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, DIAL_COLUMNS)
    writer.writeheader()
    writer.writerows(_dials(world, vendor, task))
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8")


@router.get("/campaigns")
async def campaigns(world: WorldDep, vendor: str | None = None) -> Response:
    """Vendor campaigns with their state, contacts and virtual clock."""
    return answer(
        [
            {
                "vendor": found.vendor,
                "family": found.family,
                "task_id": found.task_id,
                "name": found.name,
                "status": world.views.status(found),
                "contacts": world.campaigns.contacts(found),
                "virtual_now": iso(world.campaigns.now(found)),
                "start_at": iso(found.start_at),
                "request": world.campaigns.body(found.task_id),
            }
            for found in world.lifecycle.every(vendor)
        ]
    )


@router.get("/qolio/calls")
async def qolio_calls(world: WorldDep) -> Response:
    """Recorded calls; `writes` counts how often each was posted."""
    rows = world.store.rows("select * from qolio_call order by created_at, uid")
    return answer([{"uid": row["uid"], "writes": row["writes"], "body": json.loads(row["body"])} for row in rows])


@router.post("/qolio/reviews")
async def qolio_review(review: Review, world: WorldDep) -> Response:
    """What a reviewer at Qolio does: score a recorded call. The same `id` again changes the review."""
    keep(world, review)
    return answer({})


@router.get("/events")
async def events(request: Request) -> Response:
    """TWIN's events: how often each kind was answered how, how many wait for a 200, and the bodies of the lost ones."""
    postman: Postman = request.app.state.postman
    return answer({"answers": dict(postman.answers), "waiting": postman.waiting, "lost": postman.lost})


@router.post("/events")
async def event_faults(faults: EventFaults, request: Request) -> Response:
    """What goes wrong with TWIN's events from now on; an empty body: nothing."""
    request.app.state.postman.faults = faults
    return answer({})


@router.get("/clock")
async def clock(world: WorldDep) -> Response:
    """Speed, elapsed virtual seconds, and each campaign's virtual now."""
    now = {found.task_id: iso(world.campaigns.now(found)) for found in world.lifecycle.every()}
    return answer({"speed": world.clock.speed, "elapsed": world.clock.elapsed(), "campaigns": now})


class ClockChange(BaseModel):
    """`speed` 0 stops virtual time; `advance_seconds` pushes every running campaign forward at once."""

    model_config = ConfigDict(extra="forbid")

    speed: Annotated[float, Field(ge=0)] | None = None
    advance_seconds: Annotated[float, Field(ge=0)] = 0.0


@router.post("/clock")
async def set_clock(change: ClockChange, world: WorldDep) -> Response:
    """Change the speed, or push time forward."""
    if change.speed is not None:
        world.clock.set_speed(change.speed)
    if change.advance_seconds:
        world.clock.advance(change.advance_seconds)
    return answer({"speed": world.clock.speed, "elapsed": world.clock.elapsed()})


class Likely(BaseModel):
    """Shares from 0 to 1: what numbers are, what dials give, what conversations end with (sandbox/fates.py)."""

    model_config = ConfigDict(extra="forbid")

    numbers: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    attempts: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    results: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}


@router.post("/chances")
async def set_chances(likely: Likely, world: WorldDep) -> Response:
    """People called from now on behave like this; what is not named keeps its proportions. Empty: as ever."""
    try:
        world.lifecycle.chances = Chances().given(likely.numbers, likely.attempts, likely.results)
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    tables = asdict(world.lifecycle.chances)
    return answer({name: {value or "hung up": share for share, value in table} for name, table in tables.items()})


@router.get("/faults")
async def faults(world: WorldDep) -> Response:
    """Fault scripts in force and how often each has struck."""
    return answer(world.faults.listed())


@router.post("/faults")
async def add_fault(fault: AnyFault, world: WorldDep) -> Response:
    """Add a fault script; its number."""
    return answer({"id": world.faults.add(fault)})


@router.delete("/faults")
async def clear_faults(world: WorldDep) -> Response:
    """No more faults."""
    world.faults.clear()
    return answer({})


@router.get("/held")
async def held(world: WorldDep) -> Response:
    """Requests that a fault keeps waiting; `handled`: the vendor has done what they ask."""
    return answer(world.holds.listed())


@router.post("/release")
async def release(world: WorldDep) -> Response:
    """Let every held request go on; how many there were."""
    return answer({"released": world.holds.release()})


@router.post("/reset")
async def reset(world: WorldDep) -> Response:
    """Forget everything."""
    world.reset()
    return answer({})


def _dials(world: World, vendor: str | None, task: str | None) -> list[dict[str, Any]]:
    chosen = {f.task_id: f for f in world.lifecycle.every(vendor) if task in (None, f.task_id)}
    rows = world.views.attempts(chosen.values(), "dial_at <= now", order="task_id, dial_at, call_id")
    return [_dial(row, chosen[row["task_id"]].vendor, chosen[row["task_id"]].name) for row in rows]


def _dial(row: sqlite3.Row, vendor: str, name: str) -> dict[str, Any]:
    final = row["now"] >= row["end_at"]
    return {
        "vendor": vendor,
        "task_id": row["task_id"],
        "task_name": name,
        "call_id": row["call_id"],
        "external_id": row["external_id"],
        "phone": row["phone"],
        "attempt": row["attempt"],
        "dialed": row["dialed"],
        "dial_at": iso(row["dial_at"]),
        "end_at": iso(row["end_at"]) if final else None,
        "status": row["shown"],
        "final": int(final),
        "responder": row["responder"] if final else None,
        "result": row["result"] if final else None,
        "talk": row["talk"] if final else 0,
        "recorded": int(row["record_at"] is not None and row["now"] >= row["record_at"]),
    }


def _moment(at: float) -> str:
    """To the microsecond: how closely requests follow each other is what a limit is about."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")


def _body(raw: bytes) -> Any:
    text = raw.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text
