"""A connection that adds up where its time goes, by the names of the load's statements."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from obzvon.warehouse.load import statement

__all__ = ["TimedConnection"]

NAMES = (
    "staging", "matched", "pruned", "pruned_parts", "to_judge", "decided", "attempts_new", "attempts_changed",
    "attempt_numbers", "goals_gone", "goals_new", "goals", "turns_gone", "turns_new", "turns", "suppressions",
    "snapshot", "dials", "columns", "status_alerts",
)  # fmt: skip


def _named(query: Any) -> str:
    return next((name for name in NAMES if query == statement(name)), "other")


class TimedConnection(psycopg.Connection[Any]):
    """`spent` are seconds by statement; `copy` is what goes into temporary tables, `other` the rest."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.spent: dict[str, float] = defaultdict(float)
        self.cursor_factory = TimedCursor
        self.server_cursor_factory = TimedServerCursor

    def execute(self, query: Any, *arguments: Any, **named: Any) -> Any:
        with timed(self.spent, _named(query)):
            return super().execute(query, *arguments, **named)


class TimedCursor(psycopg.Cursor[Any]):
    """Its copy counts."""

    @contextmanager
    def copy(self, *arguments: Any, **named: Any) -> Iterator[Any]:
        with timed(self.connection.spent, "copy"), super().copy(*arguments, **named) as copy:  # type: ignore[attr-defined]
            yield copy


class TimedServerCursor(psycopg.ServerCursor[Any]):
    """Its query and its fetches count."""

    def execute(self, query: Any, *arguments: Any, **named: Any) -> Any:
        with timed(self.connection.spent, _named(query)):  # type: ignore[attr-defined]
            return super().execute(query, *arguments, **named)

    def fetchmany(self, size: int = 0) -> Any:
        with timed(self.connection.spent, "to_judge"):  # type: ignore[attr-defined]
            return super().fetchmany(size)


@contextmanager
def timed(spent: dict[str, float], name: str) -> Iterator[None]:
    """Add the seconds of the block."""
    started = time.perf_counter()
    try:
        yield
    finally:
        spent[name] += time.perf_counter() - started
