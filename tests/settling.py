"""Intents brought into doubt, a clock that moves when somebody sleeps, and what the ledger says afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from launching import NOW, PLAN, ScriptedDialer, spec

from obzvon.errors import InDoubt
from obzvon.ledger.intents import Intent, intents_of
from obzvon.stages.launch import Launcher, launch
from obzvon.stages.settle import Question, Settler
from obzvon.vendors.base import Found
from obzvon.warehouse.db import connect_async

FAST = spec(settle={"looks": 3, "pause_seconds": 10, "minutes": 5})
LOST = InDoubt("twin", "create a task", "no answer in time")
AT = datetime(2031, 5, 19, 12, 30, tzinfo=UTC)


class Clock:
    """Moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.sleeps = NOW, 0

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.sleeps += 1


def lost(task: str = "t-1") -> Callable[[Any], str]:
    """A creation whose answer never comes."""

    def create(order: object) -> str:
        raise LOST

    return create


def shown(*counts: int | Exception | None, calls: int | None = 0) -> Callable[[str], tuple[Found, ...]]:
    """A list that shows our task with these counts of contacts, one a look, the last one from then on."""
    left = list(counts)

    def find(text: str) -> tuple[Found, ...]:
        count = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(count, Exception):
            raise count
        return (Found(f"task-{text[4:12]}", f"Опрос {text}", "BLANK", count, calls),)

    return find


async def run(dsn: str, dialer: ScriptedDialer) -> None:
    async with await connect_async(dsn) as conn:
        await launch(Launcher(conn, dialer, FAST, "run-1", lambda: False, lambda: NOW, sleep=Clock().sleep), PLAN, 0)


async def settled(dsn: str, dialer: ScriptedDialer, clock: Clock | None = None) -> Intent | Question:
    clock = clock or Clock()
    async with await connect_async(dsn) as conn:
        (intent,) = await intents_of(conn, PLAN)
        return await Settler(conn, dialer, FAST, "run-1", clock, clock.sleep).settle(intent)


def one(conn: psycopg.Connection, query: str) -> Any:
    row = conn.execute(query).fetchone()
    conn.commit()
    return row


def state(conn: psycopg.Connection) -> Any:
    return one(conn, "select state, vendor_task_id from ops.campaign_intent")


def findings(conn: psycopg.Connection) -> list[tuple[Any, ...]]:
    rows = conn.execute("select subject, finding, settled_by from ops.settlement order by settlement_id").fetchall()
    conn.commit()
    return rows
