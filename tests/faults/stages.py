"""The stages as the tasks of the DAG call them, one at a time, against the sandbox, on a clock that sleeping moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
from policies import relaxed

from faults.campaigns import CALL_DATE, SECRET, account, campaign, people
from faults.world import Books
from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import ObzvonError
from obzvon.ledger.intents import Intent, intents_of, move
from obzvon.ledger.states import IntentState
from obzvon.qolio.client import QolioClient
from obzvon.reports.archive import Archive
from obzvon.stages.collect_batch import Collector, collect
from obzvon.stages.deliver import deliver
from obzvon.stages.launch import Launcher, launch
from obzvon.stages.plan import plan
from obzvon.stages.settle import Answer, Question, Settler, answer, take_apart
from obzvon.stages.stop import StopCause, can_be_stopped, stop
from obzvon.stages.wait import deadline_of, task_of, watch
from obzvon.vendors.base import Dialer
from obzvon.vendors.http import Patience, VendorSession
from obzvon.vendors.registry import dialer_class
from obzvon.warehouse.db import connect, connect_async

S = IntentState
#: Virtual hours that pass between two looks at the reports.
LOOK_EVERY = 3
#: Seconds. A vendor that answers later than this is not waited for, unless nothing goes wrong any more.
HASTE = {"connect_timeout": 1, "read_timeout": 0.4, "total_timeout": 0.8}
CALM = {"connect_timeout": 20, "read_timeout": 60, "total_timeout": 60}


@cache
def small(vendor: str) -> CampaignSpec:
    """The suite's campaign for nine people: four vendor campaigns in two batches, contacts two by two."""
    spec = campaign(vendor)
    limits = {"chunk_size": 3, "candidate_batch": 2, "max_batches": 2, "qolio_concurrency": 2}
    settle = {"looks": 2, "pause_seconds": 5.0, "minutes": 0.4, "absent_minutes": 0}
    return spec.model_copy(
        update={
            "limits": spec.limits.model_copy(update=limits),
            "settle": spec.settle.model_copy(update=settle),
        }
    )


def nine() -> list[dict[str, Any]]:
    """Five people of one zone, four of another."""
    everybody = people()
    return everybody[:5] + everybody[-4:]


class Time:
    """The real time and what was slept through: sleeping takes no time."""

    def __init__(self) -> None:
        self._slept = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._slept

    async def sleep(self, seconds: float) -> None:
        self._slept += timedelta(seconds=seconds)
        await asyncio.sleep(0)


@dataclass(slots=True)
class Stages:
    """One campaign and what happens to it. `off`: the kill switch; `calm`: nothing goes wrong any more."""

    vendor: str
    dsn: str
    books: Books
    base_url: str
    folder: Path
    plan_id: str = ""
    batches: tuple[int, ...] = ()
    off: bool = False
    calm: bool = False
    questions: dict[str, Question] = field(default_factory=dict)

    @property
    def spec(self) -> CampaignSpec:
        """The campaign file."""
        return small(self.vendor)

    def plan(self) -> None:
        """Plan, or find the plan that is being carried out."""
        policy = relaxed()
        with connect(self.dsn) as conn:
            chunks = iter([pd.DataFrame(nine())])
            made = plan(conn, self.spec, policy, CALL_DATE, now=datetime.now(UTC), chunks=chunks)
            conn.commit()
        self.plan_id, self.batches = made.plan_id, made.batches

    async def launch(self, batch: int) -> None:
        """The task `launch`."""
        async with self._vendor() as (dialer, conn):
            time = Time()
            launcher = Launcher(conn, dialer, self.spec, "run", lambda: self.off, clock=time.now, sleep=time.sleep)
            await launch(launcher, self.plan_id, batch)

    async def launch_twice(self, batch: int) -> None:
        """Two workers have the same task."""
        results = await asyncio.gather(self.launch(batch), self.launch(batch), return_exceptions=True)
        errors = [error for error in results if isinstance(error, BaseException)]
        for error in sorted(errors, key=lambda error: isinstance(error, ObzvonError)):  # a bug before a vendor's error
            raise error

    async def settle(self, batch: int) -> None:
        """The task `doubts`, then `settle` for each doubt; what only a person can tell is in `questions`."""
        async with self._vendor() as (dialer, conn):
            await take_apart(conn, self.plan_id, "run")
            time = Time()
            settler = Settler(conn, dialer, self.spec, "run", clock=time.now, sleep=time.sleep)
            for intent in await self._intents(conn, batch, [S.IN_DOUBT, S.SENDING]):
                found = await settler.settle(intent)
                self.questions.pop(intent.intent_id, None)
                if isinstance(found, Question):
                    self.questions[intent.intent_id] = found

    async def answer(self, question: Question, said: Answer) -> None:
        """Somebody answers in the UI."""
        async with await connect_async(self.dsn) as conn:
            await answer(conn, question, said, self.spec.settle, run_id="run")

    async def wait(self, batch: int, rounds: int, *, over: bool = False) -> None:
        """The task `wait`, at most so many looks of it; `over`: its deadline has come."""
        async with self._vendor() as (dialer, conn):
            intents = await self._intents(conn, batch, [S.RUNNING])
            for intent in intents:
                cause = StopCause.KILL_SWITCH if self.off else intent.stop_cause
                if cause and can_be_stopped(intent):
                    await stop(conn, dialer, [intent], StopCause(cause), run_id="run")
            if not intents:
                return
            ends = deadline_of(intents, self.spec.wait)
            verdicts = await watch(
                dialer, [task_of(intent, self.spec) for intent in intents], self.spec.wait,
                deadline=ends, clock=lambda: ends if over else datetime.now(UTC), poll_seconds=0,
                sleep=self._passing, interrupted=_after(rounds),
            )  # fmt: skip
            late = [intent for intent in intents if verdicts.get(intent.intent_id) == "partial"]
            await stop(conn, dialer, late, StopCause.DEADLINE, run_id="run")
            for intent in await self._intents(conn, batch, [S.RUNNING]):
                if verdict := verdicts.get(intent.intent_id):
                    await move(conn, intent, S.COLLECTING, run_id="run", completeness=verdict)
            await conn.commit()

    async def collect(self, batch: int) -> None:
        """The task `collect`."""
        async with self._vendor() as (dialer, _):
            collector = Collector(self.dsn, Archive(self.folder), dialer, self.spec, SECRET, "run")
            await collect(collector, self.plan_id, batch)

    async def deliver(self, _: int = 0) -> None:
        """The task `deliver`."""
        async with QolioClient.connected(self._account("qolio"), patience=self._patience) as client:
            await deliver(self.dsn, self.spec, client, self.plan_id)

    async def stop(self, batch: int) -> None:
        """A user ends a task of the batch."""
        async with self._vendor() as (dialer, conn):
            await stop(conn, dialer, await self._intents(conn, batch), StopCause.USER, run_id="run")

    @asynccontextmanager
    async def _vendor(self) -> AsyncIterator[tuple[Dialer, psycopg.AsyncConnection]]:
        kind = dialer_class(self.spec.vendor.type)
        of = self._account(kind.code)
        session = VendorSession(kind.code, of, kind.auth(of), patience=self._patience)
        async with session, await connect_async(self.dsn) as conn:
            yield kind(session, self.spec), conn

    def _account(self, vendor: str) -> Any:
        return account(vendor, self.base_url, CALM if self.calm else HASTE)

    @property
    def _patience(self) -> Patience:
        return Patience(attempts=4, budget=60, first=0.1, longest=1, sleep=Time().sleep)

    async def _intents(
        self, conn: psycopg.AsyncConnection, batch: int, states: Sequence[IntentState] | None = None
    ) -> list[Intent]:
        found = await intents_of(conn, self.plan_id, batch, states)
        await conn.commit()
        return found

    async def _passing(self, _: float) -> None:
        self.books.tell("clock", {"advance_seconds": LOOK_EVERY * 3600})
        await asyncio.sleep(0)


def _after(rounds: int) -> Any:
    left = iter(range(rounds))

    async def interrupted() -> bool:
        return next(left, None) is None

    return interrupted
