"""The application: the three vendors, the admin paths and the page, behind one gate."""

from __future__ import annotations

from asyncio import TaskGroup
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from obzvon.sandbox.admin import router as admin
from obzvon.sandbox.dialog.routes import router as dialog
from obzvon.sandbox.middleware import Gate
from obzvon.sandbox.page import router as page
from obzvon.sandbox.qolio.account import router as qolio_account
from obzvon.sandbox.qolio.routes import router as qolio
from obzvon.sandbox.records import router as records
from obzvon.sandbox.refusals import install
from obzvon.sandbox.settings import Settings
from obzvon.sandbox.twin.analytics import router as analytics
from obzvon.sandbox.twin.beta import router as beta
from obzvon.sandbox.twin.candidates import router as candidates
from obzvon.sandbox.twin.events import Postman
from obzvon.sandbox.twin.iam import router as iam
from obzvon.sandbox.twin.tasks import router as tasks
from obzvon.sandbox.world import World


def build(settings: Settings) -> FastAPI:
    """The sandbox as an ASGI application (needs `middleware.CuttableProtocol` for faults that cut connections)."""
    world = World(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with TaskGroup() as group:
            posting = group.create_task(app.state.postman.run())
            yield
            posting.cancel()
        world.close()

    # Swagger's page loads its scripts from the internet; the sandbox has its own page
    app = FastAPI(title="Obzvon sandbox", lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.world = world
    app.state.postman = Postman(world)
    install(app)
    for router in (dialog, iam, tasks, beta, candidates, analytics, records, qolio, qolio_account, admin, page):
        app.include_router(router)
    app.add_middleware(GZipMiddleware, minimum_size=10_000, compresslevel=1)
    app.add_middleware(Gate, world=world)
    return app
