"""Recordings: what the vendor's links lead to is copied into our own storage, once, where the campaign file wants it.

A fixed pool of downloads takes calls from a bounded queue. A copy has its name in the storage when all its bytes are
there, and its row in `ops.recording` after that: a run killed anywhere leaves nothing that is taken for whole, and the
next one asks only for what is missing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass

import psycopg

from obzvon.errors import RecordingAbsent, RecordingError
from obzvon.ledger.intents import intents_of
from obzvon.recordings.audio import Audio
from obzvon.recordings.fetch import Downloads
from obzvon.recordings.ledger import RecordingState, Waiting, expect, failed, keep_copied, waiting_after
from obzvon.recordings.store import RecordingStore, StoredRecording, Writer
from obzvon.reports.archive import Archive
from obzvon.vendors.base import Dialer
from obzvon.warehouse.db import connect_async

__all__ = ["CopySummary", "copy_recordings"]

log = logging.getLogger(__name__)
GROUP = 200
TRIES = 3
#: Different causes that are told one by one; each call has its own in `ops.recording`.
CAUSES = 20
# Two runs of one intent follow one another.
_HOLD = """
select pg_advisory_lock(hashtextextended('obzvon.recordings:' || id, 0)) from unnest(%s::text[]) id order by id
"""


@dataclass(frozen=True, slots=True)
class CopySummary:
    """Calls by what this run did with them; `left` had no turn before the time was up."""

    copied: int = 0
    bytes: int = 0
    missing: int = 0
    refused: int = 0
    left: int = 0


async def copy_recordings(
    dsn: str, archive: Archive, dialer: Dialer, plan_id: str, batch_no: int | None = None, *, pause: float = 1.0
) -> CopySummary:
    """Copy the recordings of a plan, or of one batch of it, whose calls are loaded and have no copy yet.

    Nothing is done where the campaign does not copy. A recording that is not there, or is not taken, is noted with its
    reason and stops no other one; one that was interrupted is asked for again at once, `pause` seconds apart. What the
    storage, the warehouse or the vendor's login raises ends the run.
    """
    rules = dialer.spec.recordings
    if not rules.copies:
        return CopySummary()
    account = dialer.session.account
    async with await connect_async(dsn) as conn:
        await conn.set_autocommit(True)
        intents = [intent.intent_id for intent in await intents_of(conn, plan_id, batch_no)]
        await conn.execute(_HOLD, (intents,))
        async with Downloads(
            account, dialer.session.authorization, limit=rules.max_bytes, concurrency=rules.concurrency
        ) as downloads:
            copying = _Copying(conn, RecordingStore(archive), downloads, pause)
            try:
                await copying.run(intents, rules.concurrency, rules.minutes * 60)
            except ExceptionGroup as group:
                raise _first(group) from None
            finally:
                copying.tell(account.conn_id)
        if dialer.spec.vendor.expects_recordings:
            await expect(conn, intents)
    summary = copying.summary()
    log.info("recordings: %s", summary)
    return summary


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


class _Copying:
    def __init__(
        self, conn: psycopg.AsyncConnection, store: RecordingStore, downloads: Downloads, pause: float
    ) -> None:
        self._conn, self._store, self._downloads, self._pause = conn, store, downloads, pause
        self._counts: Counter[str] = Counter()
        self._causes: Counter[tuple[RecordingState, str]] = Counter()

    async def run(self, intents: list[str], workers: int, seconds: float) -> None:
        """Copy until nothing waits; an error of one worker ends the others. None is begun after `seconds`."""
        ends = asyncio.get_running_loop().time() + seconds
        queue: asyncio.Queue[Waiting | None] = asyncio.Queue(workers)
        async with asyncio.TaskGroup() as pool:
            for _ in range(workers):
                pool.create_task(self._work(queue, ends))
            after = ""
            while group := await waiting_after(self._conn, intents, after, GROUP):
                for one in group:
                    await queue.put(one)
                after = group[-1].vendor_call_id
            for _ in range(workers):
                await queue.put(None)

    def summary(self) -> CopySummary:
        """What was done so far."""
        return CopySummary(**self._counts)

    def tell(self, conn_id: str) -> None:
        """One warning a cause, the most frequent first: a host that nobody allowed stops every call alike."""
        for (state, cause), calls in self._causes.most_common(CAUSES):
            log.warning(
                "%d recordings %s: %s (connection %s; docs/operations.md, Recordings)", calls, state, cause, conn_id
            )
        if len(self._causes) > CAUSES:
            log.warning("%d further causes are in ops.recording, column last_error", len(self._causes) - CAUSES)

    async def _work(self, queue: asyncio.Queue[Waiting | None], ends: float) -> None:
        while (one := await queue.get()) is not None:
            if asyncio.get_running_loop().time() >= ends:
                self._counts["left"] += 1
            else:
                await self._copy(one)

    async def _copy(self, one: Waiting) -> None:
        tries = 0
        while True:
            tries += 1
            try:
                copy = await self._downloads.fetch(one.record_url, lambda kind: self._begin(one, kind))
            except RecordingError as error:
                if isinstance(error, RecordingAbsent) and error.passing and tries < TRIES:
                    await asyncio.sleep(self._pause * tries)
                    continue
                await self._note(one, error, tries)
            else:
                await self._keep(one, copy, tries)
            return

    async def _begin(self, one: Waiting, kind: Audio) -> Writer:
        return await self._store.writer(one.call, kind)

    async def _keep(self, one: Waiting, copy: StoredRecording, tries: int) -> None:
        if await keep_copied(self._conn, one.call, copy, tries):
            self._counts["copied"] += 1
            self._counts["bytes"] += copy.bytes
        else:
            log.warning("%s: erased while it was copied; the copy goes", one.call.uid)
            await asyncio.to_thread(self._store.remove, copy.path)

    async def _note(self, one: Waiting, error: RecordingError, tries: int) -> None:
        absent = isinstance(error, RecordingAbsent)
        state = RecordingState.MISSING if absent else RecordingState.REFUSED
        self._counts["missing" if absent else "refused"] += 1
        self._causes[state, str(error)] += 1
        await failed(self._conn, one.call, state, tries, str(error))
