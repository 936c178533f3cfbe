"""An HTTP server that costs next to nothing: it answers every request after a delay and keeps a journal.

    python -m bench.answering SOCKET_FD DELAY_MS [FOLDER]

With a folder it keeps all requests there, each as a line with method and path, and the body. It plays as much of TWIN
and Dialog as a launch needs: tasks have an id and a count of contacts.

Not the sandbox: that one checks and stores what it gets, which would be measured instead of the client.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from bench.environment import OURS, ROOT

__all__ = ["Journal", "answering"]

CREATE_TASK, ADD_CANDIDATES = "/telephony/autoCall", "/telephony/autoCallCandidate/batch"
NAME = re.compile(rb'"name":\s*"((?:[^"\\]|\\.)*)"')
TASK = re.compile(rb'"autoCallId":\s*"([^"]+)"')
LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
#: What a body's records are told apart by: Qolio's `uid`, TWIN's `clientExternalId`, Dialog's `phone`.
MARKS = re.compile(rb'"(?:uid|clientExternalId|phone)":\s*"([^"]+)"')
Journal = Mapping[str, Any]


class _Journal:
    def __init__(self) -> None:
        self.requests, self.bytes = 0, 0
        self.marks: Counter[bytes] = Counter()
        self.times: list[float] = []

    def note(self, moment: float, body: bytes, marks: list[bytes]) -> None:
        """Count one POST."""
        self.requests += 1
        self.bytes += len(body)
        self.times.append(moment)
        self.marks.update(marks)

    def told(self) -> dict[str, Any]:
        """Sums: `doubled` marks came more than once, `rate` is per second between first and last request."""
        times = self.times
        span = times[-1] - times[0] if len(times) > 1 else 0.0
        return {
            "requests": self.requests,
            "bytes": self.bytes,
            "distinct": len(self.marks),
            "doubled": sum(count > 1 for count in self.marks.values()),
            "rate": (len(times) - 1) / span if span else 0.0,
            "busiest": _busiest(times),
        }


def _busiest(times: list[float]) -> int:
    """The most requests within any one second."""
    most = start = 0
    for end, moment in enumerate(times):
        while times[start] <= moment - 1:
            start += 1
        most = max(most, end - start + 1)
    return most


class _Connection(asyncio.Protocol):
    """One kept-alive connection; requests of one connection come one after the other."""

    _numbers = itertools.count(1)  # of all connections

    def __init__(self, journal: _Journal, vendor: _Vendor, delay: float, folder: Path | None) -> None:
        self._journal, self._vendor, self._delay, self._folder = journal, vendor, delay, folder
        self._held = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (head := self._held.find(b"\r\n\r\n")) >= 0:
            found = LENGTH.search(self._held, 0, head + 2)
            size = head + 4 + (int(found[1]) if found else 0)
            if len(self._held) < size:
                return
            request, self._held = bytes(self._held[:size]), self._held[size:]
            self._answer(request, head)

    def _answer(self, request: bytes, head: int) -> None:
        line = request[: request.find(b"\r\n")].decode()
        method, path, _ = line.split(" ", 2)
        if path == "/journal":
            self._write(json.dumps(self._journal.told()).encode())
            return
        loop, body, marks = asyncio.get_running_loop(), request[head + 4 :], list[bytes]()
        if method == "POST":
            marks = MARKS.findall(body)
            self._journal.note(loop.time(), body, marks)
        if self._folder:
            name = f"{next(self._numbers):06d}"
            (self._folder / name).write_bytes(f"{method} {path}\n".encode() + body)
        path, _, query = path.partition("?")
        answer = json.dumps(self._vendor.answer(method, path, query, body, len(marks))).encode()
        if self._delay:
            loop.call_later(self._delay, self._write, answer)
        else:
            self._write(answer)

    def _write(self, body: bytes) -> None:
        if not self._transport.is_closing():
            head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Fri, 20 Nov 2026 08:00:00 GMT\r\n"
            self._transport.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


class _Vendor:
    """Tasks of TWIN with their names and how many contacts each was given; campaigns of Dialog have only a number."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._contacts: Counter[str] = Counter()
        self._campaigns = 0

    def answer(self, method: str, path: str, query: str, body: bytes, contacts: int) -> dict[str, Any]:
        if method == "POST" and path.endswith(CREATE_TASK):
            found, task = NAME.search(body), f"00000000-0000-4000-8000-{len(self._names):012d}"
            self._names[task] = json.loads(b'"' + found[1] + b'"') if found else ""
            return {"id": {"identity": task}}
        if path.endswith(ADD_CANDIDATES) and (named := TASK.search(body)):
            self._contacts[named[1].decode()] += contacts
            return {}
        if path.endswith(CREATE_TASK):
            return self._listed(query)
        if method == "POST" and path.endswith("/campaigns"):
            self._campaigns += 1
            return {"campaign": {"id": self._campaigns}}
        return {}

    def _listed(self, query: str) -> dict[str, Any]:
        word = parse_qs(query).get("keyword", [""])[0]
        found = [
            {"id": {"identity": task}, "name": name, "status": "NEW", "candidateCount": self._contacts[task]}
            for task, name in self._names.items()
            if word in name
        ]
        return {"items": found, "count": len(found)}


@contextmanager
def answering(delay_ms: float, bodies: Path | None = None) -> Iterator[_Client]:
    """A server in a process of its own for the length of a block."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        command = [str(OURS), "-m", "bench.answering", str(listening.fileno()), str(delay_ms)]
        command += [str(bodies)] if bodies else []
        process = subprocess.Popen(command, cwd=ROOT, pass_fds=[listening.fileno()])
        try:
            yield _Client(f"http://127.0.0.1:{listening.getsockname()[1]}")
        finally:
            process.terminate()
            process.wait(30)


class _Client:
    """Where the server is, and what it saw."""

    def __init__(self, url: str) -> None:
        self.url = url

    def journal(self) -> Journal:
        with urllib.request.urlopen(f"{self.url}/journal", timeout=60) as answer:
            told: Journal = json.load(answer)
        return told


async def _serve(descriptor: int, delay: float, folder: Path | None) -> None:
    journal, vendor = _Journal(), _Vendor()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(journal, vendor, delay, folder), sock=socket.socket(fileno=descriptor)
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2]) / 1000, Path(sys.argv[3]) if sys.argv[3:] else None))
