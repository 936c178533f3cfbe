"""Moments of a run and what strikes at them: ways to die, clicks in the UI."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import psutil
from real_airflow import kill

from faults.airflow_scene import Scene
from faults.world import Unsuitable
from obzvon.local.airflow_api import AirflowApiError, Run

#: A vendor campaign is stopped within so many seconds of the click.
STOP_SECONDS = 30.0
#: What a launch says that is told to end, but not by a user.
NOBODY = "no user has ended this task"

# --- moments ----------------------------------------------------------------------------------------------------------


def nothing(scene: Scene) -> None:
    """At once."""


def held(scene: Scene) -> None:
    """Every vendor holds an answer: it has done what was asked, and the worker does not know it."""
    scene.world.until(lambda: len(scene.world.book("held")) == len(scene.runs), "an answer is held", 90)


def deferred(scene: Scene) -> None:
    """Every wait is deferred and looked after; some people are dialled while others are still to come."""
    waiting = {"deferred"}
    scene.world.until(lambda: _states(scene, "batch.wait") == waiting, "they wait", 90)
    scene.world.until(lambda: all(map(scene.looked_at, scene.runs)), "the triggers look", 90)
    scene.some_are_dialled()


def backfill_is_refused(scene: Scene) -> None:
    """There is no backfill of a DAG without a schedule: running the date again is the only way."""
    for run in scene.every_run:
        days = {"from_date": f"{scene.day}T00:00:00Z", "to_date": f"{scene.day}T23:00:00Z"}
        try:
            scene.world.api.ask("POST", "/backfills", json={"dag_id": run.dag_id, **days})
        except AirflowApiError:
            continue
        raise Unsuitable("Airflow takes a backfill of a DAG without a schedule")


# --- ways to die ------------------------------------------------------------------------------------------------------


def kill_launch(scene: Scene) -> None:
    """SIGKILL of the processes in which the launches are carried out."""
    for run in scene.every_run:
        for process in _only(scene.world.workers(run, "batch.launch")):
            process.kill()


def shut_down(scene: Scene) -> None:
    """SIGTERM to the processes that watch over the launches; once that has arrived the vendors answer."""
    for run in scene.every_run:
        for process in _only(scene.world.workers(run, "batch.launch", watchers=True)):
            process.terminate()
    scene.world.until(lambda: all(_says(scene, run, NOBODY) for run in scene.every_run), "the launches are told", 60)
    scene.world.mend()
    scene.world.until(lambda: _states(scene, "batch.launch") == {"up_for_retry"}, "they are to be tried again", 60)
    if any(scene.stops(vendor) for vendor in scene.runs):
        raise Unsuitable("a deployment has stopped something")


def kill_scheduler(scene: Scene) -> None:
    """SIGKILL of the scheduler, its workers and their tasks."""
    _kill(scene, "scheduler")


def kill_triggerer(scene: Scene) -> None:
    """SIGKILL of the triggerer."""
    _kill(scene, "triggerer")


def kill_all(scene: Scene) -> None:
    """SIGKILL of everything that is Airflow."""
    _kill(scene, *scene.world.stack.airflow)


def crash_postgres(scene: Scene) -> None:
    """The database of Airflow and of the warehouse dies without a checkpoint and comes back."""
    pid_file = scene.world.stack.home.postgres / "data" / "postmaster.pid"
    server = psutil.Process(int(pid_file.read_text().splitlines()[0]))
    server.send_signal(signal.SIGQUIT)
    psutil.wait_procs([server], timeout=30)
    scene.world.stack.up()


def _kill(scene: Scene, *names: str) -> None:
    kill(*(scene.world.stack.airflow[name] for name in names))
    scene.world.mend()
    scene.world.stack.up()


# --- clicks -----------------------------------------------------------------------------------------------------------


def fail_launch(scene: Scene) -> None:
    """Mark the running launches failed; when all is stopped, clear them."""
    _stopped_by(scene, lambda: _mark(scene, "batch.launch"))
    _clear(scene, "batch.launch")


def fail_wait(scene: Scene) -> None:
    """Mark the deferred waits failed; when all is stopped, clear them."""
    _stopped_by(scene, lambda: _mark(scene, "batch.wait"))
    _clear(scene, "batch.wait")


def clear_wait(scene: Scene) -> None:
    """Clear the deferred waits."""
    _stopped_by(scene, lambda: [scene.world.clear(run, "batch.wait") for run in scene.every_run])


def switch_off(scene: Scene) -> None:
    """Calling is off until the runs have ended: what was dialled until then is collected all the same."""
    with scene.world.switched_off():
        _stopped_by(scene, lambda: None)
        scene.finish()


def clear_launch(scene: Scene) -> None:
    """Clear the launches of the finished runs, and what follows them."""
    _clear(scene, "batch.launch")


def clear_run(scene: Scene) -> None:
    """Clear the finished runs."""
    _clear(scene)


def run_again(scene: Scene) -> None:
    """One more run of the same date."""
    scene.start()


def _only(processes: list[psutil.Process]) -> list[psutil.Process]:
    if len(processes) != 1:
        raise Unsuitable(f"{len(processes)} processes carry out the launch")
    return processes


def _states(scene: Scene, task_id: str) -> set[str | None]:
    return {task.state for task in scene.world.tasks(scene.every_run, task_id)}


def _says(scene: Scene, run: Run, words: str) -> bool:
    (task,) = scene.world.tasks([run], "batch.launch")
    return any(words in line["event"] for line in scene.world.api.log(run, task))


def _mark(scene: Scene, task_id: str) -> None:
    for run in scene.every_run:
        for task in scene.world.tasks([run], task_id):
            scene.world.mark(run, task, "failed")


def _clear(scene: Scene, *task_ids: str) -> None:
    scene.world.until(lambda: all(_ended(scene, run.dag_id, run.run_id) for run in scene.every_run), "they end", 120)
    for run in scene.every_run:
        scene.world.clear(run, *task_ids)


def _ended(scene: Scene, dag_id: str, run_id: str) -> bool:
    return scene.world.api.run(dag_id, run_id).finished


def _stopped_by(scene: Scene, click: Callable[[], object]) -> None:
    began = time.monotonic()
    click()
    scene.world.until(scene.halted, "TWIN is halted", STOP_SECONDS)
    scene.stopped_after["twin"] = round(time.monotonic() - began, 1)
    scene.world.until(lambda: all(map(scene.stopped, scene.runs)), "the ledger says how it ended", STOP_SECONDS)
