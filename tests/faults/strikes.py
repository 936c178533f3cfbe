"""What happens to a worker at the moment that a case names. Every way to get there leaves the product's code alone."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum

import psycopg

from faults.world import Scene, until

TERMINATE = (
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where datname = current_database() and application_name = 'obzvon'"
)


class Blow(StrEnum):
    """What strikes."""

    KILL = "kill"
    PG_GONE = "pg_gone"
    PG_CRASH = "pg_crash"


@dataclass(frozen=True, slots=True)
class Strike:
    """A blow and its moment: when a request is held, or when the worker waits for a lock on `table`.

    `held`: a request of the case's scripts is held first, and let go on before the worker comes to the lock.
    """

    blow: Blow = Blow.KILL
    table: str | None = None
    held: bool = True

    def fall(self, scene: Scene) -> None:
        """Wait for the moment and strike."""
        if self.table is None:
            scene.start("worker")
            scene.held()
            self._strike(scene)
        elif self.held:
            scene.start("worker")
            scene.held()
            with _locked(scene, self.table):
                scene.books.tell("release")
                self._at_lock(scene)
        else:
            with _locked(scene, self.table):
                scene.start("worker")
                self._at_lock(scene)

    def _at_lock(self, scene: Scene) -> None:
        scene.blocked()
        self._strike(scene)

    def _strike(self, scene: Scene) -> None:
        if self.blow is Blow.KILL:
            scene.kill()
        elif self.blow is Blow.PG_GONE:
            with scene.connection() as conn:
                conn.execute(TERMINATE)
        else:
            crash(scene)


@contextmanager
def _locked(scene: Scene, table: str) -> Iterator[None]:
    """Nobody can write to the table, unless the server dies."""
    with suppress(psycopg.OperationalError), scene.connection() as conn, conn.transaction():
        conn.execute(f"lock table {table} in share row exclusive mode".encode())
        yield


def crash(scene: Scene) -> None:
    """The server dies without a checkpoint, as at SIGQUIT, and is started again."""
    pid = int((scene.server.data / "postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, signal.SIGQUIT)
    until(lambda: not _alive(pid), "the database server does not die")
    scene.server.start()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
