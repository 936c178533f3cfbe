"""One HTTP session for every vendor: what may be repeated is repeated with patience, what creates is sent once.

    read    requests that only look, or do the same when done twice: repeated on 429, 5xx and lost connections,
            within a bounded time
    send    requests that create or change: exactly one request. A 401 proves that nothing was done, so one renewed
            token is allowed; every other failure is sorted by what it proves (errors.py) and left to the ledger
    stream  a read whose answer is too large to hold

Neither a log line nor an error message has a body, a token, a phone or the query of an address.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any, Self, TypeVar

import aiohttp
import orjson
import tenacity

from obzvon.errors import NotSent, ObzvonError, RateLimited, Refused, VendorError
from obzvon.vendors.account import Account
from obzvon.vendors.answers import Answer, Where, failed_request, refused_request, vendor_date
from obzvon.vendors.auth import Auth, Clock, utc_now

__all__ = ["Account", "Answer", "Patience", "Stream", "VendorSession"]

T = TypeVar("T")

_ERROR_BODY_LIMIT = 64 * 1024
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a read is repeated: at most `attempts` requests within `budget` seconds, waits growing from `first` to
    `longest` seconds with jitter; `Retry-After` goes before. `sleep` is the other half of the clock."""

    attempts: int = 7
    budget: float = 300
    first: float = 0.5
    longest: float = 30
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that is still arriving. `date` is the vendor's clock (UTC)."""

    status: int
    date: datetime
    headers: Mapping[str, str] = field(repr=False)
    chunks: AsyncIterator[bytes] = field(repr=False)


class _NoCredentials(NotSent):
    """The login failed, so the request itself never left. The login has had its own patience."""


class VendorSession:
    """The session of one account: `async with VendorSession("twin", account, auth) as session`.

    Timeouts in seconds are options of the connection: `connect_timeout` (10), `read_timeout` between two pieces of an
    answer (60), `total_timeout` of a request (300; streams have none). Proxies named in the environment are not used.
    """

    def __init__(
        self,
        vendor: str,
        account: Account,
        auth: Auth | None = None,
        *,
        patience: Patience | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self.vendor, self.account, self.clock = vendor, account, clock
        self._auth, self._patience = auth, patience or Patience()
        self._http: aiohttp.ClientSession | None = None

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

    async def read(self, method: str, path: str, *, action: str, auth: bool = True, **request: Any) -> Answer:
        """The answer to a request that may be repeated: it only looks, or twice is as good as once.

        `request`: params, json, data, headers.
        """

        async def once() -> Answer:
            return await self._whole(await self._open(method, path, action, request, auth=auth), action)

        return await self._patiently(once)

    async def send(self, method: str, path: str, *, action: str, **request: Any) -> Answer:
        """The answer to the one request that creates or changes; VendorError.delivery says what a failure proves."""
        return await self._whole(await self._open(method, path, action, request), action)

    @asynccontextmanager
    async def stream(self, method: str, path: str, *, action: str, **request: Any) -> AsyncIterator[Stream]:
        """A read whose bytes come piece by piece; repeated until the first byte, never after it."""

        async def once() -> aiohttp.ClientResponse:
            return await self._open(method, path, action, request, endless=True)

        response = await self._patiently(once)
        try:
            date = vendor_date(response.headers, self.clock())
            yield Stream(response.status, date, response.headers, self._chunks(response, action))
        finally:
            response.close()

    async def _patiently(self, once: Callable[[], Awaitable[T]]) -> T:
        patience = self._patience
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(_may_pass),
            wait=_Wait(patience),
            stop=tenacity.stop_after_attempt(patience.attempts) | tenacity.stop_before_delay(patience.budget),
            sleep=patience.sleep,
            reraise=True,
        )
        return await retrying(once)

    async def _open(
        self,
        method: str,
        path: str,
        action: str,
        request: Mapping[str, Any],
        *,
        auth: bool = True,
        endless: bool = False,
    ) -> aiohttp.ClientResponse:
        """An answer with a status below 300 whose body is still to be read, or the sorted error."""
        credentials = self._auth if auth else None
        header = await self._header(credentials, action)
        response = await self._request(method, path, action, request, header, endless)
        if response.status == 401 and credentials and await self._renewed(credentials, header, action, response):
            header = await self._header(credentials, action)
            response = await self._request(method, path, action, request, header, endless)
        if response.status >= 300:
            raise await self._refusal(response, action)
        return response

    async def _request(
        self, method: str, path: str, action: str, request: Mapping[str, Any], header: str | None, endless: bool
    ) -> aiohttp.ClientResponse:
        if self._http is None:
            raise RuntimeError("use the session inside `async with`")
        try:
            return await self._http.request(
                method,
                self.account.url(path),
                allow_redirects=False,
                timeout=self._timeout(endless),
                **_wire(request, header),
            )
        except (aiohttp.ClientError, OSError) as error:
            failure = failed_request(self.vendor, action, error)
        except orjson.JSONEncodeError:
            failure = NotSent(self.vendor, action, "a value cannot be written as JSON: too large a number")
        raise failure  # outside the handler: a chained aiohttp error may show the address with its query

    def _timeout(self, endless: bool) -> aiohttp.ClientTimeout:
        option = self.account.number
        connect = option("connect_timeout", 10)
        total = None if endless else option("total_timeout", 300)
        return aiohttp.ClientTimeout(
            total=total, connect=connect, sock_connect=connect, sock_read=option("read_timeout", 60)
        )

    async def _header(self, credentials: Auth | None, action: str) -> str | None:
        if credentials is None:
            return None
        try:
            return await credentials.header(self)
        except Refused:
            raise
        except VendorError as error:
            failure = _NoCredentials(self.vendor, action, f"no token to send it with: {error}")
        raise failure

    async def _renewed(
        self, credentials: Auth, header: str | None, action: str, response: aiohttp.ClientResponse
    ) -> bool:
        response.close()
        try:
            return await credentials.renew(self, header or "")
        except Refused:
            raise
        except VendorError as error:
            failure = _NoCredentials(self.vendor, action, f"no token to send it with: {error}")
        raise failure

    async def _whole(self, response: aiohttp.ClientResponse, action: str) -> Answer:
        try:
            body = b"".join([chunk async for chunk in self._chunks(response, action)])
        finally:
            response.release()
        date = vendor_date(response.headers, self.clock())
        return Answer(self.vendor, action, response.status, date, body, response.headers)

    async def _chunks(self, response: aiohttp.ClientResponse, action: str) -> AsyncIterator[bytes]:
        try:
            async for chunk in pieces(response):
                yield chunk
            return
        except (aiohttp.ClientError, OSError, zlib.error, EOFError) as error:
            failure = failed_request(self.vendor, action, error)
        raise failure

    async def _refusal(self, response: aiohttp.ClientResponse, action: str) -> ObzvonError:
        """The sorted error; a body that cannot be read counts as none."""
        body = b""
        try:
            async for chunk in pieces(response):
                body += chunk
                if len(body) > _ERROR_BODY_LIMIT:
                    break
        except (aiohttp.ClientError, OSError, zlib.error, EOFError):
            body = b""
        finally:
            response.close()
        where = Where(self.vendor, action, self.account.conn_id)
        return refused_request(where, response.status, response.headers, body, self.clock())


async def pieces(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """The decoded body piece by piece; EOFError when a compressed one stops before its end."""
    if response.headers.get("Content-Encoding", "").lower() != "gzip":
        async for chunk in response.content.iter_chunked(_CHUNK):
            yield chunk
        return
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    async for chunk in response.content.iter_chunked(_CHUNK):
        yield inflater.decompress(chunk)
    if not inflater.eof:
        raise EOFError


def _wire(request: Mapping[str, Any], header: str | None) -> dict[str, Any]:
    """Arguments for aiohttp, built anew for every sending: a body stream can be read only once."""
    wire = {key: value for key, value in request.items() if key not in {"json", "headers"}}
    headers = dict(request.get("headers") or {})
    if header is not None:
        headers["Authorization"] = header
    if "json" in request:
        headers["Content-Type"] = "application/json"
        wire["data"] = BytesIO(orjson.dumps(request["json"]))
    return wire | {"headers": headers}


def _may_pass(error: BaseException) -> bool:
    """Worth repeating a read for: no connection, no answer, too many requests, the vendor's own trouble."""
    if isinstance(error, RateLimited):
        return True
    if not isinstance(error, VendorError) or isinstance(error, Refused | _NoCredentials):
        return False
    return error.status is None or error.status >= 500 or error.status == 408


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
