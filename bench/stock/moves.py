"""What is done to a stock pipeline while it runs. A move starts the run, strikes at its moment and sees the run end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import psutil
from bench.stock.scene import Scene, Unsuitable

Move = Callable[[Scene], None]

#: Longer than the timeout of the pipeline's requests (10 s).
LATE = 14.0
#: As in the real world at the speed of the bench: what an hour takes.
FULL_SPEED = 3600.0

CREATE = {"dialog": r"/api/campaigns$", "twin": r"/autoCall$"}
CREATE_TASK = {"dialog": "create_campaign", "twin": "create_task"}
RESULTS = {"dialog": r"/report$", "twin": r"/calls$"}
FETCH_TASK = {"dialog": "fetch_report", "twin": "fetch_calls"}
#: Rows in a page of the stock pipeline's results.
PAGE = 25


@dataclass(frozen=True, slots=True)
class Request:
    """A request of the pipeline: which task sends it, and how a fault script knows it."""

    task_id: str
    method: str
    path: str
    vendor: str = ""
    skip: int = 0

    def script(self, vendor: str, **fault: Any) -> dict[str, Any]:
        """The fault script; it lets the first `skip` of these requests pass."""
        who = {"vendor": self.vendor or vendor, "method": self.method, "path": self.path}
        return {**who, "skip": self.skip, **fault}


def create(vendor: str) -> Request:
    return Request(CREATE_TASK[vendor], "POST", CREATE[vendor])


CANDIDATES = Request("add_candidates", "POST", r"/autoCallCandidate/batch$")
PLAY = Request("play", "POST", r"/play$")
#: In the middle of it: seven calls are delivered, the eighth is struck.
DELIVER = Request("deliver", "POST", r"/phone_calls$", "qolio", skip=7)


def results(vendor: str) -> Request:
    return Request(FETCH_TASK[vendor], "POST" if vendor == "dialog" else "GET", RESULTS[vendor])


def poll(vendor: str) -> Request:
    return Request("wait", "POST", RESULTS["dialog"]) if vendor == "dialog" else Request("wait", "GET", r"/autoCall/")


# the network and the vendor ------------------------------------------------------------------------------------


def plain(scene: Scene, **params: Any) -> None:
    """Nothing goes wrong."""
    scene.start(**params)
    scene.finish()


def with_fault(request: Request, **fault: Any) -> Move:
    """The fault strikes the request; it is set up before the run starts."""

    def move(scene: Scene) -> None:
        scene.fault(**request.script(scene.vendor, **fault))
        plain(scene)

    return move


def with_late_fault(request: Request, **fault: Any) -> Move:
    """The same, set up when the wait is over: the polls before it look like the request itself."""

    def move(scene: Scene) -> None:
        scene.start()
        _until_success(scene, "wait")
        scene.fault(**request.script(scene.vendor, **fault))
        scene.finish()

    return move


def token_dies(scene: Scene) -> None:
    """Every token of the vendor is worth nothing from the second look of the wait on."""
    request = poll(scene.vendor)
    scene.clock(speed=0)
    number = scene.fault(**request.script(scene.vendor, do="token_death", skip=1))
    scene.start()
    scene.until(lambda: scene.hits(number) == 1, "the token dies")
    scene.clock(speed=FULL_SPEED)
    scene.finish()


def redials_come_late(scene: Scene) -> None:
    """Whoever did not answer is dialled again an hour later; each number has had its first row long before."""
    scene.clock(speed=60)
    plain(scene, attempts=2)


# death of the task's process -----------------------------------------------------------------------------------


def killed_asked(request: Request) -> Move:
    """kill -9 when the request is on its way and the vendor has not handled it; it never will."""
    return _killed_while_held(request, "hold_before")


def killed_accepted(request: Request) -> Move:
    """kill -9 when the vendor has done what was asked and the task has no answer yet."""
    return _killed_while_held(request, "hold")


def _killed_while_held(request: Request, do: str) -> Move:
    def move(scene: Scene) -> None:
        _start_and_hold(scene, request, do)
        scene.kill(request.task_id)
        scene.finish()

    return move


def killed_answered(request: Request) -> Move:
    """kill -9 when the task has read the answer and Airflow has not heard of it: what the answer said goes with it.

    The supervisor, through which a task tells Airflow anything, is stopped while the answer arrives.
    """

    def move(scene: Scene) -> None:
        _start_and_hold(scene, request, "hold")
        process = scene.process(request.task_id)
        with stopped(_supervisor(process)):
            scene.release()
            time.sleep(1)  # the answer is read; nothing tells an outsider so
            process.kill()
        scene.finish()

    return move


def _start_and_hold(scene: Scene, request: Request, do: str) -> None:
    scene.fault(**request.script(scene.vendor, do=do))
    scene.start()
    scene.until(lambda: bool(scene.look("held")), f"{request.task_id} sends its request")


def killed_in_load(scene: Scene) -> None:
    """kill -9 while the rows are being written: the table is locked by somebody, the INSERT waits."""
    scene.make_table()
    with scene.connect() as conn, conn.transaction():
        conn.execute(f"lock table {scene.table}")
        scene.start()
        _until_insert_waits(scene)
        scene.kill("load")
        _until_retry(scene, "load")
    scene.finish()


def killed_after_load(scene: Scene) -> None:
    """kill -9 when the rows are committed and Airflow has not heard of it."""
    scene.make_table()
    with scene.connect() as conn, ExitStack() as later:
        with conn.transaction():
            conn.execute(f"lock table {scene.table}")
            scene.start()
            _until_insert_waits(scene)
            process = scene.process("load")
            later.enter_context(stopped(_supervisor(process)))
        scene.until(lambda: bool(scene.rows()), "the rows are there", 30)
        process.kill()
    scene.finish()


def killed_in_wait(scene: Scene) -> None:
    """kill -9 to the waiting task between two looks."""
    scene.clock(speed=0)
    scene.start()
    _until_polled(scene)
    scene.kill("wait")
    scene.clock(speed=FULL_SPEED)
    scene.finish()


# a person, a scheduler -----------------------------------------------------------------------------------------


def cleared_task(scene: Scene) -> None:
    """All went well; somebody clears the create task."""
    plain(scene)
    scene.api.clear_task(scene.runs[0], CREATE_TASK[scene.vendor])
    scene.finish()


def cleared_run(scene: Scene) -> None:
    """All went well; somebody clears the run."""
    plain(scene)
    scene.api.clear_run(scene.runs[0])
    scene.finish()


def two_runs(scene: Scene) -> None:
    """Two runs at once for the same date: two people, or a person and the schedule."""
    scene.start()
    plain(scene)


def second_run(scene: Scene) -> None:
    """The date is run again after the first run has ended, as a backfill does."""
    plain(scene)
    plain(scene)


def marked_failed(scene: Scene) -> None:
    """Somebody marks the wait failed because the list was wrong: the vendor is not told and dials on."""
    scene.clock(speed=0)
    scene.start()
    _until_polled(scene)
    process = scene.process("wait")
    scene.api.mark_failed(scene.runs[0], "wait")
    scene.until(lambda: not process.is_running(), "the task's process ends")
    scene.finish()
    scene.clock(speed=FULL_SPEED)


def scheduler_killed_in_wait(together: Callable[[], None]) -> Move:
    """kill -9 to the scheduler and all its workers while the wait goes on; Airflow comes back at once."""

    def move(scene: Scene) -> None:
        scene.clock(speed=0)
        scene.start()
        _until_polled(scene)
        together()
        scene.clock(speed=FULL_SPEED)
        scene.finish()

    return move


def scheduler_killed_in_create(together: Callable[[], None]) -> Move:
    """kill -9 to the scheduler and all its workers when the vendor has accepted and nobody has read the answer."""

    def move(scene: Scene) -> None:
        request = create(scene.vendor)
        _start_and_hold(scene, request, "hold")
        # a held answer must not make the request time out before the others are ready; the process dies with them
        scene.process(request.task_id).suspend()
        together()
        scene.finish()

    return move


# moments -------------------------------------------------------------------------------------------------------


def _until_success(scene: Scene, task_id: str) -> None:
    scene.until(lambda: scene.state(task_id) == "success", f"{task_id} succeeds")


def _until_retry(scene: Scene, task_id: str) -> None:
    run = scene.runs[0]
    scene.until(lambda: scene.api.task(run, task_id)["try_number"] > 1, f"{task_id} is tried again", 60)


def _until_polled(scene: Scene) -> None:
    request = poll(scene.vendor)
    path = request.path.rstrip("$")
    scene.until(lambda: bool(_answered(scene, request.method, path)), "the wait looks for the first time")


def _answered(scene: Scene, method: str, path: str) -> list[dict[str, Any]]:
    found = scene.look("requests", vendor=scene.vendor, method=method, path=path, bodies=False)
    return [entry for entry in found if entry["status"] == 200 and entry["path"].count(path)]


def _until_insert_waits(scene: Scene) -> None:
    waiting = "select count(*) from pg_locks where relation = %s::regclass and not granted"

    def waits() -> bool:
        with scene.connect() as conn:
            return bool((conn.execute(waiting, [scene.table]).fetchone() or (0,))[0])

    scene.until(waits, "the INSERT waits for the lock")


@contextmanager
def stopped(process: psutil.Process) -> Iterator[None]:
    """Whatever happens inside reaches the process only afterwards."""
    process.suspend()
    try:
        yield
    finally:
        process.resume()


def _supervisor(process: psutil.Process) -> psutil.Process:
    parent = process.parent()
    if parent is None:
        raise Unsuitable("the task has no supervisor")
    return parent
