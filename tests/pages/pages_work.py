"""How long a page takes, and how much of that is its own work and not its neighbours' on the machine.

A clock on the wall counts whoever else computes, the processors' time of the processes that make a page does not. So
both are asked. `work` is what the page would take alone: the web server's and the database's processor time, which
answer one after the other, and then that of the browser's thread that runs, lays out and paints it. `clock` is from the
click to the load event: it finds a page that waits and works little. How much longer than alone work takes at that
moment is asked of a piece of work in this process, and only that much is taken off the clock: waiting stays.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
from playwright.sync_api import Page

__all__ = ["Load", "Workers", "is_fast", "loads"]

LIMIT = 1000.0
_CLOCK = "performance.getEntriesByType('navigation')[0].loadEventEnd"


@dataclass(frozen=True, slots=True)
class Load:
    """One load of a page, in milliseconds; `stretch` is how many times longer than alone work took just before it."""

    clock: float
    work: float
    stretch: float = 1.0

    @property
    def alone(self) -> float:
        """What the clock would have shown on an idle machine."""
        return self.clock - self.work * (self.stretch - 1)


@dataclass(frozen=True, slots=True)
class Workers:
    """The processes behind a page."""

    server: psutil.Process
    postmaster: psutil.Process

    @classmethod
    def of(cls, port: int, data: Path) -> Workers:
        """The web server on a port, a child of this process, and the database whose files are in a folder."""
        command = {str(port), "airflow.api_fastapi.main:app"}
        (server,) = [p for p in psutil.Process().children(recursive=True) if command <= set(p.cmdline())]
        return cls(server, psutil.Process(int((data / "postmaster.pid").read_text().split()[0])))

    def seconds(self) -> float:
        """Processor time so far. The database's is that of backends that have ended, so their end is waited for."""
        end = time.monotonic() + 30
        while any(_is_at_work(process) for process in self.postmaster.children()):
            assert time.monotonic() < end, "a backend of the pages does not end"
            time.sleep(0.005)
        ended = self.postmaster.cpu_times()
        return sum(self.server.cpu_times()[:2]) + ended.children_user + ended.children_system


def _is_at_work(process: psutil.Process) -> bool:
    """True for a backend with a client, and for one that has ended and whose time is nobody's yet."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE or "[local]" in " ".join(process.cmdline())
    except psutil.ZombieProcess:
        return True
    except psutil.NoSuchProcess:
        return False


def _stretch() -> float:
    """How many times longer than alone some hundredths of a second of work take now."""
    clock, work = time.perf_counter(), time.process_time()
    while time.process_time() - work < 0.03:
        pass
    return max(1.0, (time.perf_counter() - clock) / (time.process_time() - work))


def loads(page: Page, url: str, workers: Workers, *, least: int = 3, most: int = 20) -> list[Load]:
    """Loads of a page in a tab: `least`, and more while neighbours have not let one through within the limit."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    found: list[Load] = []
    while len(found) < least or (len(found) < most and min(load.alone for load in found) >= LIMIT):
        stretch = _stretch()
        before = workers.seconds()
        page.goto(url)
        answered = 1000 * (workers.seconds() - before)
        shown = {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}
        found.append(Load(page.evaluate(_CLOCK), answered + 1000 * shown["TaskDuration"], stretch))
    return found


def is_fast(found: list[Load]) -> bool:
    """Less than a second of own work in the median load, and on an idle machine's clock in the best one."""
    return 0 < median(load.work for load in found) < LIMIT and min(load.alone for load in found) < LIMIT
