"""The page at `/`: what this is, who may come in, what can be asked, and what it has seen so far."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

from obzvon.sandbox.clock import iso
from obzvon.sandbox.faults import KINDS
from obzvon.sandbox.world import World, WorldDep

router = APIRouter()
_templates = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True)


def _ticks(text: str) -> Markup:
    """`words` of a docstring as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped one step before


_templates.filters["ticks"] = _ticks

SECTIONS = {
    "/dialog": "Dialog",
    "/twin": "TWIN",
    "/qolio": "Qolio",
    "/_sandbox": "Admin",
}
SHOWN_CAMPAIGNS = 12


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One line of the list of endpoints."""

    method: str
    path: str
    summary: str


@dataclass(frozen=True, slots=True)
class Line:
    """One vendor campaign."""

    vendor: str
    task_id: str
    name: str
    status: str
    contacts: int
    dials: int
    virtual_now: str


@router.get("/", include_in_schema=False)
async def index(request: Request, world: WorldDep) -> HTMLResponse:
    """The page; its live part is fetched again every few seconds by the page itself."""
    page = _templates.get_template("page.html")
    endpoints = {title: list(_endpoints(request, prefix)) for prefix, title in SECTIONS.items()}
    return HTMLResponse(
        page.render(
            settings=world.settings,
            base=str(request.base_url).rstrip("/"),
            endpoints=endpoints,
            counts=_counts(world),
            outcomes=_outcomes(world),
            campaigns=_campaigns(world),
            total=world.store.value("select count(*) from campaign"),
            clock=world.clock,
            faults=world.faults.listed(),
            fault_kinds=KINDS,
        )
    )


def _endpoints(request: Request, prefix: str) -> Iterator[Endpoint]:
    for route in request.app.routes:
        if isinstance(route, APIRoute) and route.path.startswith(prefix) and route.include_in_schema:
            summary = (route.endpoint.__doc__ or "").strip().split("\n\n")[0]
            yield Endpoint("/".join(sorted(route.methods)), route.path, " ".join(summary.split()))


def _counts(world: World) -> dict[str, int]:
    asked = {row["vendor"]: row["n"] for row in world.store.rows("select vendor, count(*) n from request group by 1")}
    campaigns = world.lifecycle.every()
    return {
        "requests to Dialog": asked.get("dialog", 0),
        "requests to TWIN": asked.get("twin", 0),
        "requests to Qolio": asked.get("qolio", 0),
        "campaigns": len(campaigns),
        "contacts": int(world.store.value("select count(*) from contact")),
        "dials": world.views.count(campaigns, "dialed = 1 and dial_at <= now"),
        "calls in Qolio": int(world.store.value("select count(*) from qolio_call")),
    }


def _outcomes(world: World) -> list[tuple[str, int]]:
    """How the attempts stand, most frequent first."""
    seen = world.views.tally(world.lifecycle.every())
    return sorted(seen.items(), key=lambda pair: -pair[1])


def _campaigns(world: World) -> list[Line]:
    newest = world.lifecycle.every()[-SHOWN_CAMPAIGNS:]
    return [
        Line(
            vendor=found.vendor,
            task_id=found.task_id,
            name=found.name,
            status=world.views.status(found),
            contacts=world.campaigns.contacts(found),
            dials=world.views.count([found], "dialed = 1 and dial_at <= now"),
            virtual_now=(iso(world.campaigns.now(found)) or "").replace("T", " ")[:16],
        )
        for found in reversed(newest)
    ]
