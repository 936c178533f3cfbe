"""Why a running task is told to end: a user's wish, or a worker that is shut down."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk.exceptions import AirflowException, AirflowRuntimeError

__all__ = ["ended_by_user"]

log = logging.getLogger(__name__)

#: States in which the server keeps a task that nobody ended: its worker is shut down or was lost.
NOBODY_ENDED_IT = {"running", "queued", "scheduled", "up_for_retry", "up_for_reschedule", "deferred"}


def ended_by_user(ti: Any) -> bool:
    """True when the server has this task instance in a state that only a user brings about (marked or cleared).

    Airflow calls `on_kill` in both cases and does not say why. What cannot be asked is no user's wish: a deployment
    must never cancel anything.
    """
    try:
        states = ti.get_task_states(
            dag_id=ti.dag_id, map_index=ti.map_index, task_ids=[ti.task_id], run_ids=[ti.run_id]
        )
    except (AirflowException, AirflowRuntimeError, OSError, EOFError, RuntimeError) as error:
        log.warning("the server was not reached (%s); nothing is cancelled", type(error).__name__)
        return False
    found = [state for run in states.values() for state in run.values()]
    return bool(found) and all(str(state) not in NOBODY_ENDED_IT for state in found)
