"""A worker inside the test's own process that can die between any two awaits, as abruptly as by SIGKILL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import sql

Work = Coroutine[Any, Any, object]
_TERMINATE = (
    "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = %s and application_name = 'obzvon'"
)


class Executioner:
    """Lets a coroutine die: its database connections end first and no other opens, so that nothing more is written.

    `maintenance` is an autocommit connection to another database of the server. Connections named `faults` live on.
    """

    def __init__(self, maintenance: psycopg.Connection, database: str) -> None:
        self._server, self._database = maintenance, database

    def run_and_kill(self, work: Work, awaits: int, ticks: int) -> bool:
        """Run until all its tasks together have waited `awaits` times, and `ticks` turns of the loop longer.

        False when it came to its end before, by an error of its own maybe.
        """
        return self._run(work, _Life(self._fell, awaits, ticks))

    def run_and_kill_when(self, work: Work, moment: Callable[[], object]) -> bool:
        """Run until `moment` says something true; False when it came to its end before."""
        life = _Life(self._fell)

        async def watched() -> None:
            task = asyncio.create_task(work)
            while not task.done():
                if moment():
                    life.end()
                await asyncio.sleep(0.005)

        return self._run(watched(), life)

    def _run(self, work: Work, life: _Life) -> bool:
        # what a dying process says on its way matters to nobody
        with suppress(Exception, asyncio.CancelledError), asyncio.Runner() as runner:
            runner.get_loop().set_task_factory(life.task)
            runner.run(work)
        if life.ended:
            self._connectable(True)
        return life.ended

    def _fell(self) -> None:
        self._connectable(False)
        self._server.execute(_TERMINATE, (self._database,))

    def _connectable(self, yes: bool) -> None:
        statement = sql.SQL("alter database {} allow_connections {}")
        self._server.execute(statement.format(sql.Identifier(self._database), sql.Literal(yes)))


class _Life:
    """Counts how often the tasks of a loop wait, and ends them all."""

    def __init__(self, fell: Callable[[], None], awaits: int = 0, ticks: int = 0) -> None:
        self._left, self._ticks, self._fell = awaits, ticks, fell
        self.ended = False

    def task(self, loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> asyncio.Task[Any]:
        """A task factory."""
        return asyncio.Task(_Counted(coro, self), loop=loop, **more)

    def waited(self) -> None:
        """A task waits."""
        self._left -= 1
        if not self._left:
            self._later(self._ticks)

    def _later(self, ticks: int) -> None:
        if ticks:  # what was begun goes out meanwhile: the bytes of a request, a statement
            asyncio.get_running_loop().call_soon(self._later, ticks - 1)
        else:
            self.end()

    def end(self) -> None:
        """Now."""
        self.ended = True
        self._fell()
        for task in asyncio.all_tasks():
            task.cancel()


class _Counted(Coroutine[Any, Any, Any]):
    """A coroutine that says when it waits."""

    def __init__(self, coro: Coroutine[Any, Any, Any], life: _Life) -> None:
        self._coro, self._life = coro, life

    def send(self, value: Any) -> Any:
        given = self._coro.send(value)
        self._life.waited()
        return given

    def throw(self, *error: Any) -> Any:
        given = self._coro.throw(*error)
        self._life.waited()
        return given

    def close(self) -> None:
        self._coro.close()

    def __await__(self) -> Any:
        return self._coro.__await__()
