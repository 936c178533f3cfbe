"""One list of an account's tasks for everybody who waits for one of them.

A thousand campaigns that wait for their windows to close ask the vendor as much as one: who asks while a request is
under way waits for it, and an answer is good for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from obzvon.errors import ContractBreak, VendorError
from obzvon.vendors.base import Dialer, Standing

__all__ = ["Standings"]

#: A task's moment is the vendor's, the bound is ours: the list begins so long before it, and ends after all there is.
_BEFORE, _AFTER = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the list said of tasks created from `since` on. `as_of`: seconds; an error is as of its end."""

    said: Mapping[str, Standing] | VendorError | ContractBreak
    since: datetime
    as_of: float


class Standings:
    """The tasks of one account, listed at most once in `good_for` seconds whoever asks. Of one event loop.

    Who waits says so by `waiting`: the list goes back to the earliest task that somebody waits for. `clock`: seconds.
    """

    def __init__(self, good_for: float, clock: Callable[[], float] = monotonic) -> None:
        self._good_for, self._clock, self._asking = good_for, clock, asyncio.Lock()
        self._since: dict[object, datetime] = {}
        self._last: _Answer | None = None

    @contextmanager
    def waiting(self, since: datetime | None) -> Iterator[None]:
        """Somebody waits for tasks created from `since` on; None: nobody knows since when, so they are in no list."""
        who = object()
        if since is not None:
            self._since[who] = since
        try:
            yield
        finally:
            self._since.pop(who, None)
            if not self._since:
                self._last = None

    async def ask(self, dialer: Dialer, now: datetime) -> Mapping[str, Standing]:
        """How the tasks stand that somebody waits for, by id. Raises what the list raised."""
        if not self._since:
            return {}
        came = self._clock()
        async with self._asking:
            last = self._last
            if last is None or not self._good(last, came):
                last = self._last = await self._listed(dialer, now)
        if isinstance(last.said, Mapping):
            return last.said
        raise last.said.with_traceback(None)  # one error for many: each would add its own lines

    def _good(self, last: _Answer, came: float) -> bool:
        return last.as_of >= came - self._good_for and last.since <= min(self._since.values())

    async def _listed(self, dialer: Dialer, now: datetime) -> _Answer:
        since, began = min(self._since.values()), self._clock()
        try:
            return _Answer(await dialer.standings(since - _BEFORE, now + _AFTER), since, began)
        except (VendorError, ContractBreak) as error:
            return _Answer(error, since, self._clock())
