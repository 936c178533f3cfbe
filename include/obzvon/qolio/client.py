"""Qolio's integration endpoint: one POST a call, which creates or updates it by `uid`.

Source: Qolio, «API запрос для добавления звонков» (address and raw token from the integration's dialog) and «Возможные
ошибки API» (JSON errors). The documents give no success status, no limits and no batch: any 2xx is accepted.
Because of the `uid` a POST may be repeated: on 429, 5xx, timeouts and lost connections, never on another 4xx.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from time import monotonic
from typing import Any, Self

from obzvon.errors import AuthRefused, ConfigError, RateLimited, Refused, VendorError
from obzvon.qolio.answers import Accepted, Answer, Rejected, Unanswered
from obzvon.qolio.payload import PhoneCall
from obzvon.vendors.account import Account
from obzvon.vendors.auth import FixedToken
from obzvon.vendors.budget import Budget
from obzvon.vendors.http import Patience, VendorSession

__all__ = ["PATIENCE", "REQUESTS_PER_SECOND", "VENDOR", "LongPause", "QolioClient"]

VENDOR = "qolio"
ADD_CALL = "add a call"
PATIENCE = Patience(attempts=5, budget=120, longest=20)
#: What all our tasks together ask of one account, where its connection says nothing else. Qolio publishes no limit.
REQUESTS_PER_SECOND = 100.0
#: Places an error may name: the request's fields, and `base` for the call as a whole.
_PLACES = frozenset(PhoneCall.model_fields) | {"base"}
_WRONG_ADDRESS = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE}
_COPY = "copy the path of «URL интегрируемого приложения» from the integration's dialog in Qolio"


class LongPause(Refused):
    """Qolio asks for a longer pause than a delivery waits; nothing was done."""


class QolioClient:
    """One integration of Qolio; use `QolioClient.connected(account)`.

    The account's address is the API's host, its token (or password) the «Токен интеграции», and its option
    `integration_path` the path of the integration, `/api/v1/integrations/<id>/phone_calls`.
    """

    def __init__(
        self, session: VendorSession, *, patience: Patience = PATIENCE, now: Callable[[], float] = monotonic
    ) -> None:
        self._session, self._patience, self._now = session, patience, now
        self._path = session.account.text("integration_path", cure=_COPY)
        self._quiet_until = 0.0

    @classmethod
    @asynccontextmanager
    async def connected(
        cls, account: Account, *, patience: Patience = PATIENCE, budget: Budget | None = None
    ) -> AsyncIterator[Self]:
        """A client with an open session, closed when the block ends. ConfigError without token or path."""
        async with VendorSession(VENDOR, account, cls.auth(account), budget=budget) as session:
            yield cls(session, patience=patience)

    @classmethod
    def auth(cls, account: Account) -> FixedToken:
        """The bare token as the Authorization header: Qolio's integrations want no `Bearer` before it."""
        token = account.token or account.password
        if not token:
            raise ConfigError(f"connection {account.conn_id}: the password is empty; put the «Токен интеграции» there")
        return FixedToken(token, scheme="")

    async def add_call(self, payload: PhoneCall) -> Answer:
        """Create or update one call, repeating while that can help.

        AuthRefused (wrong token), ConfigError (wrong address) and LongPause concern every call and are raised; what
        concerns this one is the answer.
        """
        body, patience, began, tries = payload.body(), self._patience, self._now(), 0
        while True:
            tries += 1
            try:
                return Accepted(await self._once(body), tries)
            except VendorError as error:
                over = tries >= patience.attempts or self._now() - began >= patience.budget
                if over or not _may_pass(error):
                    return self._answer(error, tries)
            await patience.sleep(self._pause(tries))

    async def _once(self, body: Mapping[str, Any]) -> int:
        await self._hold_back()
        try:
            answer = await self._session.send("POST", self._path, action=ADD_CALL, json=body)
        except VendorError as error:
            self._quiet_until = max(self._quiet_until, self._now() + (error.retry_after or 0))
            raise
        return answer.status

    async def _hold_back(self) -> None:
        """One answer with `Retry-After` holds every worker of this client."""
        pause = self._quiet_until - self._now()
        if pause > self._patience.budget:
            cause = f"it asks for a pause of {pause:.0f} s; run deliver again then, only the missing calls are sent"
            raise LongPause(VENDOR, ADD_CALL, cause, status=HTTPStatus.TOO_MANY_REQUESTS)
        if pause > 0:
            await self._patience.sleep(pause)

    def _pause(self, tries: int) -> float:
        """Seconds before the next try: twice as long each time, with jitter, so that workers do not come together."""
        first, longest = self._patience.first, self._patience.longest
        return min(longest, first * 2.0 ** (tries - 1) + random.uniform(0, first))  # noqa: S311

    def _answer(self, error: VendorError, tries: int) -> Answer:
        """What the last failure says about this call; raised when it says something about all of them."""
        if isinstance(error, AuthRefused | LongPause):
            raise error
        status = error.status
        if status is not None and (status in _WRONG_ADDRESS or 300 <= status < 400):
            raise self._wrong_address(status) from None
        if status is not None and 400 <= status < 500 and not _may_pass(error):
            fields = error.fields if isinstance(error, Refused) else ()
            return Rejected(status, tries, tuple(sorted(set(fields) & _PLACES)))
        return Unanswered(tries, status, str(error))

    def _wrong_address(self, status: int) -> ConfigError:
        conn_id = self._session.account.conn_id
        return ConfigError(
            f"connection {conn_id}: nothing takes calls under `integration_path` (HTTP {status}); {_COPY}"
        )


def _may_pass(error: BaseException) -> bool:
    """No connection, no usable answer in time, too many requests, the vendor's own trouble."""
    if isinstance(error, RateLimited):
        return True
    if not isinstance(error, VendorError) or isinstance(error, Refused):
        return False
    status = error.status
    return status is None or status < 300 or status >= 500 or status == HTTPStatus.REQUEST_TIMEOUT
