"""One link to one file: the request goes where it may, what comes is looked at while it streams, and is kept whole.

Memory: a block a download. The vendor's token goes to the hosts that the connection names for it, decided anew for
every redirect. No message has a link, its query or a token.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol, Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from obzvon.errors import RecordingAbsent, RecordingRefused
from obzvon.recordings.audio import HEAD, Audio, audio_of, may_be_audio
from obzvon.recordings.hosts import GuardedResolver, Hosts
from obzvon.recordings.store import StoredRecording, Writer
from obzvon.vendors.account import Account

__all__ = ["Downloads", "Login"]

REDIRECTS = 3
PIECE = 1 << 16
BLOCK = 1 << 20
_MOVED = frozenset({301, 302, 303, 307, 308})
_HEADERS = {"Accept": "audio/*", "Accept-Encoding": "identity"}
_CAUSES = {
    401: "it asks for a login; is its host, by https, among `recording_login_hosts` of the vendor's connection?",
    403: "the vendor shows it to nobody: the link has expired, or it asks for a login",
    404: "it is not there yet",
    410: "the link has expired",
    429: "too many requests",
}


class Login(Protocol):
    """Gives the Authorization header; with `refused`, another one than that, None where there is none."""

    def __call__(self, refused: str | None = None) -> Awaitable[str | None]: ...


Opener = Callable[[Audio], Awaitable[Writer]]


class Downloads:
    """Downloads of one vendor account: `async with Downloads(account, login, limit=…) as downloads`.

    Timeouts are the connection's `connect_timeout` and `read_timeout`, and `total_timeout` for a whole recording.
    `limit`: bytes of the largest one.
    """

    def __init__(
        self, account: Account, login: Login, *, limit: int, concurrency: int, resolver: AbstractResolver | None = None
    ) -> None:
        self.hosts, self._login, self._limit, self._concurrency = Hosts.of(account), login, limit, concurrency
        self._inner = resolver
        seconds = account.number
        connect = seconds("connect_timeout", 10)
        self._timeout = aiohttp.ClientTimeout(
            total=seconds("total_timeout", 300),
            connect=connect,
            sock_connect=connect,
            sock_read=seconds("read_timeout", 60),
        )
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # names are not kept: each connection asks for, and judges, the addresses that it goes to
        connector = aiohttp.TCPConnector(
            resolver=GuardedResolver(self.hosts, self._inner), use_dns_cache=False, limit=self._concurrency
        )
        self._http = aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers=_HEADERS,
            read_bufsize=PIECE,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()
        self._http = None

    async def fetch(self, link: str, opener: Opener) -> StoredRecording:
        """The recording behind a link, whole in our storage; `opener` begins its file once it is known what it is.

        RecordingAbsent or RecordingRefused leave no file. Whatever the vendor's login or the storage raises goes on.
        """
        try:
            async with self._answer(link) as response:
                self._judge_head(response)
                return await self._keep(response, opener)
        except aiohttp.ClientPayloadError:
            failure = RecordingAbsent("it broke off before its end", passing=True)
        except aiohttp.ClientConnectorDNSError:
            failure = RecordingAbsent("the name of its host is not known", passing=True)
        except TimeoutError:
            failure = RecordingAbsent("it took too long", passing=True)
        except (aiohttp.ClientError, ConnectionError):
            failure = RecordingAbsent("its host could not be reached, or hung up", passing=True)
        raise failure  # outside the handlers: a chained aiohttp error shows the address with its query

    @asynccontextmanager
    async def _answer(self, link: str) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer with status 200 at the end of at most three redirects."""
        url = self.hosts.check(link)
        for _ in range(REDIRECTS + 1):
            response = await self._asked(url)
            try:
                if response.status not in _MOVED:
                    _judge_status(response.status)
                    yield response
                    return
                url = self.hosts.check(_next(url, response))
            finally:
                response.close()
        raise RecordingRefused(f"more than {REDIRECTS} redirects")

    async def _asked(self, url: URL) -> aiohttp.ClientResponse:
        if not self.hosts.wants_login(url):
            return await self._get(url, None)
        header = await self._login()
        response = await self._get(url, header)
        if response.status == 401 and (renewed := await self._login(header)):
            response.close()
            return await self._get(url, renewed)
        return response

    async def _get(self, url: URL, header: str | None) -> aiohttp.ClientResponse:
        if self._http is None:
            raise RuntimeError("use the downloads inside `async with`")
        headers = None if header is None else {"Authorization": header}
        return await self._http.get(url, headers=headers, allow_redirects=False)

    def _judge_head(self, response: aiohttp.ClientResponse) -> None:
        kind, packed = response.headers.get("Content-Type", ""), response.headers.get("Content-Encoding", "identity")
        if not may_be_audio(kind):
            raise RecordingRefused(f"it is no recording by its type ({_word(kind)}): a login page, perhaps")
        if packed.strip().lower() != "identity":
            raise RecordingRefused(f"it came packed ({_word(packed)}), which was not asked for")
        if response.content_length is None and "chunked" not in response.headers.get("Transfer-Encoding", "").lower():
            raise RecordingRefused("it came without its length, so nobody can know whether it is whole")
        self._judge_size(response.content_length or 0)

    def _judge_size(self, size: int) -> None:
        if size > self._limit:
            raise RecordingRefused(f"it is larger than `recordings.max_mb` allows ({self._limit} bytes)")

    async def _keep(self, response: aiohttp.ClientResponse, opener: Opener) -> StoredRecording:
        pieces = response.content.iter_chunked(PIECE)
        held = bytearray()
        async for piece in pieces:
            held += piece
            if len(held) >= HEAD:
                break
        kind = audio_of(bytes(held[:HEAD]))
        if kind is None:
            raise RecordingRefused("it is empty" if not held else "its first bytes are those of no mp3, wav or ogg")
        writer = await opener(kind)
        try:
            await self._write(writer, held, pieces)
            return await asyncio.to_thread(writer.commit)
        except BaseException:
            writer.discard()
            raise

    async def _write(self, writer: Writer, held: bytearray, pieces: AsyncIterator[bytes]) -> None:
        size = len(held)
        async for piece in pieces:
            size += len(piece)
            self._judge_size(size)
            held += piece
            if len(held) >= BLOCK:
                await asyncio.to_thread(writer.write, bytes(held))
                held.clear()
        self._judge_size(size)
        await asyncio.to_thread(writer.write, bytes(held))


def _judge_status(status: int) -> None:
    if status != 200:
        cause = _CAUSES.get(status, "the vendor answered without it")
        raise RecordingAbsent(f"{cause} (HTTP {status})", passing=status >= 500 or status == 429)


def _next(url: URL, response: aiohttp.ClientResponse) -> URL:
    try:
        return url.join(URL(response.headers["Location"]))
    except (KeyError, ValueError):
        raise RecordingRefused("a redirect leads nowhere") from None


def _word(header: str) -> str:
    """A type as a word for a message; anything longer or stranger is not repeated."""
    word = header.partition(";")[0].strip().lower()
    return word if word and len(word) <= 40 and all(c.isalnum() or c in "/+-._" for c in word) else "none"
