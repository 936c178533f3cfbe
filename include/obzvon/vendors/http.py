"""One HTTP session for every vendor: what may be repeated is repeated with patience, what creates is sent once.

    read    requests that only look, or do the same when done twice: repeated on 429, 5xx and lost connections,
            within a bounded time
    send    requests that create or change: exactly one request. A 401 proves that nothing was done, so one renewed
            token is allowed; every other failure is sorted by what it proves (errors.py) and left to the ledger
    stream  a read whose answer is too large to hold

Neither a log line nor an error message has a body, a token, a phone or the query of an address.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from time import monotonic
from typing import Any, Self, TypeVar

import aiohttp
import orjson

from obzvon.errors import InDoubt, NotSent, RateLimited, Refused, VendorError
from obzvon.telemetry import metrics
from obzvon.telemetry.meter import count, timing
from obzvon.telemetry.spans import answered, call
from obzvon.vendors.account import Account
from obzvon.vendors.answers import Answer, Where, failed_request, refused_request, vendor_date
from obzvon.vendors.auth import Auth, Clock, utc_now
from obzvon.vendors.budget import Budget, NoPlace
from obzvon.vendors.patience import NoCredentials, Patience, patiently
from obzvon.vendors.wire import TooLarge, pieces, wire

__all__ = ["Account", "Answer", "Patience", "Stream", "VendorSession"]

T = TypeVar("T")

_ERROR_BODY_LIMIT = 64 * 1024
_MIB = 1 << 20
_MOST_MB = {"max_answer_mb": 256, "max_report_mb": 20 * 1024}


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that is still arriving. `date` is the vendor's clock (UTC)."""

    status: int
    date: datetime
    headers: Mapping[str, str] = field(repr=False)
    chunks: AsyncIterator[bytes] = field(repr=False)


class VendorSession:
    """The session of one account: `async with VendorSession("twin", account, auth) as session`.

    Timeouts in seconds are options of the connection: `connect_timeout` (10), `read_timeout` between two pieces of an
    answer (60), `total_timeout` of a request (300; streams have none). So is `retry_seconds` (300), within which reads
    are repeated, and how large an answer may be when it is unpacked: `max_answer_mb` (256), `max_report_mb` of a stream
    (20 480). Proxies named in the environment are not used. With a `budget` every request waits for its place.
    """

    def __init__(
        self,
        vendor: str,
        account: Account,
        auth: Auth | None = None,
        *,
        patience: Patience | None = None,
        clock: Clock = utc_now,
        budget: Budget | None = None,
    ) -> None:
        self.vendor, self.account, self.clock = vendor, account, clock
        self._auth, self._budget = auth, budget
        self._patience = patience or Patience(budget=account.number("retry_seconds", 300))
        self._http: aiohttp.ClientSession | None = None
        #: Asked when a request that creates or adds has its login and its place and is about to leave.
        self.last_look: Callable[[], Awaitable[None]] | None = None

    async def __aenter__(self) -> Self:
        # Kept connections are dropped before servers drop them: a create on a dying one would be left in doubt.
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=128, keepalive_timeout=3),
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept": "application/json", "Accept-Encoding": "gzip"},
            auto_decompress=False,  # aiohttp takes a truncated gzip for a whole one; see pieces()
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()
        self._http = None

    async def sleep(self, seconds: float) -> None:
        """Wait on the session's own clock."""
        await self._patience.sleep(seconds)

    async def authorization(self, refused: str | None = None) -> str | None:
        """The Authorization header, for a request to this vendor that does not go through the session.

        With `refused` another one than that, None where there is no other.
        """
        if self._auth is None:
            return None
        if refused is not None and not await self._auth.renew(self, refused):
            return None
        return await self._auth.header(self)

    async def read(self, method: str, path: str, *, action: str, auth: bool = True, **request: Any) -> Answer:
        """The answer to a request that may be repeated: it only looks, or twice is as good as once.

        `request`: params, json, data, headers.
        """

        with call(self.vendor, action) as made:

            async def once() -> Answer:
                made.requests += 1
                return await self._whole(await self._open(method, path, action, request, auth=auth), action)

            return await patiently(self._patience, once)

    async def send(self, method: str, path: str, *, action: str, **request: Any) -> Answer:
        """The answer to the one request that creates or changes; VendorError.delivery says what a failure proves."""
        with call(self.vendor, action) as made:
            made.requests = 1
            return await self._whole(await self._open(method, path, action, request, sends=True), action)

    @asynccontextmanager
    async def stream(self, method: str, path: str, *, action: str, **request: Any) -> AsyncIterator[Stream]:
        """A read whose bytes come piece by piece; repeated until the first byte, never after it."""

        with call(self.vendor, action) as made:

            async def once() -> aiohttp.ClientResponse:
                made.requests += 1
                return await self._open(method, path, action, request, endless=True)

            response = await patiently(self._patience, once)
        try:
            date = vendor_date(response.headers, self.clock())
            yield Stream(response.status, date, response.headers, self._chunks(response, action, "max_report_mb"))
        finally:
            response.close()

    async def _open(
        self,
        method: str,
        path: str,
        action: str,
        request: Mapping[str, Any],
        *,
        auth: bool = True,
        endless: bool = False,
        sends: bool = False,
    ) -> aiohttp.ClientResponse:
        """An answer with a status below 300 whose body is still to be read, or the sorted error."""
        credentials = self._auth if auth else None
        header = await self._before(action, credentials.header(self)) if credentials else None
        response = await self._request(method, path, action, request, header, endless=endless, sends=sends)
        if response.status == 401 and credentials:
            response.close()
            if await self._before(action, credentials.renew(self, header or "")):
                header = await self._before(action, credentials.header(self))
                response = await self._request(method, path, action, request, header, endless=endless, sends=sends)
        if response.status >= 300:
            raise await self._refusal(response, action)
        return response

    async def _request(
        self,
        method: str,
        path: str,
        action: str,
        request: Mapping[str, Any],
        header: str | None,
        *,
        endless: bool,
        sends: bool,
    ) -> aiohttp.ClientResponse:
        if self._http is None:
            raise RuntimeError("use the session inside `async with`")
        url, timeout = self.account.url(path), self._endless if endless else self._bounded
        failure: VendorError
        try:
            arguments = wire(request, header)
        except orjson.JSONEncodeError:  # is TypeError, so it is looked for here alone, where nothing can have left yet
            failure = NotSent(self.vendor, action, "a value cannot be written as JSON: too large a number")
        else:
            await self._place(action)
            if sends and self.last_look:
                await self.last_look()
            began = monotonic()
            try:
                response = await self._http.request(method, url, allow_redirects=False, timeout=timeout, **arguments)
                answered(self.vendor, action, response.status, monotonic() - began)
                return response
            except (aiohttp.ClientError, OSError) as error:  # whatever else it is crashes: a crash is in doubt too
                answered(self.vendor, action, None, monotonic() - began)
                failure = failed_request(self.vendor, action, error)
        raise failure  # outside the handler: a chained aiohttp error may show the address with its query

    async def _place(self, action: str) -> None:
        """The request's place in the account's budget; without one it has not left."""
        if self._budget is None:
            return
        began = monotonic()
        try:
            await self._budget.acquire()
            timing(metrics.WAIT, monotonic() - began, self.vendor)
            return
        except NoPlace as error:
            count(metrics.NO_PLACE, self.vendor)
            failure = NotSent(self.vendor, action, str(error))
            failure.retry_after = error.retry_after
        raise failure

    @cached_property
    def _bounded(self) -> aiohttp.ClientTimeout:
        return self._timeout(endless=False)

    @cached_property
    def _endless(self) -> aiohttp.ClientTimeout:
        return self._timeout(endless=True)

    def _timeout(self, *, endless: bool) -> aiohttp.ClientTimeout:
        option = self.account.number
        connect = option("connect_timeout", 10)
        total = None if endless else option("total_timeout", 300)
        return aiohttp.ClientTimeout(
            total=total, connect=connect, sock_connect=connect, sock_read=option("read_timeout", 60)
        )

    async def _before(self, action: str, credential: Awaitable[T]) -> T:
        """A step that has to succeed before the request can leave, so its failure proves that it did not."""
        try:
            return await credential
        except Refused:
            raise
        except VendorError as error:
            failure = NoCredentials(self.vendor, action, f"no token to send it with: {error}")
        raise failure

    async def _whole(self, response: aiohttp.ClientResponse, action: str) -> Answer:
        try:
            body = b"".join([chunk async for chunk in self._chunks(response, action, "max_answer_mb")])
        finally:
            response.release()
        date = vendor_date(response.headers, self.clock())
        answer = Answer(self.vendor, action, response.status, date, body, response.headers)
        if not answer.usable:
            raise InDoubt(self.vendor, action, "the answer is a web page or broken JSON", status=answer.status)
        return answer

    async def _chunks(self, response: aiohttp.ClientResponse, action: str, limit: str) -> AsyncIterator[bytes]:
        """The decoded body; `limit` is the connection's option that says how many MiB it may have."""
        failure: VendorError
        megabytes = self.account.number(limit, _MOST_MB[limit])
        try:
            async for chunk in pieces(response, megabytes * _MIB):
                yield chunk
            return
        except TooLarge:
            response.close()
            cause = f"the answer is larger than {megabytes:g} MiB; if it may be, raise `{limit}` of the connection"
            failure = InDoubt(self.vendor, action, cause, status=response.status)
        except (aiohttp.ClientError, OSError, zlib.error, EOFError) as error:
            failure = failed_request(self.vendor, action, error)
        raise failure

    async def _refusal(self, response: aiohttp.ClientResponse, action: str) -> VendorError:
        """The sorted error; a body that cannot be read counts as none. Too many requests: everybody waits."""
        body = b""
        try:
            async for chunk in pieces(response, _ERROR_BODY_LIMIT):
                body += chunk
        except TooLarge:
            pass  # what came says enough
        except (aiohttp.ClientError, OSError, zlib.error, EOFError):
            body = b""
        finally:
            response.close()
        where = Where(self.vendor, action, self.account.conn_id)
        error = refused_request(where, response.status, response.headers, body, self.clock())
        if self._budget is not None and isinstance(error, RateLimited):
            await self._budget.hold(error.retry_after)
        return error
