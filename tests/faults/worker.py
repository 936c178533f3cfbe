"""The pipeline of the DAG as one process: plan, launch, settle, launch, wait, collect, deliver, audit.

Like a task of the DAG it ends at the first thing that needs another try, and like a task it may be started again:
whatever it did before is in the ledger. It ends with one of the codes of `End`.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Any

import aiohttp
import pandas as pd
import psycopg
from policies import relaxed

from faults.campaigns import CALL_DATE, SECRET, account, campaign, people
from obzvon.errors import ObzvonError
from obzvon.ledger.intents import intents_of, move
from obzvon.ledger.states import IntentState
from obzvon.qolio.client import QolioClient
from obzvon.reports.archive import Archive
from obzvon.stages.audit import audit
from obzvon.stages.collect import load_plan
from obzvon.stages.collect_batch import Collector, collect
from obzvon.stages.deliver import deliver
from obzvon.stages.launch import Launcher, launch
from obzvon.stages.plan import plan
from obzvon.stages.settle import Question, Settler
from obzvon.stages.wait import deadline_of, task_of, watch
from obzvon.vendors.base import Dialer
from obzvon.vendors.http import Patience, VendorSession
from obzvon.vendors.registry import dialer_class
from obzvon.warehouse.db import connect, connect_async

log = logging.getLogger("faults")
S = IntentState
#: Virtual seconds a second while the calls are made.
DAY_SPEED = 360_000.0
POLL = 0.05
ROUNDS = 4


class End(IntEnum):
    """How a worker ended; a killed one has a negative code."""

    DONE = 0
    FAILED = 1
    QUESTION = 3


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker works on. `folder` gets the archive, its log and the questions it leaves."""

    vendor: str
    dsn: str
    base_url: str
    folder: Path
    name: str = "worker"
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def questions(self) -> Path:
        """Where the questions are that only a person can answer."""
        return self.folder / f"{self.name}.questions"


def work(job: Job) -> None:
    """The body of the process."""
    logging.basicConfig(
        filename=job.folder / f"{job.name}.log", level=logging.INFO, force=True,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )  # fmt: skip
    log.info("starts")
    try:
        end = asyncio.run(_Run(job).go())
    except (ObzvonError, psycopg.Error, OSError) as error:
        log.exception("ends with %s", type(error).__name__)
        end = End.FAILED
    log.info("ends: %s", end.name)
    logging.shutdown()
    raise SystemExit(int(end))


async def nap(seconds: float) -> None:
    """Pauses that the stages take between tries, fifty times shorter."""
    await asyncio.sleep(seconds / 50)


class _Run:
    def __init__(self, job: Job) -> None:
        self.job, self.spec = job, campaign(job.vendor)
        self.dialer_class = dialer_class(self.spec.vendor.type)
        self.patience = Patience(first=0.02, longest=0.2, budget=20, attempts=7)

    async def go(self) -> End:
        await self._speed(0)
        plan_id, batches = await asyncio.to_thread(self._plan)
        questions = [question for number in batches for question in await self._batch(plan_id, number)]
        await self._deliver(plan_id)
        if questions:
            self.job.questions.write_bytes(pickle.dumps(questions))
            return End.QUESTION
        await asyncio.to_thread(self._audit, plan_id)
        return End.DONE

    def _plan(self) -> tuple[str, tuple[int, ...]]:
        policy = relaxed()
        with connect(self.job.dsn) as conn:
            made = plan(
                conn, self.spec, policy, CALL_DATE, now=datetime.now(UTC), chunks=iter([pd.DataFrame(people())])
            )  # fmt: skip
            conn.commit()
        return made.plan_id, made.batches

    async def _batch(self, plan_id: str, number: int) -> list[Question]:
        async with self._dialer() as dialer, await connect_async(self.job.dsn) as conn:
            questions = await self._launch(conn, dialer, plan_id, number)
            await self._speed(DAY_SPEED)
            await self._wait(conn, dialer, plan_id, number)
            collector = Collector(
                self.job.dsn, Archive(self.job.folder / "archive"), dialer, self.spec, SECRET, self.job.name
            )
            await collect(collector, plan_id, number)
        return questions

    async def _launch(self, conn: psycopg.AsyncConnection, dialer: Dialer, plan_id: str, number: int) -> list[Question]:
        """Launch and settle in turns until nothing is in doubt but what a person must tell."""
        launcher = Launcher(conn, dialer, self.spec, self.job.name, lambda: False, sleep=nap)
        questions: list[Question] = []
        for _ in range(ROUNDS):
            await launch(launcher, plan_id, number)
            doubtful = await intents_of(conn, plan_id, number, [S.IN_DOUBT, S.SENDING])
            await conn.commit()
            settler = Settler(conn, dialer, self.spec, self.job.name)
            found = [await settler.settle(intent) for intent in doubtful]
            questions = [each for each in found if isinstance(each, Question)]
            if len(questions) == len(found):
                break
        return questions

    async def _wait(self, conn: psycopg.AsyncConnection, dialer: Dialer, plan_id: str, number: int) -> None:
        running = await intents_of(conn, plan_id, number, [S.RUNNING])
        await conn.commit()
        if not running:
            return
        ends = deadline_of(running, self.spec.wait)
        tasks = [task_of(intent, self.spec) for intent in running]
        verdicts = await watch(dialer, tasks, self.spec.wait, deadline=ends, poll_seconds=POLL)
        for intent in running:
            await move(
                conn, intent, S.COLLECTING, run_id=self.job.name, completeness=verdicts[intent.intent_id]
            )  # fmt: skip
        await conn.commit()

    async def _deliver(self, plan_id: str) -> None:
        qolio = account("qolio", self.job.base_url, self.job.options)
        async with QolioClient.connected(qolio, patience=self.patience) as client:
            await deliver(self.job.dsn, self.spec, client, plan_id)

    def _audit(self, plan_id: str) -> None:
        with connect(self.job.dsn) as conn:
            load_plan(conn, self.spec, plan_id)
            audit(conn, plan_id)

    @asynccontextmanager
    async def _dialer(self) -> AsyncIterator[Dialer]:
        kind = self.dialer_class
        of = account(kind.code, self.job.base_url, self.job.options)
        async with VendorSession(kind.code, of, kind.auth(of), patience=self.patience) as session:
            yield kind(session, self.spec)

    async def _speed(self, speed: float) -> None:
        """The calls are made tomorrow: the vendor's clock stands while campaigns are launched, then the day passes."""
        async with aiohttp.ClientSession() as http:
            url = f"{self.job.base_url}/_sandbox/clock"
            async with http.post(url, json={"speed": speed}) as answer:
                answer.raise_for_status()
