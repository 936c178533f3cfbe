"""The page at `/`: what this is, and what it has seen."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from obzvon.sandbox.world import WorldDep

router = APIRouter()


@router.get("/", include_in_schema=False)
async def index(world: WorldDep) -> HTMLResponse:
    """The page."""
    return HTMLResponse(f"<h1>Obzvon sandbox</h1><p>{len(world.campaigns.every())} campaigns</p>")
