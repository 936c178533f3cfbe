"""What was to be reached is said of results: that it holds, or by how much and why it does not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench.__main__ import ROWS  # noqa: E402
from bench.page import reached  # noqa: E402
from bench.targets import TARGETS, verdicts  # noqa: E402

GROWN = {"plan": {"sizes": [100, 1000, 10_000], "seconds": [1, 10, 100], "peak_mib": [90.0, 95.0, 300.0]}}


def way(name: str, kind: str, *seconds: float, peak: float = 90.0, **figures: float) -> dict[str, Any]:
    samples = [{"seconds": s, "peak_mib": peak, "idle_mib": 50.0, "state": "same", "figures": figures} for s in seconds]
    return {"name": name, "kind": kind, "said": None, "samples": samples}


def told(row: str, size: int, cases: dict[str, Any], growth: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"row": row, "size": size, "cases": cases, "growth": growth or {}}


def found(*results: dict[str, Any]) -> dict[str, tuple[float, str]]:
    return {each.target.says: (each.value, each.said) for each in verdicts(results)}


def test_medians_are_judged_against_the_fastest_peer_that_ended_alike() -> None:
    slow, wrong = way("pandas", "peer", 40.0, 50.0, 60.0), way("fast and wrong", "peer", 1.0)
    wrong["samples"][0]["state"] = "differs"
    ours = way("ours", "ours", 9.0, 20.0, 10.0, **{"load step s": 8.0})
    floor = way("psql \\copy binary", "floor", 4.0)
    seen = found(told("load", 1000, {"slim": [ours, slow, wrong, floor]}))
    assert seen["whole, times faster than the fastest peer, slim"] == (5.0, "holds")
    assert seen["load step by the clock, × floor, slim"] == (2.0, "**short by 33 %**")
    assert "again, × the first load, slim" not in seen  # no results, no verdict


#: What was asked for, by row: loosening one is a decision and not a slip.
LIMITS = {
    "load": {1.5, 3, 1, 0, 300, 1.15},
    "parse": {3, 1.15},
    "deliver": {0.9, 60, 20},
    "plan": {60, 1.1, 500},
    "launch": {0.8, 0},
    "waiting": {50, 0, 2, 6},
    "dags": {10},
    "ready": {5},
    "marts": {5, 1},
}


def test_the_limits_are_those_that_were_asked_for() -> None:
    assert {row: {target.limit for target in TARGETS if target.row == row} for row in LIMITS} == LIMITS
    floors = {target.limit for target in TARGETS if target.least}
    assert floors == {0.8, 0.9, 3, 20}


def test_time_is_of_a_million_and_memory_of_every_size() -> None:
    seen = found(
        told("plan", 500_000, {"plan": [way("ours", "ours", 35.0)]}, {"plan": GROWN["plan"] | {"exponent": 1.2}})
    )
    assert seen["seconds for 1,000,000 contacts"] == (70.0, "**short by 17 %**")
    assert seen["exponent of growth"] == (1.2, "**short by 9 %**")
    assert seen["memory at the most, MiB"] == (300.0, "holds")


def test_a_limit_of_nothing_has_no_percent() -> None:
    case = "TWIN, batches of 1,000"
    seen = found(told("launch", 10, {case: [way("ours", "ours", 1.0, doubled=1.0)]}))
    assert seen[f"contacts sent twice, {case}"] == (1.0, "**falls short**")


def test_the_page_says_why_once() -> None:
    results = told(
        "launch",
        10,
        {c: [way("ours", "ours", 2.0), way("bare POSTs", "floor", 1.0)] for c in ("TWIN, batches of 1,000",)},
    )
    text = "\n".join(reached([results]))
    assert (
        "| launch, 10 | share of the speed of bare POSTs, TWIN, batches of 1,000 | ≥ 0.80 | 0.50 | **short by 38 %** |"
        in text
    )
    assert text.count("\n* launch: ") == 1


@pytest.mark.parametrize("row", [row for row in ROWS if row != "airflow"])
def test_every_row_has_something_to_reach(row: str) -> None:
    """`airflow` has nothing: it is printed."""
    assert [target for target in TARGETS if target.row == row]
