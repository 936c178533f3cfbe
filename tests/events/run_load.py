"""2,000 valid events a second for a minute: how many are lost, and when a result is in the warehouse.

    make events-load          (PYTHONPATH=tests:tests/events python tests/events/run_load.py --rate 2000 --seconds 60)

The receiver runs in a server process of its own (uvicorn), the sender in this one over keep-alive connections, beside
PostgreSQL that writes to the disk: three processes on the machine's cores. The mover works meanwhile as the DAG has it.
Prints what was sent, answered, stored and loaded, what it cost the processor, and the time from the body's coming to
its row; exits with 1 where an event that was answered with 200 is not in the warehouse.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import uvicorn
from event_bodies import ended, rung, twin_plan
from loading import SECRET
from receiving import KEY, inbox_of, receiver

from obzvon.events.bell import Ear
from obzvon.events.follow import follow
from obzvon.events.mover import Mover, pending
from obzvon.local.postgres import Postgres
from obzvon.reports.archive import Archive
from obzvon.warehouse.db import connect
from obzvon.warehouse.migrate import migrate

PATH = f"/twin_default/{KEY}"
CONNECTIONS = 32


def serve(listener: socket.socket, dsn: str) -> None:
    """The receiver, until the process is ended."""
    app = receiver(inbox_of(dsn), webhook_networks="127.0.0.0/8")
    config = uvicorn.Config(app, access_log=False, log_level="warning", lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def served(dsn: str) -> Iterator[tuple[int, psutil.Process]]:
    """The port of a receiver in a process of its own, and that process."""
    listener = socket.create_server(("127.0.0.1", 0))
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(listener, dsn), daemon=True)
    process.start()
    try:
        with socket.create_connection(listener.getsockname(), 120) as first:
            first.sendall(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
            assert first.recv(12) == b"HTTP/1.1 404"  # it is up
        yield int(listener.getsockname()[1]), psutil.Process(process.pid)
    finally:
        process.terminate()
        process.join()
        listener.close()


@dataclass(slots=True)
class Answers:
    """How often each status came, and how long each answer took, seconds."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    took: float = 0.0


async def sent(port: int, bodies: list[bytes], rate: float) -> Answers:
    """Post every body at the rate, or as near as the machine comes."""
    found, began, numbers = Answers(), time.monotonic(), iter(range(len(bodies)))

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            asked, body = time.monotonic(), bodies[number]
            head = f"POST {PATH} HTTP/1.1\r\nhost: h\r\ncontent-length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            found.statuses[int(answer[9:12])] += 1
            found.seconds.append(time.monotonic() - asked)
        writer.close()

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    found.took = time.monotonic() - began
    return found


class Moving(threading.Thread):
    """The mover beside it, as the DAG has it, until nothing more will come."""

    def __init__(self, dsn: str, folder: Path) -> None:
        super().__init__(daemon=True)
        self._dsn, self._folder = dsn, folder
        self.all_sent = threading.Event()
        self.problems: list[Exception] = []

    def run(self) -> None:
        until = datetime.now(UTC) + timedelta(hours=1)
        with connect(self._dsn) as conn:
            conn.autocommit = True
            mover, ear = Mover(conn, Archive(self._folder), secret=SECRET), Ear(self._dsn)
            mover.begin()
            while not (self.all_sent.is_set() and not pending(conn)):
                follow(mover, ear, until, quiet=0.5)
            ear.close()
            self.problems += mover.problems


class Watching(threading.Thread):
    """Sees when rows can be read: a load notes its beginning, and its commit comes later. Every so manieth call."""

    def __init__(self, dsn: str, calls: list[str]) -> None:
        super().__init__(daemon=True)
        self._dsn, self._left = dsn, set(calls)
        self.ends = threading.Event()
        self.seconds: list[float] = []

    def run(self) -> None:
        with connect(self._dsn) as conn:
            conn.autocommit = True
            while self._left and not self.ends.wait(0.03):
                rows = conn.execute(_SEEN, (list(self._left),)).fetchall()
                self.seconds += [float(seconds) for _, seconds in rows]
                self._left -= {call for call, _ in rows}


_SEEN = """
select f.vendor_call_id, extract(epoch from clock_timestamp() - e.received_at)
from dwh.fact_call_attempt f join pii.vendor_event e using (vendor_code, vendor_call_id)
where f.vendor_call_id = any(%s)
"""
SAMPLES = 300


def told(name: str, values: list[float]) -> str:
    """Median and tail."""
    cuts = statistics.quantiles(values, n=100) if len(values) > 1 else values * 99
    return f"{name}: median {cuts[49]:.3f} s, 95 % {cuts[94]:.3f} s, 99 % {cuts[98]:.3f} s, most {max(values):.3f} s"


def main() -> int:
    """One measurement; 0 where nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=2000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--contacts", type=int, default=5000)
    asked = parser.parse_args()
    bodies = [rung(ended(n, n % asked.contacts + 1)) for n in range(1, int(asked.rate * asked.seconds) + 1)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = Postgres(folder / "pg", durable=True)
        server.start()
        server.create_database("events")
        dsn = server.url("events")
        migrate(dsn)
        with connect(dsn) as conn:
            twin_plan(conn, asked.contacts)
        try:
            return measured(dsn, folder, bodies, asked.rate)
        finally:
            server.stop()


def measured(dsn: str, folder: Path, bodies: list[bytes], rate: float) -> int:
    """Send, wait until all is moved, compare, print."""
    mover, step = Moving(dsn, folder), max(1, len(bodies) // SAMPLES)
    watching = Watching(dsn, [f"k{number}" for number in range(1, len(bodies) + 1, step)])
    with served(dsn) as (port, process):
        mover.start()
        watching.start()
        answers = asyncio.run(sent(port, bodies, rate))
        mover.all_sent.set()
        mover.join()
        watching.join(30)
        watching.ends.set()
        cpu = sum(process.cpu_times()[:2])
    with connect(dsn) as conn:
        (stored, archived, times) = conn.execute(
            "select count(*), count(*) filter (where outcome = 'archived'), sum(times) from pii.vendor_event"
        ).fetchall()[0]
        loaded = conn.execute("select count(*) from dwh.fact_call_attempt").fetchall()[0][0]
    said = {
        "sent": len(bodies), "seconds": round(answers.took, 1), "a second": round(len(bodies) / answers.took),
        "answers": dict(answers.statuses), "stored": stored, "archived": archived, "came": int(times),
        "in the warehouse": loaded, "receiver's CPU, ms an event": round(1000 * cpu / len(bodies), 3),
        "load of the machine": round(os.getloadavg()[0], 1),
    }  # fmt: skip
    sys.stdout.write(
        json.dumps(said) + "\n" + told("answer", answers.seconds) + "\n" + told("event to row", watching.seconds) + "\n"
    )
    whole = answers.statuses[200] <= stored == archived == loaded == len(bodies) and not mover.problems
    return 0 if whole and not set(answers.statuses) - {200} else 1


if __name__ == "__main__":
    sys.exit(main())
