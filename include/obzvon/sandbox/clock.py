"""The sandbox's clocks.

Validation, tokens and Retry-After live on the real clock. Every campaign lives on a virtual one that starts at the
campaign's own start and runs `speed` times faster. All virtual clocks are driven by one count of elapsed virtual
seconds, so the speed can be changed, stopped (0) or pushed forward for all of them at once.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, tzinfo
from email.utils import formatdate

from obzvon.sandbox.store import Store

#: Beyond this a virtual clock stands still; keeps every date representable however long the sandbox runs.
LONGEST = 10 * 366 * 86400.0


class Clock:
    """Elapsed virtual seconds since this state folder was made; they also pass while the sandbox is down."""

    def __init__(self, store: Store, speed: float) -> None:
        self._store = store
        saved = store.value("select value from meta where key = 'clock'")
        self._real: float
        self._elapsed: float
        self.speed: float
        self._real, self._elapsed, self.speed = json.loads(saved) if saved else (time.time(), 0.0, speed)
        self.set_speed(speed)

    def elapsed(self) -> float:
        return self._elapsed + (time.time() - self._real) * self.speed

    def set_speed(self, speed: float) -> None:
        self._anchor(self.elapsed(), speed)

    def advance(self, seconds: float) -> None:
        """Push every running campaign forward."""
        self._anchor(self.elapsed() + seconds, self.speed)

    def _anchor(self, elapsed: float, speed: float) -> None:
        self._real, self._elapsed, self.speed = time.time(), elapsed, speed
        value = json.dumps([self._real, elapsed, speed])
        self._store.run("insert or replace into meta values ('clock', ?)", [value])


def http_date(at: float) -> str:
    """For the `Date` header."""
    return formatdate(at, usegmt=True)


def iso(at: float | None, zone: tzinfo = UTC) -> str | None:
    """ISO 8601 with offset, whole seconds."""
    return None if at is None else datetime.fromtimestamp(int(at), zone).isoformat()
