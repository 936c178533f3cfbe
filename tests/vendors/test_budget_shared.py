"""Three processes, one account: the sandbox's journal says what its limit and its pauses are worth."""

from __future__ import annotations

import subprocess
import sys
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from itertools import pairwise
from math import floor
from pathlib import Path
from typing import Any

import httpx
import pytest

from obzvon.sandbox.process import Sandbox, running_sandbox

pytestmark = pytest.mark.stack
WORKER = Path(__file__).with_name("budget_worker.py")
NAMES = ("one", "two", "three")
RATE, BURST = 20, 5
#: What was under way when the vendor said stop arrives within this, seconds.
UNDER_WAY = 0.75


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path / "sandbox", speed=0) as running:
        yield running


def start(dsn: str, sandbox: Sandbox, name: str, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, WORKER, dsn, sandbox.qolio, name, str(RATE), str(BURST), str(seconds)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def journal(dsn: str, sandbox: Sandbox, seconds: float) -> list[dict[str, Any]]:
    """Every request of three workers that ask for so long, as they arrived. They begin together."""
    with ExitStack() as stack:
        workers = [stack.enter_context(start(dsn, sandbox, name, seconds)) for name in NAMES]
        for worker in workers:
            stack.callback(worker.kill)
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    found = httpx.get(f"{sandbox.admin}/requests", params={"limit": 100_000}, trust_env=False).json()
    return [{**entry, "at": datetime.fromisoformat(entry["at"]).timestamp()} for entry in found]


def names(entries: list[dict[str, Any]]) -> set[str]:
    return {entry["query"].partition("worker=")[2] for entry in entries}


def test_no_second_has_more_than_the_limit_and_the_burst(warehouse_dsn: str, sandbox: Sandbox) -> None:
    entries = journal(warehouse_dsn, sandbox, 6)
    moments = sorted(entry["at"] for entry in entries)
    windows = [bisect_left(moments, moment + 1) - number for number, moment in enumerate(moments)]
    assert max(windows) <= RATE + BURST
    assert len(moments) >= 0.7 * RATE * (moments[-1] - moments[0])
    assert names(entries) == set(NAMES)


@pytest.mark.parametrize("as_date", [False, True])
def test_a_pause_told_to_one_holds_all(warehouse_dsn: str, sandbox: Sandbox, as_date: bool) -> None:
    fault = {"do": "too_many", "vendor": "qolio", "skip": 20, "retry_after": 4, "as_date": as_date}
    httpx.post(f"{sandbox.admin}/faults", json=fault, trust_env=False).raise_for_status()
    entries = journal(warehouse_dsn, sandbox, 6)
    (refused,) = [entry["at"] for entry in entries if entry["status"] == 429]
    until = floor(refused + 4) if as_date else refused + 4
    before = [entry for entry in entries if entry["at"] < refused]
    after = [entry for entry in entries if entry["at"] > refused + UNDER_WAY]
    assert names(before) == names(after) == set(NAMES)
    assert until <= min(entry["at"] for entry in after) < until + 2
    # and the pause does not end in a rush
    moments = sorted(entry["at"] for entry in after)
    assert all(later - earlier < 1 for earlier, later in pairwise(moments))
    assert max(bisect_left(moments, moment + 1) - number for number, moment in enumerate(moments)) <= RATE + BURST
