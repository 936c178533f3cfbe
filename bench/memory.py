"""Plan and load under the limit of memory that they promise: the kernel refuses more (RLIMIT_DATA).

    python -m bench memory --contacts 10000000 --rows 10000000

The limit covers imports too. What PostgreSQL needs is its own (`shared_buffers`, `work_mem`) and does not count.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import load, plan
from bench.child import LIMIT
from bench.environment import machine
from bench.frame import Sample, run_child
from bench.server import running

__all__ = ["LOAD_MIB", "PLAN_MIB", "SIZE", "run"]

SIZE = 10_000_000
PLAN_MIB, LOAD_MIB = 500, 300


def run(*, contacts: int, rows: int, quick: bool, results: Path | None, say: Callable[[str], None]) -> dict[str, Any]:
    """Both, one after the other; raises when one does not go through. Written to `results` where that is given."""
    with tempfile.TemporaryDirectory(prefix="obzvon-bench-") as folder:
        planned, postgres = _plan(Path(folder) / "plan", contacts, quick)
        say(_told("plan", contacts, "contacts", PLAN_MIB, planned))
        loaded = _load(Path(folder) / "load", rows, quick)
        say(_told("load", rows, "rows", LOAD_MIB, loaded))
    result = {
        "machine": machine(postgres),
        "plan": {"size": contacts, "limit_mib": PLAN_MIB, **asdict(planned)},
        "load": {"size": rows, "limit_mib": LOAD_MIB, **asdict(loaded)},
    }
    if results:
        results.mkdir(parents=True, exist_ok=True)
        (results / "memory.json").write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return result


def _plan(folder: Path, contacts: int, quick: bool) -> tuple[Sample, str]:
    with running(folder, durable=not quick) as database:
        plan.fill(database, folder, contacts)
        with database.copy() as dsn:
            own = {"dsn": dsn, "folder": str(folder), "contacts": contacts}
            return run_child(plan.BENCH.ways[0], own, **{LIMIT: str(PLAN_MIB)}), database.version


def _load(folder: Path, rows: int, quick: bool) -> Sample:
    with running(folder, durable=not quick) as database:
        scene, ours = load.filled("slim", database, "slim", folder / "slim", rows), load.BENCH.ways[0]
        with database.copy("slim") as dsn:
            return run_child(ours, scene.arguments(ours, dsn, "first"), **{LIMIT: str(LOAD_MIB)})


def _told(what: str, size: int, unit: str, limit: int, sample: Sample) -> str:
    return (
        f"{what} of {size:,} {unit} under a limit of {limit} MiB: {sample.seconds:.1f} s,"
        f" peak {sample.peak_mib:.0f} MiB ({sample.idle_mib:.0f} with its imports alone)"
    )
