"""When and how long a read is repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from obzvon.errors import NotSent, RateLimited, Refused, VendorError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a read is repeated: at most `attempts` requests within `budget` seconds, waits growing from `first` to
    `longest` seconds with jitter; `Retry-After` goes before. `sleep` is the other half of the clock."""

    attempts: int = 7
    budget: float = 300
    first: float = 0.5
    longest: float = 30
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class NoCredentials(NotSent):
    """The login failed, so the request itself never left. The login has had its own patience."""


async def patiently(patience: Patience, once: Callable[[], Awaitable[T]]) -> T:
    """The first good answer of `once`, or its last error."""
    retrying = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception(_may_pass),
        wait=_Wait(patience),
        stop=tenacity.stop_after_attempt(patience.attempts) | tenacity.stop_before_delay(patience.budget),
        sleep=patience.sleep,
        reraise=True,
    )
    return await retrying(once)


def _may_pass(error: BaseException) -> bool:
    """Worth repeating a read for: no connection, no usable answer, too many requests, the vendor's own trouble."""
    if isinstance(error, RateLimited):
        return True
    if not isinstance(error, VendorError) or isinstance(error, Refused | NoCredentials):
        return False
    return error.status is None or error.status < 300 or error.status >= 500 or error.status == 408


class _Wait(tenacity.wait.wait_base):
    """`Retry-After` where the vendor named it, else exponential with jitter."""

    def __init__(self, patience: Patience) -> None:
        self._backoff = tenacity.wait_exponential_jitter(
            multiplier=patience.first, max=patience.longest, jitter=patience.first
        )

    def __call__(self, retry_state: tenacity.RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        named = error.retry_after if isinstance(error, VendorError) else None
        return self._backoff(retry_state) if named is None else named
