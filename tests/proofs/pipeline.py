"""The stages of one campaign as the DAG calls them, against the sandbox, on a clock that only sleeping moves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import pandas as pd
import psycopg
from faults.campaigns import SECRET, account
from faults.world import Books

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import ConfigError
from obzvon.ledger.intents import intents_of, move
from obzvon.ledger.states import IntentState
from obzvon.policy.model import Policy
from obzvon.reports.archive import Archive
from obzvon.stages import canary
from obzvon.stages.collect_batch import Collector, collect
from obzvon.stages.launch import Launcher, launch
from obzvon.stages.plan import PlanSummary, plan
from obzvon.stages.wait import deadline_of, task_of, watch
from obzvon.vendors.base import Dialer
from obzvon.vendors.http import Patience, VendorSession
from obzvon.vendors.registry import dialer_class
from obzvon.warehouse.db import connect, connect_async

#: Virtual seconds that pass between two looks at the reports: a window and its recordings are over after two.
LOOK_EVERY = 12 * 3600
#: Six days: whoever is not called by then is never called.
LOOKS = 12
_TIMEOUTS = {"connect_timeout": 20, "read_timeout": 60, "total_timeout": 60, "ready_seconds": 5}


class Time:
    """The real time and what was slept through: sleeping takes no time."""

    def __init__(self) -> None:
        self._slept = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._slept

    async def sleep(self, seconds: float) -> None:
        self._slept += timedelta(seconds=seconds)


@dataclass(slots=True)
class Pipeline:
    """One campaign. Use it as an async context manager: its connections live as long."""

    dsn: str
    base_url: str
    books: Books
    folder: Path
    spec: CampaignSpec
    policy: Policy
    plan_id: str = ""
    batches: tuple[int, ...] = ()
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _dialer: Dialer | None = None
    _conn: psycopg.AsyncConnection | None = None

    async def __aenter__(self) -> Self:
        kind = dialer_class(self.spec.vendor.type)
        of = account(kind.code, self.base_url, _TIMEOUTS)
        patience = Patience(attempts=4, budget=60, first=0.1, longest=1, sleep=Time().sleep)
        session = await self._stack.enter_async_context(VendorSession(kind.code, of, kind.auth(of), patience=patience))
        self._dialer = kind(session, self.spec)
        self._conn = await self._stack.enter_async_context(await connect_async(self.dsn))
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    def plan(self, call_date: date, now: datetime, chunks: Iterable[pd.DataFrame]) -> PlanSummary:
        """The task `plan`. Raises what the stage raises; then nothing is stored."""
        with connect(self.dsn) as conn:
            made = plan(conn, self.spec, self.policy, call_date, now=now, chunks=iter(chunks))
            conn.commit()
        self.plan_id, self.batches = made.plan_id, made.batches
        return made

    async def launch(self, batch: int) -> None:
        """The task `launch`."""
        time = Time()
        launcher = Launcher(
            self._ledger, self.dialer, self.spec, "run", lambda: False, clock=time.now, sleep=time.sleep
        )
        result = await launch(launcher, self.plan_id, batch)
        assert not result.problems, result.problems
        assert not result.doubts, result.doubts

    async def finish(self, batch: int) -> None:
        """The tasks `wait` and `collect`: every report is complete in the end."""
        running = await intents_of(self._ledger, self.plan_id, batch, [IntentState.RUNNING])
        await self._ledger.commit()
        if not running:
            return
        verdicts = await watch(
            self.dialer, [task_of(intent, self.spec) for intent in running], self.spec.wait,
            deadline=deadline_of(running, self.spec.wait), poll_seconds=0, sleep=self._passing,
            interrupted=_after(LOOKS),
        )  # fmt: skip
        assert len(verdicts) == len(running), f"reports are not complete after {LOOKS} looks: {running[0].title}"
        assert set(verdicts.values()) == {"complete"}, verdicts
        for intent in running:
            await move(self._ledger, intent, IntentState.COLLECTING, run_id="run", completeness="complete")
        await self._ledger.commit()
        await collect(self.collector(), self.plan_id, batch)

    def collector(self) -> Collector:
        """What the task `collect` works with."""
        return Collector(self.dsn, Archive(self.folder / "archive"), self.dialer, self.spec, SECRET, "run")

    def canary_passed(self) -> bool:
        """The task `canary.judge`."""
        with connect(self.dsn) as conn:
            return canary.judge(conn, self.plan_id, "run").passed

    @property
    def dialer(self) -> Dialer:
        if self._dialer is None:
            raise ConfigError("the pipeline is not open")
        return self._dialer

    @property
    def _ledger(self) -> psycopg.AsyncConnection:
        if self._conn is None:
            raise ConfigError("the pipeline is not open")
        return self._conn

    async def _passing(self, _: float) -> None:
        self.books.tell("clock", {"advance_seconds": LOOK_EVERY})

    def dials(self, task_id: str) -> list[dict[str, Any]]:
        """The sandbox's journal of one vendor campaign."""
        found: list[dict[str, Any]] = self.books.look("dials", task=task_id)
        return found


def _after(looks: int) -> Callable[[], Awaitable[bool]]:
    left = iter(range(looks))

    async def interrupted() -> bool:
        return next(left, None) is None

    return interrupted
