"""Collect for a batch of intents: each is downloaded once, loaded, and brought to its final state."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import ObzvonError
from obzvon.ledger.intents import Intent, intents_of, move
from obzvon.ledger.states import IntentState
from obzvon.reports.archive import Archive
from obzvon.stages.collect import LoadResult, download, load
from obzvon.stages.wait import task_of
from obzvon.telemetry.spans import counts_of, fields, staged
from obzvon.vendors.base import Dialer
from obzvon.warehouse.db import connect, connect_async, database_time

__all__ = ["CollectResult", "Collector", "collect"]

log = logging.getLogger(__name__)
PULLS = 3
#: Intents that are collected at once: while the server writes the facts of one, the report of the other is read.
AT_ONCE = 2


@dataclass(slots=True)
class CollectResult:
    """Sums over the batch; `intents` counts those that became final now."""

    intents: int = 0
    rows: int = 0
    inserted: int = 0
    updated: int = 0
    unknown: int = 0
    quarantined: int = 0

    def add(self, result: LoadResult) -> None:
        """Count one intent's load."""
        self.intents += 1
        for name in ("rows", "inserted", "updated", "unknown", "quarantined"):
            setattr(self, name, getattr(self, name) + getattr(result, name))


@dataclass(frozen=True, slots=True)
class Collector:
    """What collecting needs. `secret` keys the HMAC of phones."""

    dsn: str
    archive: Archive
    dialer: Dialer
    spec: CampaignSpec
    secret: bytes
    run_id: str

    async def settle(self, intent: Intent) -> LoadResult:
        """Pull the report and note the final state. Every step may be repeated.

        Rows may shift between the pages while they are read: a pull with fewer calls than the vendor counts is followed
        by another one, a few times; what is short then is the audit's.
        """
        name = f"collect-{intent.intent_id[:8]}"
        result = await self.pull(intent, name)
        for number in range(2, PULLS + 1):
            if result.whole:
                break
            log.warning("%s: fewer calls than the vendor counts, pulling again", intent.title)
            result = await self.pull(intent, f"{name}-{number}")
        complete = intent.completeness == "complete"
        final = IntentState.FINAL if complete else IntentState.FINAL_PARTIAL
        async with await connect_async(self.dsn) as conn:
            await move(conn, intent, final, run_id=self.run_id, final_at=await database_time(conn))
        return result

    async def pull(self, intent: Intent, batch_id: str) -> LoadResult:
        """Download the report as `batch_id`, unless that is archived already, and load it."""
        await download(self.dsn, self.archive, self.dialer, task_of(intent, self.spec), batch_id)
        return await asyncio.to_thread(self._load, intent, batch_id)

    def _load(self, intent: Intent, pull: str) -> LoadResult:
        with connect(self.dsn) as conn:
            return load(
                conn, self.archive, self.spec, type(self.dialer), intent.intent_id, pull, secret=self.secret
            )  # fmt: skip


def _about(collector: Collector, plan_id: str, batch_no: int) -> dict[str, object]:
    return {"campaign": collector.spec.name, "plan": plan_id, "batch": batch_no}


@staged("collect", _about)
async def collect(collector: Collector, plan_id: str, batch_no: int) -> CollectResult:
    """Settle every collecting intent of the batch; the first problem is raised after the others have had their turn."""
    async with await connect_async(collector.dsn) as conn:
        intents = await intents_of(conn, plan_id, batch_no, [IntentState.COLLECTING])
    work = _Work(collector, intents)
    ends = await asyncio.gather(*(work.through() for _ in range(AT_ONCE)), return_exceptions=True)
    if errors := [end for end in ends if end is not None]:
        raise errors[0]
    if work.problems:
        raise work.problems[min(work.problems)]
    return work.result


class _Work:
    """Intents to be settled, each taken by whoever is free."""

    def __init__(self, collector: Collector, intents: Sequence[Intent]) -> None:
        self._collector, self._all = collector, len(intents)
        self._left: Iterator[tuple[int, Intent]] = iter(enumerate(intents))
        self.result, self.problems = CollectResult(), dict[int, ObzvonError]()

    async def through(self) -> None:
        """Settle one after the other until none is left."""
        while (mine := next(self._left, None)) is not None:
            with fields(intent=mine[1].intent_id):
                await self._settle(*mine)

    async def _settle(self, number: int, intent: Intent) -> None:
        try:
            result = await self._collector.settle(intent)
            self.result.add(result)
            with fields(**counts_of(result)):
                log.info("collected %d of %d: %s", self.result.intents, self._all, intent.title)
        except ObzvonError as error:
            log.error("%s: %s", intent.title, error)
            self.problems[number] = error
        except BaseException:  # no problem of this intent alone: nobody takes another one
            self._left = iter(())
            raise
