"""A worker of the budget's tests, run as a process: asks one account as fast as its budget lets it."""

from __future__ import annotations

import asyncio
import sys

from obzvon.vendors.budget import request_budget
from obzvon.vendors.http import Account, VendorSession

AT_ONCE = 4


async def work(dsn: str, url: str, name: str, rate: str, burst: str, seconds: str) -> None:
    account = Account(url, "robot@obzvon.example", options={"requests_per_second": rate, "burst": burst})
    async with (
        request_budget(dsn, "qolio", account, 1) as budget,
        VendorSession("qolio", account, budget=budget) as http,
    ):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        end = asyncio.get_running_loop().time() + float(seconds)

        async def ask() -> None:
            while asyncio.get_running_loop().time() < end:
                await http.read("GET", "/", action="look", params={"worker": name})

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(ask())


if __name__ == "__main__":
    asyncio.run(work(*sys.argv[1:]))
