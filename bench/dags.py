"""Parsing the DAG file of all campaigns: what Airflow's DAG processor does every half a minute.

ours: a fresh process imports airflow.sdk, then runs `dags/campaigns.py` over a folder of so many campaign files. The
floor imports airflow.sdk and stops there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.environment import ROOT
from bench.frame import Bench, Kind, Options, Sample, Way, run_child

__all__ = ["BENCH"]

DEMO = ROOT / "include" / "campaigns" / "demo_twin.yaml"


def ours(campaigns: str, count: int) -> dict[str, Any]:
    """Every DAG of the folder."""
    started = time.perf_counter()
    sdk = floor()["seconds"]
    import obzvon_provider.operators.plan  # noqa: F401, PLC0415 - what a DAG needs besides Airflow, once a process

    imported = time.perf_counter()
    import runpy  # noqa: PLC0415

    os.environ["OBZVON_CAMPAIGNS"] = campaigns
    found = runpy.run_path(str(ROOT / "dags" / "campaigns.py"))
    ended = time.perf_counter()
    dags = sum(name.startswith("campaign__") for name in found)
    if dags < count:
        raise RuntimeError(f"{dags} DAGs of {count}")
    figures = {
        "airflow.sdk s": sdk,
        "operators s": imported - started - sdk,
        "DAGs s": ended - imported,
        "ms a campaign above the floor": (ended - started - sdk) / count * 1000,
    }
    return {"seconds": ended - started, "figures": figures, "state": "same"}


def floor() -> dict[str, Any]:
    """airflow.sdk alone."""
    started = time.perf_counter()
    import airflow.sdk  # noqa: PLC0415

    airflow.sdk.DAG  # noqa: B018 - its names are imported when they are asked for
    return {"seconds": time.perf_counter() - started}


@dataclass
class Folders:
    """Campaign files, by their number."""

    folders: dict[int, Path]
    home: Path
    postgres: None = None

    def measure(self, way: Way) -> dict[str, Sample]:
        env = {"AIRFLOW_HOME": str(self.home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        own = {n: {"campaigns": str(f), "count": n} if way.kind is Kind.OURS else {} for n, f in self.folders.items()}
        return {f"{n:,} campaign files": run_child(way, own[n], **env) for n in self.folders}


@contextmanager
def scene(options: Options, folder: Path) -> Iterator[Folders]:
    """Copies of a demo campaign under names of their own."""
    text, folders = DEMO.read_text("utf-8"), {}
    for count in sorted({1, max(1, options.size // 10), options.size}):
        folders[count] = folder / str(count)
        folders[count].mkdir(parents=True)
        for number in range(count):
            name = f"bench_{number}"
            file = folders[count] / f"{name}.yaml"
            file.write_text(text.replace("name: demo_twin", f"name: {name}"), encoding="utf-8")
    yield Folders(folders, folder / "airflow")


BENCH = Bench(
    name="dags",
    title="DAG parse",
    size=500,
    tiny=3,
    unit="campaign files at most",
    ways=(
        Way("ours", Kind.OURS, "bench.dags:ours"),
        Way("importing airflow.sdk", Kind.FLOOR, "bench.dags:floor"),
    ),
    scene=scene,
    reach="≤ 10 ms per campaign above the floor; linear",
    growth=(),
    notes=("*operators* is what our operators import besides Airflow; Airflow's DAG processor has both in memory.",),
)
