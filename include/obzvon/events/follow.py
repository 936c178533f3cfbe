"""Move events as they come: at once after a silence, in steps while many come, until it has been quiet for a while."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic, sleep

from obzvon.events.bell import Ear
from obzvon.events.mover import Moved, Mover

__all__ = ["PACE", "QUIET", "follow"]

log = logging.getLogger(__name__)

#: Between the beginnings of two steps, seconds: each makes a file of the archive for every campaign that calls.
PACE = 1.0
#: So long nothing comes before the worker is given back, seconds.
QUIET = 60.0


def follow(
    mover: Mover,
    ear: Ear,
    until: datetime,
    *,
    quiet: float = QUIET,
    pace: float = PACE,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Moved:
    """Move what is there and what comes, until `quiet` seconds bring nothing or `until` has come; what was done.

    The ear was made before: what came since then rings.
    """
    done = Moved()
    while True:
        began = monotonic()
        step = mover.move()
        done.add(step)
        if step.read:
            log.info("events: %s", step)
        left = (until - clock()).total_seconds()
        if left <= 0 or not ear.wait(min(quiet, left)):
            return done
        sleep(max(0.0, pace - (monotonic() - began)))
