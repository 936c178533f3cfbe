"""Bodies of events on their way to the disk: many at once, each answered for when it is there and not before.

One writer stores in one statement what has come together while it wrote the last. Equal bodies are stored once and
counted. After the commit whoever listens on CHANNEL is told which vendor campaigns something came for.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

import psycopg

from obzvon.errors import ContractBreak, ObzvonError
from obzvon.events.bell import CHANNEL, Ring
from obzvon.vendors.base import Event

__all__ = ["Arrived", "Inbox", "InboxAway", "InboxFull"]

log = logging.getLogger(__name__)

#: Bodies, and bytes of them, that one statement stores.
MOST_AT_ONCE, MOST_BYTES_AT_ONCE = 2_000, 8 << 20
#: Bytes that wait to be stored. Who comes then waits for a place, SECONDS_FOR_A_PLACE at most.
MOST_WAITING = 32 << 20
SECONDS_FOR_A_PLACE = 5.0
#: So long the warehouse may take for a statement. TWIN repeats what is not answered with 200.
SECONDS_TO_STORE = 10.0
#: Between two tellings, seconds: a flood of events is no flood of notifications.
TELL_EVERY = 0.05
#: A larger body is not read here; who waits is told that something came.
MOST_READ = 64 << 10

# In the order of their keys, so that two writers wait for each other and do not lock each other out.
_STORE = """
insert into pii.vendor_event as e (vendor_code, conn_id, sha256, body, bytes, times)
select * from unnest(%s::text[], %s::text[], %s::text[], %b::bytea[], %s::int[], %s::int[]) new (v, c, s, b, n, t)
order by s
on conflict (sha256) do update set times = e.times + excluded.times
"""
_TELL = "select pg_notify(%s, %s)"


class InboxFull(ObzvonError):
    """More came than could be stored in time. Nothing of this body is kept; the vendor repeats it."""


class InboxAway(ObzvonError):
    """The warehouse did not take it. The body may be stored or not; the vendor repeats it."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """One body: for which vendor, by the address of which connection."""

    vendor: str
    conn_id: str
    body: bytes
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha256", hashlib.sha256(self.body).hexdigest())


#: Reads a body of a vendor; ContractBreak for what is no event.
Reads = Callable[[str, bytes], Event]


class Inbox:
    """The writer and its queue, of one event loop. It starts with the first body; `close` stores what waits."""

    def __init__(self, dsn: str, reads: Reads) -> None:
        self._dsn, self._reads = dsn, reads
        self._queue: asyncio.Queue[tuple[Arrived, asyncio.Future[None]]] = asyncio.Queue()
        self._room = asyncio.Condition()
        self._waiting = 0
        self._conn: psycopg.AsyncConnection | None = None
        self._writer: asyncio.Task[None] | None = None
        self._ring, self._told_at = Ring(), float("-inf")

    async def put(self, arrived: Arrived) -> None:
        """Returns when the body is on the disk. InboxFull or InboxAway where it may not be."""
        await self._enter(len(arrived.body))
        try:
            if self._writer is None or self._writer.done():
                self._writer = asyncio.create_task(self._work())
            stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._queue.put_nowait((arrived, stored))
            await stored
        finally:
            await asyncio.shield(self._leave(len(arrived.body)))

    async def close(self) -> None:
        """Store what waits, then end."""
        if self._writer is not None:
            async with self._room:
                await self._room.wait_for(lambda: not self._waiting)
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        await self._hang_up()

    async def _enter(self, size: int) -> None:
        async with self._room:
            try:
                async with asyncio.timeout(SECONDS_FOR_A_PLACE):
                    await self._room.wait_for(lambda: not self._waiting or self._waiting + size <= MOST_WAITING)
            except TimeoutError:
                raise InboxFull(f"{MOST_WAITING >> 20} MiB of events wait to be stored") from None
            self._waiting += size

    async def _leave(self, size: int) -> None:
        async with self._room:
            self._waiting -= size
            self._room.notify_all()

    async def _work(self) -> None:
        while True:
            batch = await self._next()
            if batch:
                await self._answered(batch)
            if self._ring and monotonic() >= self._told_at + TELL_EVERY:
                await self._tell()

    async def _next(self) -> list[tuple[Arrived, asyncio.Future[None]]]:
        """What has come; nothing where only a telling is due."""
        until = max(0.0, self._told_at + TELL_EVERY - monotonic()) if self._ring else None
        try:
            async with asyncio.timeout(until):
                batch = [await self._queue.get()]
        except TimeoutError:
            return []
        size = len(batch[0][0].body)
        while not self._queue.empty() and len(batch) < MOST_AT_ONCE and size < MOST_BYTES_AT_ONCE:
            batch.append(self._queue.get_nowait())
            size += len(batch[-1][0].body)
        return batch

    async def _answered(self, batch: list[tuple[Arrived, asyncio.Future[None]]]) -> None:
        """Store, and tell each how that ended."""
        error: InboxAway | None = None
        try:
            async with asyncio.timeout(SECONDS_TO_STORE):
                await self._store([arrived for arrived, _ in batch])
        except (psycopg.Error, OSError, TimeoutError) as found:
            log.error("%d events could not be stored: %s", len(batch), type(found).__name__)
            error = InboxAway("the warehouse does not take events now")
            await self._hang_up()
        for _, stored in batch:
            if not stored.done():  # who asked may be gone
                stored.set_exception(error) if error else stored.set_result(None)
        if error is None:
            for arrived, _ in batch:
                self._read(arrived)

    async def _store(self, batch: list[Arrived]) -> None:
        times: dict[str, int] = {}
        for each in batch:
            times[each.sha256] = times.get(each.sha256, 0) + 1
        rows = list({each.sha256: each for each in batch}.values())
        conn = await self._connected()
        await conn.execute(
            _STORE,
            (
                [each.vendor for each in rows], [each.conn_id for each in rows], [each.sha256 for each in rows],
                [each.body for each in rows], [len(each.body) for each in rows], [times[each.sha256] for each in rows],
            ),
        )  # fmt: skip

    def _read(self, arrived: Arrived) -> None:
        """Note whom to wake. It is stored already: what cannot be read here loses nothing."""
        if len(arrived.body) > MOST_READ:
            self._ring.unnamed()
            return
        try:
            event = self._reads(arrived.vendor, arrived.body)
        except ContractBreak:
            self._ring.unnamed()
        else:
            self._ring.add(event.task_id, turned=event.turned)

    async def _tell(self) -> None:
        ring, self._ring, self._told_at = self._ring, Ring(), monotonic()
        try:
            async with asyncio.timeout(SECONDS_TO_STORE):
                conn = await self._connected()
                for payload in ring.payloads():
                    await conn.execute(_TELL, (CHANNEL, payload))
        except (psycopg.Error, OSError, TimeoutError) as found:
            log.warning("nobody could be told of new events: %s; who waits looks anyway", type(found).__name__)
            await self._hang_up()

    async def _connected(self) -> psycopg.AsyncConnection:
        if self._conn is None or self._conn.closed:
            self._conn = await psycopg.AsyncConnection.connect(
                self._dsn, autocommit=True, connect_timeout=5, application_name="obzvon events",
                options=f"-c timezone=UTC -c statement_timeout={int(SECONDS_TO_STORE)}s",
            )  # fmt: skip
        return self._conn

    async def _hang_up(self) -> None:
        if self._conn is not None:
            conn, self._conn = self._conn, None
            await conn.close()
