"""Between aiohttp and us: arguments of a request, bytes of an answer."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Mapping
from io import BytesIO
from typing import Any

import aiohttp
import orjson

_CHUNK = 64 * 1024


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
