"""What a user would send records with. Each function posts the lines of a file and returns its own seconds."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HEADERS = {"Content-Type": "application/json"}


def http_hook(file: str, url: str, workers: int, calls: int) -> dict[str, Any]:
    """Airflow's HttpHook in a loop."""
    parts = urlsplit(url)
    os.environ["AIRFLOW_CONN_BENCH"] = f"{parts.scheme}://{parts.netloc}"
    from airflow.providers.http.hooks.http import HttpHook

    bodies = _bodies(file, calls)
    hook = HttpHook("POST", http_conn_id="bench")
    started = time.perf_counter()
    for body in bodies:
        hook.run(parts.path, data=body, headers=HEADERS)
    return {"seconds": time.perf_counter() - started}


def one_by_one(file: str, url: str, workers: int, calls: int) -> dict[str, Any]:
    """A requests session in a loop."""
    import requests

    bodies = _bodies(file, calls)
    started = time.perf_counter()
    with requests.Session() as session:
        for body in bodies:
            session.post(url, data=body, headers=HEADERS, timeout=60).raise_for_status()
    return {"seconds": time.perf_counter() - started}


def requests_threads(file: str, url: str, workers: int, calls: int) -> dict[str, Any]:
    """A pool of threads, a session each."""
    from concurrent.futures import ThreadPoolExecutor
    from threading import local

    import requests

    own, bodies = local(), _bodies(file, calls)

    def post(body: bytes) -> None:
        if not hasattr(own, "session"):
            own.session = requests.Session()
        own.session.post(url, data=body, headers=HEADERS, timeout=60).raise_for_status()

    started = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(post, bodies))
    return {"seconds": time.perf_counter() - started}


def httpx_async(file: str, url: str, workers: int, calls: int) -> dict[str, Any]:
    """httpx's AsyncClient with as many workers."""
    import asyncio

    import httpx

    left = iter(_bodies(file, calls))

    async def main() -> None:
        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=workers), timeout=60) as client:

            async def work() -> None:
                for body in left:
                    (await client.post(url, content=body, headers=HEADERS)).raise_for_status()

            await asyncio.gather(*(work() for _ in range(workers)))

    started = time.perf_counter()
    asyncio.run(main())
    return {"seconds": time.perf_counter() - started}


def _bodies(file: str, calls: int) -> list[bytes]:
    return Path(file).read_bytes().splitlines()[:calls]
