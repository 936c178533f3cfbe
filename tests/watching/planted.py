"""One planted fault for each alert, made by the stages themselves where they can make it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
from canary.test_canary import World
from launching import NOW, PLAN, ScriptedDialer, forced, plan_of, spec
from loading import Vendor, call

from obzvon.errors import InDoubt
from obzvon.events.inbox import Arrived, Inbox
from obzvon.stages.audit import compare
from obzvon.stages.launch import Launcher, launch
from obzvon.stages.marts import refresh
from obzvon.vendors.base import Event
from obzvon.vendors.budget import Limit, PostgresBudget
from obzvon.warehouse.db import connect_async
from obzvon.warehouse.partitions import ensure_months

SMOKE = (Path(__file__).parents[1] / "warehouse" / "smoke_seed.sql").read_text(encoding="utf-8")
#: The window of the planned calls ends then (launching.py), the deadline of the wait six hours later.
OVER = datetime(2031, 5, 20, 17, tzinfo=UTC)


@dataclass(frozen=True)
class Scene:
    """A warehouse of the test, and a folder for an archive."""

    dsn: str
    conn: psycopg.Connection
    folder: Path

    def run(self, statement: str) -> None:
        """A short cut past the guard of states."""
        forced(self.conn, statement)
        self.conn.commit()

    @property
    def clock(self) -> datetime:
        """The database's."""
        now: datetime = self.conn.execute("select clock_timestamp()").fetchall()[0][0]
        self.conn.commit()
        return now


async def _launched(scene: Scene, dialer: ScriptedDialer) -> None:
    plan_of(scene.conn, contacts=3)
    async with await connect_async(scene.dsn) as conn:
        await launch(Launcher(conn, dialer, spec(), "run-1", lambda: False, lambda: NOW), PLAN, 0)


async def in_doubt(scene: Scene) -> datetime:
    """The vendor's answer to a creation does not come."""

    def lost(order: object) -> str:
        raise InDoubt("dialog", "create a campaign", "the connection ended before the answer")

    await _launched(scene, ScriptedDialer(create=lost))
    return scene.clock + timedelta(minutes=5)


async def canary_stopped(scene: Scene) -> datetime:
    """Half of the first conversations end with "do not call me"."""
    world = World(scene.conn)
    world.calls(RPC_OPTOUT=10, GOAL=10)
    assert not world.judge().passed
    scene.conn.commit()
    return scene.clock


async def compliance_breach(scene: Scene) -> datetime:
    """Somebody was called at night and after an opt-out (tests/warehouse/smoke_seed.sql)."""
    ensure_months(scene.conn, [date(2026, 11, 19)])
    forced(scene.conn, SMOKE)
    assert compare(scene.conn, "f" * 64).breached
    scene.conn.commit()
    return datetime(2026, 11, 20, tzinfo=UTC)


async def stale_report(scene: Scene) -> datetime:
    """The run died while it waited: nobody collects."""
    await _launched(scene, ScriptedDialer())
    return OVER + timedelta(hours=6 + 3)


async def stale_facts(scene: Scene) -> datetime:
    """The worker died between the archive and the load."""
    (intent,) = plan_of(scene.conn, contacts=1)
    await Vendor(scene.dsn, scene.folder, intent).pull("collect-1", [call(1, 1)])
    return scene.clock + timedelta(hours=3)


async def stale_marts(scene: Scene) -> datetime:
    """Facts were loaded and the DAG marts is paused."""
    (intent,) = plan_of(scene.conn, contacts=1)
    await Vendor(scene.dsn, scene.folder, intent).collect(scene.conn, "collect-1", [call(1, 1)])
    scene.conn.commit()
    return scene.clock + timedelta(hours=3)


async def delivery_backlog(scene: Scene) -> datetime:
    """A conversation was recorded, and Qolio has not had it."""
    (intent,) = plan_of(scene.conn, contacts=1)
    line = call(1, 1, disposition="GOAL", status="Разговор", talk=30, record="https://records.example/1.mp3")
    await Vendor(scene.dsn, scene.folder, intent).collect(scene.conn, "collect-1", [line])
    scene.run("update ops.campaign_intent set state = 'final', final_at = now()")
    refresh(scene.conn)
    return scene.clock + timedelta(hours=13)


async def _budget(scene: Scene, limit: Limit) -> PostgresBudget:
    plan_of(scene.conn, contacts=1)
    return PostgresBudget(scene.dsn, "twin:" + "0" * 64, limit)


async def budget_exhausted(scene: Scene) -> datetime:
    """A limit of two requests a minute, and a request has just left."""
    async with await _budget(scene, Limit(rate=1 / 45, burst=1)) as budget:
        await budget.acquire()
    return scene.clock


async def vendor_holds(scene: Scene) -> datetime:
    """The vendor says 429 and names an hour."""
    async with await _budget(scene, Limit(rate=100, burst=1)) as budget:
        await budget.hold(3600)
    return scene.clock


async def inbox_backlog(scene: Scene) -> datetime:
    """Events come and their reader is dead."""

    inbox = Inbox(scene.dsn, lambda *_: Event("call.updated"))
    await inbox.put(Arrived("twin", "twin_default", b'{"event": "x"}'))
    await inbox.close()
    return scene.clock + timedelta(hours=1)


FAULTS: dict[str, Callable[[Scene], Awaitable[datetime]]] = {
    plant.__name__: plant
    for plant in (
        in_doubt, canary_stopped, compliance_breach, stale_report, stale_facts, stale_marts, budget_exhausted,
        vendor_holds, delivery_backlog, inbox_backlog,
    )
}  # fmt: skip
