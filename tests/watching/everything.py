"""A scene in which every metric has a value, as the stages, a vendor session and the watch send them."""

from __future__ import annotations

from datetime import datetime

import pytest
from aiohttp import web
from vendors.vendor_world import vendor
from watching.listeners import listening
from watching.planted import Scene, delivery_backlog

from obzvon.errors import LedgerError, VendorError
from obzvon.stages.canary import judge
from obzvon.vendors.budget import Limit, PostgresBudget
from obzvon.vendors.http import Account, Patience, VendorSession
from obzvon_provider.operators.watch import look

ACCOUNT = "twin:" + "0" * 64


async def prepare(scene: Scene) -> datetime:
    """A plan with facts and a delivery that waits; the moment to look at."""
    return await delivery_backlog(scene)


async def traffic(scene: Scene, monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    """Requests that are answered, refused and held back, a stage that fails, a look, and a message that fails."""
    with pytest.raises(LedgerError):
        judge(scene.conn, "0" * 64, "run-1")
    scene.conn.rollback()

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({}, status=400 if request.path == "/bad" else 200)

    async with vendor(answer) as seen, PostgresBudget(scene.dsn, ACCOUNT, Limit(rate=1000, burst=10)) as budget:
        account = Account(seen.url, "login", "password", None, {}, "twin_default")
        async with VendorSession("twin", account, patience=Patience(attempts=1), budget=budget) as session:
            await session.read("GET", "/good", action="list tasks")
            with pytest.raises(VendorError):
                await session.send("POST", "/bad", action="create a task")
            await budget.hold(3600)
            with pytest.raises(VendorError):
                await session.send("POST", "/good", action="create a task")
    async with listening(monkeypatch) as heard:
        heard.broken = True
        await look(scene.dsn, heard.channels, None, now=now)
    scene.run("delete from ops.request_budget; delete from ops.alert")
