"""A vendor that only has reports: tasks and campaigns that run, and whose reports become complete at stated moments.

    python -m bench.reporting SOCKET_FD CONTACTS [TASKS]

It answers what waiting and collecting ask of TWIN and of Dialog, and the same report under `/stock/` for peers: 404 as
long as it is not complete. `PUT /moments/<task>` says when (seconds since the epoch) and what comes then: "the last
row", or "the end of the window", after which a report that had all its rows counts. The vendor's clock (`Date`) runs
3,600 times as fast as ours after the window, so that a minute without a change is no minute of waiting. With TASKS it
is ours, and so many tasks run and are listed, whose reports never change: what only waits is measured by these.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal

from aiohttp import web
from bench.campaign import Reports, document
from bench.environment import OURS, ROOT

__all__ = ["AT_LAST", "LAST_ROW", "OVER", "WINDOW", "Reporting", "reporting"]

LAST_ROW, OVER = "the last row", "the end of the window"
#: The window of all intents (UTC), far from the real clock, which is not the vendor's.
WINDOW = (datetime(2035, 5, 20, 7, tzinfo=UTC), datetime(2035, 5, 20, 17, tzinfo=UTC))
AT_LAST = WINDOW[1] + timedelta(days=2)
SPEED = 3600
UNDER_WAY = "Идёт разговор"
What = Literal["the last row", "the end of the window"]


@dataclass
class Vendor:
    """Reports by task. `contacts`: people of a task; task n has those of chunk n. `tasks`: those that run and change
    nothing, by our clock; 0: only those count of which moments were told."""

    contacts: int
    tasks: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    moments: dict[str, tuple[float, What]] = field(default_factory=dict)
    began: float = field(default_factory=time.time)
    _reports: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._counting()])
        app.add_routes(
            [
                web.get("/journal", self._journal),
                web.put("/moments/{task}", self._moment),
                web.get("/cis/api/v1/telephony/autoCall", self._tasks),
                web.get("/cis/api/v1/telephony/autoCall/{task}", self._task),
                web.get("/analyse/api/v1/search/cis/calls", self._calls),
                web.post("/api/analytics/{project}/report", self._report),
                web.get("/stock/{task}", self._stock),
            ]
        )
        return app

    def _counting(self) -> Any:
        @web.middleware
        async def counted(request: web.Request, handler: Any) -> web.StreamResponse:
            first = request.path.split("/")[1]
            if first not in {"journal", "moments"}:
                self.asked["tasks" if first == "cis" else "reports"] += 1
            answer: web.StreamResponse = await handler(request)
            return answer

        return counted

    async def _journal(self, request: web.Request) -> web.Response:
        return web.json_response({"requests": self.asked.total(), **self.asked})

    async def _moment(self, request: web.Request) -> web.Response:
        told = await request.json()
        self.moments[request.match_info["task"]] = (told["at"], told["what"])
        return web.json_response({})

    async def _tasks(self, request: web.Request) -> web.Response:
        """All tasks of the account, by pages."""
        offset, limit = (int(request.query.get(name, default)) for name, default in (("offset", 0), ("limit", 1000)))
        names = [str(number) for number in range(self.tasks)] or list(self.moments)
        counts = {"candidateCount": self.contacts, "callCount": self.contacts}
        items = [
            {"id": {"identity": name}, "name": name, "status": "IN_PROGRESS", **counts}
            for name in names[offset : offset + limit]
        ]
        return self._answer({"items": items, "count": len(names)}, self._now)

    async def _task(self, request: web.Request) -> web.Response:
        return self._answer({"status": "IN_PROGRESS"}, self._now)

    @property
    def _now(self) -> datetime:
        return datetime.now(UTC) if self.tasks else WINDOW[0]

    async def _calls(self, request: web.Request) -> web.Response:
        """TWIN's calls: tasks are only waited for, so they run and their calls ring."""
        rows = range(self.contacts if request.query.get("offset") == "0" else 0)
        items = [
            {"id": f"k{n}", "status": "NOANSWER", "createdAt": WINDOW[0].isoformat(), "externalId": f"{n}"}
            for n in rows
        ]
        return self._answer({"items": items, "count": self.contacts}, self._now)

    async def _report(self, request: web.Request) -> web.Response:
        """Dialog's report: half of its rows, or all of them."""
        body = await request.json()
        task = str(body["analytics_filter"]["outgoing_campaign_id"])
        at, what = self.moments.get(task, (float("inf"), OVER))
        passed = time.time() >= at
        running = timedelta(seconds=(time.time() - self.began) * SPEED)
        now = AT_LAST + running if what == LAST_ROW or passed else WINDOW[0] + running / SPEED
        half, whole = self._reports_of(task)
        now = self._now if self.tasks else now
        return self._answer(whole if what == OVER or passed else half, now)

    async def _stock(self, request: web.Request) -> web.Response:
        task = request.match_info["task"]
        if time.time() < self.moments.get(task, (float("inf"), OVER))[0]:
            raise web.HTTPNotFound
        return self._answer(self._reports_of(task)[1], AT_LAST)

    def _reports_of(self, task: str) -> tuple[bytes, bytes]:
        if task not in self._reports:
            first = 1 + self.contacts * int(task)
            dials = Reports(False).rows(iter(range(first, first + self.contacts)))
            rows = [row for row in dials if row["status"] != UNDER_WAY]  # a call under way is waited for
            self._reports[task] = document(rows[: max(1, len(rows) // 2)]), document(rows)
        return self._reports[task]

    @staticmethod
    def _answer(body: bytes | dict[str, Any], now: datetime) -> web.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        date = format_datetime(now.replace(microsecond=0), usegmt=True)
        return web.Response(body=raw, content_type="application/json", headers={"Date": date})


@dataclass(frozen=True, slots=True)
class Reporting:
    """Where the server is, and what it was asked."""

    url: str

    def journal(self) -> dict[str, int]:
        with urllib.request.urlopen(f"{self.url}/journal", timeout=60) as answer:
            told: dict[str, int] = json.load(answer)
        return told


@contextmanager
def reporting(contacts: int, tasks: int = 0) -> Iterator[Reporting]:
    """A server in a process of its own for the length of a block."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listening:
        command = [str(OURS), "-m", "bench.reporting", str(listening.fileno()), str(contacts), str(tasks)]
        process = subprocess.Popen(command, cwd=ROOT, pass_fds=[listening.fileno()])
        try:
            yield Reporting(f"http://127.0.0.1:{listening.getsockname()[1]}")
        finally:
            process.terminate()
            process.wait(30)


async def _serve(descriptor: int, contacts: int, tasks: int = 0) -> None:
    runner = web.AppRunner(Vendor(contacts, tasks).app(), access_log=None, keepalive_timeout=75)
    await runner.setup()
    await web.SockSite(runner, socket.socket(fileno=descriptor), backlog=4096).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(*map(int, sys.argv[1:])))
