"""The request budget of a vendor account, shared by every task and worker: a token bucket in PostgreSQL.

One row an account in `ops.request_budget`. A request reserves the next free slot (GCRA: `next_free` is when the account
would be idle again) in one statement on the database's clock, sleeps until the slot has come, and looks once more: a
slot is good for its moment only. Who wakes up late, or finds that the vendor has asked for a pause meanwhile, reserves
again; else a stalled worker would let all its requests go together with everybody else's.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Protocol, Self

import psycopg

from obzvon.errors import ObzvonError
from obzvon.vendors.account import Account
from obzvon.warehouse.db import connect_async

__all__ = ["Budget", "Limit", "NoPlace", "PostgresBudget", "account_key", "request_budget"]

log = logging.getLogger(__name__)

#: Longest wait for a place, seconds. After it the request is not sent: a create must not leave long after it was
#: decided, because its window and the kill switch were looked at before.
LONGEST_WAIT = 60.0
#: An account that asks for a longer pause is asked again after this one, seconds: a typing error in a vendor's
#: `Retry-After` must not stop a day's campaigns, and one request an hour harms nobody.
LONGEST_HOLD = 3600.0
#: A 429 that names no time holds everybody for so long, seconds.
SHORT_HOLD = 1.0
#: A slot may be used so long after its moment, seconds.
LATE = 0.05
#: An unused database connection is closed after so long, seconds: hundreds of waiting runs look once a minute.
IDLE = 5.0

_RESERVE = """
insert into ops.request_budget as b (account, next_free) values (%(account)s, clock_timestamp() + %(gap)s)
on conflict (account) do update set next_free = greatest(b.next_free, b.held_until, clock_timestamp()) + %(gap)s
where greatest(b.next_free - %(ahead)s, b.held_until) <= clock_timestamp() + %(longest)s
returning greatest(next_free - %(gap)s - %(ahead)s, held_until) as slot, clock_timestamp() as now
"""
_NEXT_SLOT = """
select greatest(next_free - %(ahead)s, held_until), clock_timestamp() from ops.request_budget
where account = %(account)s
"""
_STILL_GOOD = """
select clock_timestamp() between greatest(%(slot)s, held_until) and %(slot)s + %(late)s from ops.request_budget
where account = %(account)s
"""
_HOLD = """
insert into ops.request_budget as b (account, next_free, held_until)
select %(account)s, clock_timestamp(), clock_timestamp() + %(pause)s
where set_config('synchronous_commit', 'on', true) = 'on'  -- for this statement: a crash must not forget a hold
on conflict (account) do update set held_until = greatest(b.held_until, excluded.held_until)
"""


class NoPlace(ObzvonError):
    """The request may not leave now. `retry_after`: seconds until it may, None when that is not known."""

    def __init__(self, cause: str, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(cause)


class Budget(Protocol):
    """Who may send a request to an account, and when."""

    async def acquire(self) -> None:
        """Return when one request may leave. NoPlace when it may not for long, or when that cannot be found out."""

    async def hold(self, seconds: float | None) -> None:
        """Keep everybody's requests back so long from now; None: the vendor named no time. Never raises."""


@dataclass(frozen=True, slots=True)
class Limit:
    """`rate` requests a second (0: no limit, only holds) and `burst` more in any second at most."""

    rate: float
    burst: int

    @classmethod
    def of(cls, account: Account, rate: float) -> Limit:
        """The account's options; `rate` is the vendor's default."""
        rate = account.number("requests_per_second", rate)
        return cls(rate, int(account.number("burst", max(1.0, rate / 5), least=1)))

    @property
    def gap(self) -> timedelta:
        """Between two slots."""
        return timedelta(seconds=1 / self.rate if self.rate else 0)

    @property
    def ahead(self) -> timedelta:
        """How far an idle account may run ahead: a third of the burst leaves at once.

        The rest absorbs what happens between the grant and the vendor: a slot used a little late, a new connection,
        a slow network. All of these bring requests closer together than they were granted.
        """
        return self.gap * ((self.burst - 1) // 3)


def account_key(vendor: str, account: Account) -> str:
    """The account's row: the vendor, and a sha256 over vendor, address and login. No secret goes in."""
    parts = "|".join((vendor, account.base_url.rstrip("/"), account.login or ""))
    return f"{vendor}:{hashlib.sha256(parts.encode()).hexdigest()}"


@asynccontextmanager
async def request_budget(dsn: str, vendor: str, account: Account, rate: float) -> AsyncIterator[PostgresBudget]:
    """The account's budget for the length of a session; `rate` is the vendor's default, requests a second."""
    async with PostgresBudget(dsn, account_key(vendor, account), Limit.of(account, rate)) as budget:
        yield budget


class PostgresBudget:
    """A budget whose row everybody shares. Opens its own connection when the first request wants to leave."""

    def __init__(
        self,
        dsn: str,
        account: str,
        limit: Limit,
        *,
        idle: float = IDLE,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._dsn, self._idle, self._sleep = dsn, idle, sleep
        #: An account without a limit has only holds: whoever found none looks again after LATE seconds.
        self._looks_again = 0.0 if limit.rate else LATE
        self._free_until = 0.0
        self._values: dict[str, Any] = {
            "account": account,
            "gap": limit.gap,
            "ahead": limit.ahead,
            "longest": timedelta(seconds=LONGEST_WAIT),
            "late": timedelta(seconds=LATE),
        }
        self._turn, self._opening = asyncio.Lock(), asyncio.Lock()
        self._conn: psycopg.AsyncConnection | None = None
        self._closing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._keep()
        await self._close()

    async def acquire(self) -> None:
        """Return when one request may leave."""
        if self._free:
            return
        try:
            # in turn, so that a worker that wakes up late has one slot to lose and not one for each of its requests
            async with asyncio.timeout(LONGEST_WAIT), self._turn:
                while not (self._free or await self._granted()):
                    pass
            return
        except TimeoutError:
            failure = NoPlace(f"the account's budget gave no place within {LONGEST_WAIT:.0f} s")
        except psycopg.Error as error:
            await self._close()
            failure = NoPlace(f"the warehouse, which keeps the account's budget, is lost ({type(error).__name__})")
        raise failure

    async def hold(self, seconds: float | None) -> None:
        """Keep everybody's requests back; a longer hold stays."""
        self._free_until = 0.0
        pause = timedelta(seconds=min(SHORT_HOLD if seconds is None else seconds, LONGEST_HOLD))
        try:
            async with self._connection() as conn:
                await conn.execute(_HOLD, {**self._values, "pause": pause})
        except psycopg.Error as error:  # the vendor's answer counts, and its 429 is on its way to the caller
            log.warning("a pause the vendor asked for is not known to other workers: %s", type(error).__name__)
            await self._close()

    @property
    def _free(self) -> bool:
        return monotonic() < self._free_until

    async def _granted(self) -> bool:
        """Reserve a slot and wait for it; False when it was missed."""
        asked_at = monotonic()
        slot, wait = await self._reserved()
        if wait <= 0:
            self._free_until = asked_at + self._looks_again
            return True
        await self._sleep(wait)
        async with self._connection() as conn:
            cursor = await conn.execute(_STILL_GOOD, {**self._values, "slot": slot})
            found = await cursor.fetchone()  # no row: a person has cleared the account
        return found is not None and bool(found[0])

    async def _reserved(self) -> tuple[datetime, float]:
        """The slot, and how far away it is in seconds."""
        async with self._connection() as conn:
            found = await (await conn.execute(_RESERVE, self._values)).fetchone()
            if found is not None:
                slot, now = found
                return slot, (slot - now).total_seconds()
            found = await (await conn.execute(_NEXT_SLOT, self._values)).fetchone()
        wait = (found[0] - found[1]).total_seconds() if found else 0.0
        raise NoPlace(f"requests to the account are held back for another {wait:.0f} s", max(0.0, wait))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[psycopg.AsyncConnection]:
        self._keep()
        async with self._opening:
            if self._conn is None or self._conn.closed:
                self._conn = await connect_async(self._dsn)
                await self._conn.set_autocommit(True)
                # each request writes the row: one that a crash forgets costs less than waiting for the disk each time
                await self._conn.execute("set synchronous_commit = off")
        try:
            yield self._conn
        finally:
            self._keep()
            self._closing = asyncio.create_task(self._close_later())

    def _keep(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
        self._closing = None

    async def _close_later(self) -> None:
        await asyncio.sleep(self._idle)
        await self._close()

    async def _close(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            await conn.close()
