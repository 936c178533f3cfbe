"""Faults between the vendor and its client: requests and answers that are held, slowed down or broken off."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import socket
import struct
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.types import Message, Receive

from obzvon.sandbox.script import Script

#: Into so many pieces, at most, the head of a slow answer is cut.
_PIECES = 20
#: Real seconds the client has to read the first half before the connection is reset.
_READ = 0.05


class HoldBefore(Script):
    """Keep the request unhandled until it is released (POST /_sandbox/release) or `seconds` pass.

    When the client goes away meanwhile, the request never arrives.
    """

    do: Literal["hold_before"]
    seconds: Annotated[float, Field(ge=0, le=600)] = 600.0


class Hold(Script):
    """Handle the request, then keep the answer back until it is released (POST /_sandbox/release) or `seconds` pass.

    With `half` the head and half of the body go out first. Whatever the client does meanwhile, it stays handled.
    """

    do: Literal["hold"]
    seconds: Annotated[float, Field(ge=0, le=600)] = 600.0
    half: bool = False


class Truncate(Script):
    """Handle, then send the head and only half of the body and cut the connection."""

    do: Literal["truncate"]


class Reset(Script):
    """Handle, then send the head and half of the body and reset the connection (TCP RST)."""

    do: Literal["reset"]


class TruncatedGzip(Script):
    """Handle, then answer with gzip that stops in the middle, its length agreeing with the head."""

    do: Literal["truncated_gzip"]


class SlowHeaders(Script):
    """Handle, then let the head drip for `seconds` before the body follows at once."""

    do: Literal["slow_headers"]
    seconds: Annotated[float, Field(ge=0, le=600)] = 5.0


def half_gzip(reply_head: Message, body: bytes) -> tuple[Message, bytes]:
    """Head and body of an answer whose gzip is cut in the middle."""
    kept = [pair for pair in reply_head["headers"] if pair[0].lower() not in (b"content-length", b"content-encoding")]
    packed = gzip.compress(body)
    return {**reply_head, "headers": [*kept, (b"content-encoding", b"gzip")]}, packed[: len(packed) // 2]


async def drip(transport: asyncio.Transport, head: Message, body: bytes, seconds: float) -> None:
    """Write an answer by hand, its head piece by piece, and close the connection after it."""
    lines = [b"HTTP/1.1 %d OK" % head["status"], *(b"%s: %s" % pair for pair in head["headers"]), b"connection: close"]
    raw = b"\r\n".join(lines) + b"\r\n\r\n"
    starts = range(0, len(raw), -(-len(raw) // _PIECES))
    for start in starts:
        if transport.is_closing():
            return
        transport.write(raw[start : start + starts.step])
        await asyncio.sleep(seconds / len(starts))
    transport.write(body)
    transport.close()


async def reset(transport: asyncio.Transport) -> None:
    """Cut the connection so that the client sees it reset, not ended."""
    await asyncio.sleep(_READ)
    with contextlib.suppress(OSError):
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


@dataclass(slots=True)
class Held:
    """One request that is kept waiting. `handled`: the vendor has done what it asks."""

    vendor: str
    method: str
    path: str
    handled: bool
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def shown(self) -> dict[str, object]:
        """As the admin path lists it."""
        return {"vendor": self.vendor, "method": self.method, "path": self.path, "handled": self.handled}


class Holds:
    """Requests that wait, until somebody lets them go."""

    def __init__(self) -> None:
        self._held: dict[int, Held] = {}
        self._numbers = itertools.count()

    def listed(self) -> list[dict[str, object]]:
        return [held.shown() for held in self._held.values()]

    def release(self) -> int:
        """Let all go on; how many there were."""
        for held in self._held.values():
            held.released.set()
        return len(self._held)

    async def wait(self, held: Held, receive: Receive, seconds: float) -> bool:
        """Wait for the release, at most `seconds`; False when the client went away first."""
        number = next(self._numbers)
        self._held[number] = held
        ways: list[Coroutine[Any, Any, Any]] = [_gone(receive), held.released.wait(), asyncio.sleep(seconds)]
        gone, *others = [asyncio.ensure_future(way) for way in ways]
        try:
            await asyncio.wait([gone, *others], return_when=asyncio.FIRST_COMPLETED)
            return not gone.done()
        finally:
            for task in (gone, *others):
                task.cancel()
            del self._held[number]


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
