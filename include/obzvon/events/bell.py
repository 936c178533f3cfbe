"""Who waits is told that something came: one LISTEN connection of a process rings for everybody in it.

A ring is a hint and nothing else. It may be lost with its connection, so whoever waits looks by himself too, and it may
say too much, so whoever wakes looks before he acts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from time import monotonic

import psycopg

__all__ = ["CHANNEL", "Bell", "Ear", "Ring", "Waiter"]

log = logging.getLogger(__name__)

CHANNEL = "obzvon_events"
#: PostgreSQL takes 8,000 bytes of payload.
MOST_BYTES = 7_500
#: Pause before a lost connection is opened again, seconds.
AGAIN = 5.0
UNNAMED, TURNED = "*", "!"
#: Who is told that a campaign turned into another state looks so soon after the last look, seconds.
URGENT = 5.0
_TASK = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)
_OPTIONS = "-c timezone=UTC -c tcp_keepalives_idle=30"


class Ring:
    """The vendor campaigns that something came for, and those that turned into another state."""

    def __init__(self) -> None:
        self.tasks: set[str] = set()
        self.turned: set[str] = set()
        self.all = False

    def __bool__(self) -> bool:
        return self.all or bool(self.tasks)

    def add(self, task_id: str | None, *, turned: bool = False) -> None:
        """One event."""
        if task_id is None or not _TASK.fullmatch(task_id):
            self.unnamed()
            return
        self.tasks.add(task_id)
        if turned:
            self.turned.add(task_id)

    def unnamed(self) -> None:
        """Something came, nobody knows for whom."""
        self.all = True

    def payloads(self) -> list[str]:
        """What the notifications say, as few as the names need."""
        words = ([UNNAMED] if self.all else []) + [
            (TURNED if task in self.turned else "") + task for task in sorted(self.tasks)
        ]
        said: list[str] = []
        for word in words:
            if said and len(said[-1]) + len(word) < MOST_BYTES:
                said[-1] += f" {word}"
            else:
                said.append(word)
        return said

    @classmethod
    def heard(cls, payload: str) -> Ring:
        """A notification understood. Anybody who may connect can notify: what is no id is passed over."""
        ring = cls()
        for word in payload.split():
            if word == UNNAMED:
                ring.unnamed()
            elif _TASK.fullmatch(task := word.removeprefix(TURNED)):
                ring.add(task, turned=word.startswith(TURNED))
        return ring


class Waiter:
    """Somebody who waits for some vendor campaigns, or for whatever comes (None), and does something after each sleep.

    What is not named wakes only the latter: a thousand who wait shall not look at once because a bell was mended.
    """

    def __init__(self, tasks: Collection[str] | None, least: float) -> None:
        self._tasks, self._least = None if tasks is None else frozenset(tasks), least
        self._rung = asyncio.Event()
        self._slept_until = monotonic()
        self._turned: set[str] = set()

    def hear(self, ring: Ring) -> None:
        """Wake up, if it is for us."""
        if self._tasks is None or self._tasks & ring.tasks:
            self._turned |= ring.turned if self._tasks is None else self._tasks & ring.turned
            self._rung.set()

    async def sleep(self, seconds: float) -> None:
        """So long, or until the bell rings, but then `least` seconds after the last sleep; URGENT where one turned."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
                while (pause := self._pause()) > 0:
                    self._rung.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(pause):
                            await self._rung.wait()
        self._rung.clear()
        self._slept_until = monotonic()

    def _pause(self) -> float:
        least = min(URGENT, self._least) if self._turned else self._least
        return self._slept_until + least - monotonic()

    def turned(self) -> frozenset[str]:
        """Vendor campaigns that turned since this was asked last."""
        turned, self._turned = frozenset(self._turned), set()
        return turned


class Bell:
    """The LISTEN connections of one event loop, one a warehouse, open while somebody waits."""

    def __init__(self) -> None:
        self._waiters: dict[str, set[Waiter]] = {}
        self._listening: dict[str, asyncio.Task[None]] = {}

    @asynccontextmanager
    async def waiter(self, dsn: str, tasks: Collection[str] | None, least: float = 0.0) -> AsyncIterator[Waiter]:
        """Somebody who hears the bell as long as the block lasts."""
        waiter = Waiter(tasks, least)
        self._waiters.setdefault(dsn, set()).add(waiter)
        if dsn not in self._listening:
            self._listening[dsn] = asyncio.create_task(self._listen(dsn))
        try:
            yield waiter
        finally:
            self._waiters[dsn].discard(waiter)
            if not self._waiters[dsn]:
                del self._waiters[dsn]
                listening = self._listening.pop(dsn)
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self, dsn: str) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    dsn, autocommit=True, connect_timeout=10, application_name="obzvon bell", options=_OPTIONS
                ) as conn:
                    await conn.execute(f"listen {CHANNEL}")
                    self._ring(dsn, Ring.heard(UNNAMED))  # what came while nobody listened
                    async for notification in conn.notifies():
                        self._ring(dsn, Ring.heard(notification.payload))
            except (psycopg.Error, OSError) as error:
                log.warning("the bell of events is silent (%s); who waits looks by himself", type(error).__name__)
            await asyncio.sleep(AGAIN)

    def _ring(self, dsn: str, ring: Ring) -> None:
        for waiter in self._waiters.get(dsn, ()):
            waiter.hear(ring)


class Ear:
    """The same for one that waits without an event loop. Hears from the moment it is made."""

    def __init__(self, dsn: str) -> None:
        self._conn = psycopg.connect(
            dsn, autocommit=True, connect_timeout=10, application_name="obzvon ear", options=_OPTIONS
        )
        self._conn.execute(f"listen {CHANNEL}")

    def close(self) -> None:
        """Hear no more."""
        self._conn.close()

    def wait(self, seconds: float) -> bool:
        """Whether something came, within so many seconds; what comes together is one ring."""
        return any(True for _ in self._conn.notifies(timeout=seconds, stop_after=1))
