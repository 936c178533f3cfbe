"""What is done to a stock pipeline while it runs. A move starts the run, strikes at its moment and sees the run end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil
from bench.stock.scene import Scene, Unsuitable

Move = Callable[[Scene], None]

#: Real seconds a request is kept before the vendor handles it: long enough to find and stop a process.
HOLD = 3.0
#: Longer than the timeout of the pipeline's requests (10 s).
LATE = 14.0
#: As in the real world at the speed of the bench: what an hour takes.
FULL_SPEED = 3600.0

CREATE = {"dialog": r"/api/campaigns$", "twin": r"/autoCall$"}
CREATE_TASK = {"dialog": "create_campaign", "twin": "create_task"}
RESULTS = {"dialog": r"/report$", "twin": r"/calls$"}
FETCH_TASK = {"dialog": "fetch_report", "twin": "fetch_calls"}
QOLIO = r"/phone_calls$"


@dataclass(frozen=True, slots=True)
class Request:
    """A request of the pipeline: which task sends it, and how a fault script knows it."""

    task_id: str
    method: str
    path: str
    vendor: str = ""

    def script(self, vendor: str, **fault: Any) -> dict[str, Any]:
        return {"vendor": self.vendor or vendor, "method": self.method, "path": self.path, **fault}


def create(vendor: str) -> Request:
    return Request(CREATE_TASK[vendor], "POST", CREATE[vendor])


CANDIDATES = Request("add_candidates", "POST", r"/autoCallCandidate/batch$")
PLAY = Request("play", "POST", r"/play$")
DELIVER = Request("deliver", "POST", QOLIO, "qolio")


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


def page_twice(scene: Scene) -> None:
    """The second page of the results shows the first one's rows: rows have moved between the pages meanwhile."""
    scene.start()
    _until_success(scene, "wait")
    page = _first_page(scene)
    scene.fault(**results(scene.vendor).script(scene.vendor, do="answer", status=200, body=page, skip=1))
    scene.finish()


def _first_page(scene: Scene) -> dict[str, Any]:
    """What the pipeline will be shown first, asked for with its own token rights."""
    site = str(scene.admin.base_url).replace("/_sandbox/", "/twin/")
    account = {"email": "robot@obzvon.example", "password": "sandbox-twin-password"}
    token = scene.admin.post(f"{site}iam/api/v1/auth/login", json=account).json()["token"]
    query = {"taskId": scene.look("campaigns", vendor="twin")[0]["task_id"], "limit": 25, "offset": 0}
    # without a journal entry of a reader the judge could take for the pipeline: it looks at the table only
    answer = scene.admin.get(
        f"{site}analyse/api/v1/search/cis/calls", params=query, headers={"Authorization": f"Bearer {token}"}
    )
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def redials_come_late(scene: Scene) -> None:
    """Whoever did not answer is dialled again an hour later; each number has had its first row long before."""
    scene.clock(speed=60)
    plain(scene, attempts=2)


# death of the task's process -----------------------------------------------------------------------------------


def killed_before_answer(request: Request) -> Move:
    """kill -9 when the vendor has done what was asked and the task has not read the answer."""

    def move(scene: Scene) -> None:
        number = scene.fault(**request.script(scene.vendor, do="delay", delay=HOLD))
        scene.start()
        scene.until(lambda: scene.hits(number) == 1, f"{request.task_id} sends its request")
        process = scene.process(request.task_id)
        with scene.stopped(process):
            _until_done(scene, request)
            process.kill()
        scene.finish()

    return move


def killed_after_answer(request: Request) -> Move:
    """kill -9 when the task has read the answer and Airflow has not heard of it: what the answer said goes with it.

    The supervisor, through which a task tells Airflow anything, is stopped while the answer arrives.
    """

    def move(scene: Scene) -> None:
        number = scene.fault(**request.script(scene.vendor, do="delay", delay=HOLD))
        scene.start()
        scene.until(lambda: scene.hits(number) == 1, f"{request.task_id} sends its request")
        process = scene.process(request.task_id)
        with scene.stopped(_supervisor(process)):
            _until_done(scene, request)
            time.sleep(1)  # the answer is read; nothing tells an outsider so
            process.kill()
        scene.finish()

    return move


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
    with scene.connect() as conn:
        with conn.transaction():
            conn.execute(f"lock table {scene.table}")
            scene.start()
            _until_insert_waits(scene)
            process = scene.process("load")
            supervisor = _supervisor(process)
            supervisor.suspend()
        try:
            scene.until(lambda: bool(scene.rows()), "the rows are there", 30)
            process.kill()
        finally:
            supervisor.resume()
    scene.finish()


def killed_in_delivery(after: int) -> Move:
    """kill -9 while Qolio has so many of the calls and works on the next."""

    def move(scene: Scene) -> None:
        number = scene.fault(**DELIVER.script("qolio", do="delay", delay=HOLD, skip=after))
        scene.start()
        scene.until(lambda: scene.hits(number) == 1, "the delivery is under way")
        scene.kill("deliver")
        scene.finish()

    return move


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
    scene.api.mark_failed(scene.runs[0], "wait")
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
        number = scene.fault(**request.script(scene.vendor, do="delay", delay=HOLD))
        scene.start()
        scene.until(lambda: scene.hits(number) == 1, f"{request.task_id} sends its request")
        os_process = scene.process(request.task_id)
        os_process.suspend()  # dies with the others, so nobody has to resume it
        _until_done(scene, request)
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


def _until_done(scene: Scene, request: Request) -> None:
    path = request.path.rstrip("$")
    scene.until(lambda: bool(_answered(scene, request.method, path)), "the vendor has done it", 30)


def _answered(scene: Scene, method: str, path: str) -> list[dict[str, Any]]:
    found = scene.look("requests", vendor=scene.vendor, method=method, path=path, bodies=False)
    return [entry for entry in found if entry["status"] == 200 and entry["path"].count(path)]


def _until_insert_waits(scene: Scene) -> None:
    waiting = "select count(*) from pg_locks where relation = %s::regclass and not granted"

    def waits() -> bool:
        with scene.connect() as conn:
            return bool((conn.execute(waiting, [scene.table]).fetchone() or (0,))[0])

    scene.until(waits, "the INSERT waits for the lock")


def _supervisor(process: psutil.Process) -> psutil.Process:
    parent = process.parent()
    if parent is None:
        raise Unsuitable("the task has no supervisor")
    return parent
