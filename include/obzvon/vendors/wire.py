"""Between aiohttp and us: arguments of a request, bytes of an answer."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from io import BytesIO
from typing import Any

import aiohttp
import orjson

_CHUNK = 64 * 1024


class TooLarge(Exception):
    """A body is larger than the connection allows."""


async def pieces(response: aiohttp.ClientResponse, most: float) -> AsyncIterator[bytes]:
    """The decoded body in small pieces. TooLarge beyond `most` bytes, EOFError when a compressed one stops early."""
    size = 0
    async for piece in _decoded(response):
        size += len(piece)
        if size > most:
            raise TooLarge
        yield piece


async def _decoded(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    packed = response.headers.get("Content-Encoding", "").lower() == "gzip"
    inflate = _Gzip()
    async for chunk in response.content.iter_chunked(_CHUNK):
        if not packed:
            yield chunk
            continue
        for piece in inflate.pieces(chunk):
            yield piece
    if packed and not inflate.whole:
        raise EOFError


class _Gzip:
    """A gzip stream of one or more members; a piece is never longer than a chunk, however well it was packed."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        self.whole = False

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """What a chunk of the stream unpacks to."""
        while chunk:
            if self.whole:
                self._inflater, self.whole = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16), False
            yield self._inflater.decompress(chunk, _CHUNK)
            self.whole = self._inflater.eof
            chunk = self._inflater.unused_data if self.whole else self._inflater.unconsumed_tail


def wire(request: Mapping[str, Any], header: str | None) -> dict[str, Any]:
    """Arguments for aiohttp, built anew for every sending: a body stream can be read only once."""
    arguments = {key: value for key, value in request.items() if key not in {"json", "headers"}}
    headers = dict(request.get("headers") or {})
    if header is not None:
        headers["Authorization"] = header
    if "json" in request:
        headers["Content-Type"] = "application/json"
        arguments["data"] = BytesIO(orjson.dumps(request["json"]))
    return arguments | {"headers": headers}
