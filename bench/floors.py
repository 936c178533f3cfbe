"""What nobody gets under: PostgreSQL's own COPY, reading a file, bare POSTs. Imports little."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

__all__ = ["copy", "post", "post_in_order", "read_only", "send_in_order"]

HEADERS = {"Content-Type": "application/json"}
Request = tuple[str, str, bytes]  # method, address, body


def copy(psql: str, dsn: str, files: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """psql's `\\copy` of prepared binary files, a transaction a table: table -> its columns, and the file's path."""
    commands = [f"\\copy {table} ({columns}) from '{path}' (format binary)" for table, (columns, path) in files.items()]
    parts = [part for command in commands for part in ("-c", command)]
    started = time.perf_counter()
    subprocess.run([psql, "-q", "-X", "-v", "ON_ERROR_STOP=1", dsn, *parts], check=True)
    return {"seconds": time.perf_counter() - started, "peak_mib": None}


def read_only(files: Sequence[str]) -> dict[str, Any]:
    """`wc -c`."""
    started = time.perf_counter()
    subprocess.run(["wc", "-c", *files], check=True, stdout=subprocess.DEVNULL)
    return {"seconds": time.perf_counter() - started, "peak_mib": None}


def post(file: str, url: str, workers: int, calls: int) -> dict[str, Any]:
    """aiohttp posts the first lines of a file with so many workers; they are in memory before the clock starts."""
    bodies = Path(file).read_bytes().splitlines()[:calls]
    return _posted([("POST", url, body) for body in bodies], workers)


def post_in_order(url: str, folder: str) -> dict[str, Any]:
    """aiohttp sends the POSTs among the requests in a folder, one after the other."""
    return _posted([each for each in _kept(url, folder) if each[0] == "POST"], 1) | {"peak_mib": None}


def send_in_order(url: str, folder: str) -> dict[str, Any]:
    """aiohttp sends all requests in a folder, one after the other."""
    return _posted(_kept(url, folder), 1) | {"peak_mib": None}


def _kept(url: str, folder: str) -> list[Request]:
    """Requests as files: a line with method and path, then the body."""
    found = list[Request]()
    for file in sorted(Path(folder).iterdir()):
        line, body = file.read_bytes().split(b"\n", 1)
        method, path = line.decode().split(" ", 1)
        found.append((method, url + path, body))
    return found


def _posted(requests: Sequence[Request], workers: int) -> dict[str, Any]:
    started = time.perf_counter()
    asyncio.run(_post_all(iter(requests), workers))
    return {"seconds": time.perf_counter() - started}


async def _post_all(left: Iterable[Request], workers: int) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=workers)) as session:

        async def work() -> None:
            for method, url, body in left:
                async with session.request(method, url, data=body or None, headers=HEADERS) as answer:
                    answer.raise_for_status()
                    await answer.read()

        await asyncio.gather(*(work() for _ in range(workers)))
