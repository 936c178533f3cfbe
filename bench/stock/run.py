"""Runs the stock pipelines under the fault cases in a real Airflow and writes one JSON line a case.

python -m bench.stock.run                          # all cases, ten to fifteen minutes on two cores
python -m bench.stock.run --case 'twin-*-create'   # some of them; lines of other cases in the file are kept
python -m bench.stock.run --list
"""

from __future__ import annotations

import fnmatch
import json
import queue
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import psutil
import typer
from bench.stock.cases import MEETING, Case, every
from bench.stock.judge import figures
from bench.stock.scene import BenchApi, Lane, Scene, Unsuitable

from obzvon.local.home import Home
from obzvon.local.stack import Stack
from obzvon.sandbox.process import running_sandbox

ROOT = Path(__file__).resolve().parents[2]
DAGS = Path(__file__).parent / "dags"
RESULTS = Path(__file__).parent / "results.jsonl"
TRIES = 2
LONG_ENOUGH = 36_000.0  # real seconds a token lives: it dies only where a case says so


class BenchStack(Stack):
    """The local stack with the stock DAGs, and with connections that lead each lane to its sandbox."""

    def __init__(self, home: Home, lanes: Sequence[Lane]) -> None:
        super().__init__(home, say=_say)
        self._lanes = lanes

    @property
    def environment(self) -> dict[str, str]:
        env = super().environment | _accounts(self._lanes)
        env["AIRFLOW_CONN_STOCK_WAREHOUSE"] = json.dumps(self.server.connection("obzvon_warehouse"))
        return env | {
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(self.home.folder / "no-plugins"),
            "AIRFLOW__CORE__PARALLELISM": "8",
        }

    def kill_scheduler(self) -> None:
        """SIGKILL to the scheduler and to all workers and tasks under it, then start it again."""
        victims = [psutil.Process(pid) for pid in self.airflow["scheduler"].members()]
        for victim in victims:
            victim.kill()
        psutil.wait_procs(victims, timeout=20)
        self.up()


def _accounts(lanes: Sequence[Lane]) -> dict[str, str]:
    robot = "robot@obzvon.example"
    found: dict[str, dict[str, Any]] = {
        "dialog_account": {"conn_type": "http", "login": robot, "password": "sandbox-dialog-password"},
        "twin_account": {"conn_type": "http", "login": robot, "password": "sandbox-twin-password"},
    }
    for lane in lanes:
        for vendor, name in lane.vendor_connections.items():
            found[name] = {"conn_type": "http", "host": f"{lane.sandbox}/{vendor}"}
            if vendor == "qolio":  # HttpHook sends the extra's keys as headers
                found[name]["extra"] = {"Authorization": "sandbox-qolio-integration-token"}
    return {f"AIRFLOW_CONN_{name}".upper(): json.dumps(value) for name, value in found.items()}


@dataclass(slots=True)
class Bench:
    """The running stack and its free lanes."""

    stack: BenchStack
    lanes: queue.Queue[Lane]

    def line(self, case: Case) -> dict[str, Any]:
        """The case's JSON line. A case that did not come to its moment is tried once more."""
        lane = self.lanes.get()
        try:
            for tries_left in reversed(range(1 if case.shared else TRIES)):
                try:
                    return self._line(case, lane)
                except (Unsuitable, httpx.HTTPError):
                    if not tries_left:
                        raise
            raise AssertionError("unreachable")
        finally:
            self.lanes.put(lane)

    def _line(self, case: Case, lane: Lane) -> dict[str, Any]:
        address = self.stack.address
        table = f"stock_{case.id.replace('-', '_')}_{time.time_ns() % 10**9}"
        admin = httpx.Client(base_url=f"{lane.sandbox}/_sandbox", timeout=60, trust_env=False)
        with admin, BenchApi(address.web, address.user, address.password) as api:
            admin.post("/reset").raise_for_status()
            scene = Scene(self.stack, lane, case.vendor, table, api, admin)
            try:
                return _played(case, scene)
            except BaseException:
                scene.abandon()
                raise


def _played(case: Case, scene: Scene) -> dict[str, Any]:
    case.move(scene)
    if not all(scene.hits(number) for number in scene.faults):
        raise Unsuitable("the fault struck nobody")
    states = scene.finish()
    return {
        "pipeline": "stock",
        "case": case.id,
        "vendor": case.vendor,
        "fault": case.fault,
        "point": case.point,
        **figures(scene),
        "ended": "success" if set(states) == {"success"} else "failed",
        "measured": datetime.now(UTC).date().isoformat(),
    }


@contextmanager
def running(lanes: int, keep: Path | None) -> Iterator[Bench]:
    """The stack and its sandboxes in a folder of their own, gone afterwards unless `keep` names one."""
    folder = keep or Path(tempfile.mkdtemp(prefix="obzvon-stock-"))
    with ExitStack() as stacked:
        if keep is None:
            stacked.callback(shutil.rmtree, folder, ignore_errors=True)
        options = {"dialog_token_seconds": LONG_ENOUGH, "twin_token_seconds": LONG_ENOUGH}
        made = [
            Lane(n, stacked.enter_context(running_sandbox(folder / f"lane{n}", **options)).base_url)
            for n in range(lanes)
        ]
        stack = BenchStack(Home(ROOT, folder), made)
        stacked.callback(stack.down)
        stack.up()
        _until_dags(stack)
        free: queue.Queue[Lane] = queue.Queue()
        for lane in made:
            free.put(lane)
        yield Bench(stack, free)


def _until_dags(stack: BenchStack) -> None:
    end = time.monotonic() + 120
    with stack.api() as api:
        while not {"stock_dialog", "stock_twin"} <= set(api.dags()):
            if time.monotonic() > end:
                raise Unsuitable(f"the DAGs do not appear: {api.import_errors()}")
            time.sleep(0.5)


def measure(bench: Bench, cases: Sequence[Case], lanes: int) -> Iterator[dict[str, Any]]:
    """The lines as they come; a case that cannot be measured is said on stderr and has none."""
    own, shared = [c for c in cases if not c.shared], [c for c in cases if c.shared]
    meetings = [shared[start : start + lanes] for start in range(0, len(shared), lanes)]  # all of one must fit in
    pool = ThreadPoolExecutor(lanes)
    try:
        for batch in (own, *meetings):
            MEETING.barrier = threading.Barrier(max(1, len(batch)), action=bench.stack.kill_scheduler)
            jobs = {pool.submit(bench.line, case): case for case in batch}
            for job in as_completed(jobs):
                try:
                    yield job.result()
                except Exception:  # noqa: BLE001 - one case must not cost the others
                    _say(f"  {jobs[job].id}: not measured\n{traceback.format_exc()}")
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # after Ctrl-C the rest must not be waited for


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _write(out: Path, lines: dict[str, dict[str, Any]], order: list[str]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(f"{json.dumps(lines[name])}\n" for name in order if name in lines))


def main(
    case: Annotated[list[str] | None, typer.Option(help="Only cases whose id matches; * is a wildcard.")] = None,
    out: Annotated[Path, typer.Option(help="JSON lines; other cases' lines in it are kept.")] = RESULTS,
    lanes: Annotated[int, typer.Option(min=1, help="Cases at once.")] = 4,
    keep: Annotated[Path | None, typer.Option(help="State folder to keep, for a look into the logs.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Print the cases as JSON lines and stop.")] = False,
) -> None:
    """Run the stock pipelines under faults and write what came of it."""
    chosen = _chosen(case)
    if list_:
        for one in chosen:
            print(json.dumps({"case": one.id, "vendor": one.vendor, "fault": one.fault, "point": one.point}))
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `timeout` and CI must not leave a stack behind
    order = [one.id for one in every()]
    old = [json.loads(text) for text in out.read_text().splitlines()] if out.exists() else []
    lines = {line["case"]: line for line in old if line["case"] in order}
    began, done = time.monotonic(), 0
    with running(lanes, keep) as bench:
        for line in measure(bench, chosen, lanes):
            done += 1
            lines[line["case"]] = line
            _write(out, lines, order)
            _say(f"  {done:>3}/{len(chosen)} {time.monotonic() - began:5.0f} s  {_sentence(line)}")
    _say(f"{done} of {len(chosen)} cases written to {out}")
    if out == RESULTS:
        _say("docs/faults.md takes them over with: PYTHONPATH=tests .venv/bin/python -m faults --page")
    if done < len(chosen):
        raise typer.Exit(1)


def _chosen(wanted: Sequence[str] | None) -> list[Case]:
    """The cases that a pattern matches; a pattern that matches nothing is refused before anything is started."""
    ids = [one.id for one in every()]
    for pattern in wanted or ():
        if not fnmatch.filter(ids, pattern):
            raise typer.BadParameter(f"no case matches {pattern!r}; --list shows all")
    return [one for one in every() if not wanted or any(fnmatch.fnmatch(one.id, pattern) for pattern in wanted)]


def _sentence(line: dict[str, Any]) -> str:
    names = ("twice", "lost", "orphaned", "table_duplicates", "qolio_doubled")
    return f"{line['case']:<38} " + ", ".join(f"{name} {line[name]}" for name in names) + f", {line['ended']}"


if __name__ == "__main__":
    typer.run(main)
