"""How a request proves who we are. Tokens live in memory only, are renewed before they expire and once on 401."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from obzvon.errors import AuthRefused, RateLimited, Refused, VendorError
from obzvon.vendors.account import Account

if TYPE_CHECKING:
    from obzvon.vendors.answers import Answer
    from obzvon.vendors.http import VendorSession

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


class Auth(ABC):
    """Gives the value of the Authorization header."""

    @abstractmethod
    async def header(self, session: VendorSession) -> str | None:
        """A header value that is good now; logs in when there is none. None: the proof goes in other headers."""

    @abstractmethod
    async def renew(self, session: VendorSession, refused: str) -> bool:
        """Replace the header value the vendor has refused. False: there is no other."""


class FixedToken(Auth):
    """A ready token. `scheme` goes before it (`Bearer`), empty for vendors that want the bare token."""

    def __init__(self, token: str, scheme: str = "Bearer") -> None:
        self._header = f"{scheme} {token}".strip()

    async def header(self, session: VendorSession) -> str:
        return self._header

    async def renew(self, session: VendorSession, refused: str) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Token:
    """A token from a login. From `renew_at` (UTC) on another one is asked for; None = the vendor names no end."""

    value: str = field(repr=False)
    renew_at: datetime | None = None
    refresh: str | None = field(default=None, repr=False)


class LoginAuth(Auth):
    """Bearer tokens from a login request; one login or refresh serves every request that waits for it.

    A failed one is told to all of them too: were each to try anew with the patience of a login, the last of a thousand
    would wait a thousand times as long. Who comes after the failure tries anew.
    """

    def __init__(self, account: Account, clock: Clock = utc_now) -> None:
        self.account, self.clock = account, clock
        self._token: Token | None = None
        self._lock = asyncio.Lock()
        self._failed: VendorError | None = None
        self._failures = 0

    @abstractmethod
    async def obtain(self, session: VendorSession, old: Token | None) -> Token:
        """A fresh token, by the old one's refresh token where the vendor has such a thing, else by login."""

    async def header(self, session: VendorSession) -> str:
        known = self._failures
        async with self._lock:
            token = self._token
            if token is None or self._ends_soon(token):
                token = await self._fresh(session, known)
            return f"Bearer {token.value}"

    async def renew(self, session: VendorSession, refused: str) -> bool:
        known = self._failures
        async with self._lock:
            if self._token is None or f"Bearer {self._token.value}" == refused:
                await self._fresh(session, known)
            return True

    async def _fresh(self, session: VendorSession, known: int) -> Token:
        """A fresh token, kept. `known`: the failures when the caller began to wait; a later one is the caller's too."""
        if self._failed is not None and self._failures > known:
            raise self._failed.with_traceback(None)  # one error for many: each would add its own lines
        try:
            self._token = await self.obtain(session, self._token)
        except VendorError as error:
            self._failed, self._failures = error, self._failures + 1
            raise
        self._failed = None
        return self._token

    def _ends_soon(self, token: Token) -> bool:
        return token.renew_at is not None and self.clock() >= token.renew_at


def renew_at(now: datetime, expires_at: datetime) -> datetime:
    """A minute before the end, or when a fifth of a short life is left."""
    return expires_at - min(timedelta(minutes=1), (expires_at - now) / 5)


async def logged_in(session: VendorSession, path: str, action: str, **request: Any) -> Mapping[str, Any]:
    """The body of `login_answer`."""
    body = (await login_answer(session, path, action, **request)).json()
    return body if isinstance(body, dict) else {}


async def login_answer(session: VendorSession, path: str, action: str, **request: Any) -> Answer:
    """The answer of a login or refresh request. AuthRefused when the vendor says no to it in any way."""
    try:
        return await session.read("POST", path, action=action, auth=False, **request)
    except RateLimited:
        raise
    except Refused as error:
        status = error.status
    cause = f"refused; check login and password of connection {session.account.conn_id}"
    raise AuthRefused(session.vendor, action, cause, status=status)
