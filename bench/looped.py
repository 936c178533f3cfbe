"""Triggers in one event loop as Airflow's triggerer runs them, and what that loop and its process feel. No Obzvon here.

As the triggerer: made from import path and arguments that went through JSON, fifty at a time, each a task of its own
with a greenback portal. Not as the triggerer: connections come from the environment and not through its supervisor, and
there is no log file for each trigger; both cost the same for every trigger.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import greenback

__all__ = ["Waited", "waited"]

#: `[triggerer] max_trigger_to_select_per_loop`.
AT_ONCE = 50
TICK = 0.01
Serialized = tuple[str, Mapping[str, Any]]
Journal = Callable[[], Mapping[str, int]]


@dataclass
class Waited:
    """What waiting cost. `blocked_ms`: the longest the loop did nothing else, by the clock and by this process' CPU."""

    seconds: float
    kib_each: float
    start_seconds: float
    requests: Mapping[str, int]
    cpu: float
    files: int
    complaints: int
    ended: int
    starting: _Lag
    steady: _Lag

    def figures(self) -> dict[str, float]:
        """As a sample has them; requests and CPU seconds are of a minute."""
        minute = 60 / self.seconds
        return {
            "KiB an intent": self.kib_each,
            "requests a minute": self.requests.get("requests", 0) * minute,
            "of them for reports": self.requests.get("reports", 0) * minute,
            "CPU s a minute": self.cpu * minute,
            "longest block ms": self.steady.own_ms,
            "by the clock ms": self.steady.clock_ms,
            "garbage collector ms": self.steady.collector_ms,
            "longest block while starting ms": self.starting.own_ms,
            "garbage collector while starting ms": self.starting.collector_ms,
            "start s": self.start_seconds,
            "open files": self.files,
            "warnings": self.complaints,
            "ended early": self.ended,
        }


@dataclass
class _Lag:
    clock_ms: float = 0.0
    own_ms: float = 0.0
    collector_ms: float = 0.0


class _Watch:
    """Sleeps a moment over and over; whatever comes on top is the time in which the loop did nothing else.

    Another program that has the processor makes it late too, so the CPU time of this process bounds what is its own.
    """

    def __init__(self) -> None:
        self.lag, self._began = _Lag(), 0.0

    def fresh(self) -> _Lag:
        """What was felt since the last call."""
        lag, self.lag = self.lag, _Lag()
        return lag

    def collecting(self, phase: str, info: Mapping[str, int]) -> None:
        """Python's garbage collector begins or ends: nothing else runs meanwhile, whoever made it necessary."""
        if phase == "start":
            self._began = time.perf_counter()
        else:
            self.lag.collector_ms = max(self.lag.collector_ms, (time.perf_counter() - self._began) * 1000)

    async def run(self) -> None:
        while True:
            began, spent = time.perf_counter(), time.process_time()
            await asyncio.sleep(TICK)
            late = (time.perf_counter() - began - TICK) * 1000
            own = min(late, (time.process_time() - spent) * 1000)
            self.lag.clock_ms, self.lag.own_ms = max(self.lag.clock_ms, late), max(self.lag.own_ms, own)


class _Complaints(logging.Handler):
    """Counts warnings."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1


@dataclass
class _Running:
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self, triggers: Sequence[Serialized]) -> None:
        for first in range(0, len(triggers), AT_ONCE):
            for path, arguments in triggers[first : first + AT_ONCE]:
                self.tasks.append(asyncio.create_task(_run(path, json.dumps(arguments))))
                await asyncio.sleep(0)
            await asyncio.sleep(1)

    @property
    def ended(self) -> int:
        return sum(task.done() for task in self.tasks)


async def _run(path: str, arguments: str) -> None:
    await greenback.ensure_portal()
    module, name = path.rsplit(".", 1)
    trigger = getattr(importlib.import_module(module), name)(**json.loads(arguments))
    async for _ in trigger.run():
        return


def waited(triggers: Sequence[Serialized], journal: Journal, *, poll: float, seconds: float) -> Waited:
    """Run the triggers until each has looked, then measure so long. The first one alone is the line memory counts from.

    `journal`: what the server was asked so far; `poll`: the longest until every trigger has looked.
    """
    return asyncio.run(_waited(triggers, journal, poll, seconds))


async def _waited(triggers: Sequence[Serialized], journal: Journal, poll: float, seconds: float) -> Waited:
    complaints, watch, running = _Complaints(), _Watch(), _Running()
    logging.getLogger().addHandler(complaints)
    await running.start(triggers[:1])
    await asyncio.sleep(poll)  # imports, the first login, the first look
    alone = _resident()
    watching = asyncio.create_task(watch.run())
    gc.callbacks.append(watch.collecting)
    began = time.perf_counter()
    await running.start(triggers[1:])
    start_seconds = time.perf_counter() - began
    await asyncio.sleep(poll)
    starting, before, cpu = watch.fresh(), await asyncio.to_thread(journal), time.process_time()
    began, most, files = time.perf_counter(), 0, 0
    while time.perf_counter() - began < seconds:
        await asyncio.sleep(min(1.0, seconds / 4))
        most, files = max(most, _resident()), max(files, len(os.listdir("/proc/self/fd")))
    took = time.perf_counter() - began
    cpu, steady, ended = time.process_time() - cpu, watch.fresh(), running.ended
    after = await asyncio.to_thread(journal)
    gc.callbacks.remove(watch.collecting)
    watching.cancel()
    for task in running.tasks:
        task.cancel()
    await asyncio.gather(*running.tasks, watching, return_exceptions=True)
    each = (most - alone) / (len(triggers) - 1) / 1024 if len(triggers) > 1 else 0.0
    asked = {name: after[name] - before.get(name, 0) for name in after}
    return Waited(took, each, start_seconds, asked, cpu, files, complaints.count, ended, starting, steady)


def _resident() -> int:
    """Bytes this process has in memory."""
    with open("/proc/self/statm", encoding="ascii") as stream:
        return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
