"""The receiver: POST <prefix>/<connection>/<secret>, answered 200 when the body is on the disk and never before.

| Answer | When | What TWIN does |
|---|---|---|
| 200 | the body is stored, whatever it says | nothing more |
| 404 | the secret, the sender, the method or the path is not right: like any address that does not exist | |
| 408 | the body does not come to an end | repeats |
| 413 | the body is larger than `webhook_max_kib`; it is not stored, so 200 would be a lie | repeats: raise the limit |
| 503 | the warehouse is away, or more comes than it takes | repeats |

A plain ASGI application: it has one route, and a framework would cost more than the work. The path is hidden from the
logs of whatever server carries it, for it holds the secret.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from obzvon.errors import ObzvonError
from obzvon.events.door import Door
from obzvon.events.inbox import Arrived, Inbox, InboxAway, InboxFull

__all__ = ["Receiver"]

log = logging.getLogger(__name__)

#: A body must have come by then, seconds.
SECONDS_FOR_A_BODY = 10.0
#: Bodies that are read at once; each may be as large as the limit.
MOST_READING = 64
#: When TWIN may come again, seconds. Nobody documents that it heeds this.
AGAIN = b"30"
HIDDEN = "***"

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
#: The door of a connection; None where there is none.
Doors = Callable[[str], Awaitable[Door | None]]


class _Gone(Exception):
    """The sender has left; nothing went wrong here."""


class _TooLarge(Exception):
    """More bytes than the door lets in."""


class Receiver:
    """The application. `inbox` is asked for with the first event, in the loop that serves it."""

    def __init__(self, doors: Doors, inbox: Callable[[], Awaitable[Inbox]]) -> None:
        self._doors, self._inbox = doors, inbox
        self._reading = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await _lifespan(receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1000})
        door, conn_id = await self._entered(scope)
        if door is None:
            return await _answer(send, 404, b'{"detail":"Not Found"}')
        if self._reading >= MOST_READING:
            return await _answer(send, 503)
        self._reading += 1
        try:
            status = await self._status(door, conn_id, scope, receive)
        except _Gone:
            return None
        finally:
            self._reading -= 1
        return await _answer(send, status)

    async def _entered(self, scope: Scope) -> tuple[Door | None, str]:
        """The door that let the request in, and whose it is."""
        conn_id, secret = _named(scope)
        if scope["method"] != "POST" or not secret:
            return None, conn_id
        door = await self._doors(conn_id)
        headers = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        peer = scope["client"][0] if scope.get("client") else None
        return (door if door and door.opens(secret, peer, headers) else None), conn_id

    async def _status(self, door: Door, conn_id: str, scope: Scope, receive: Receive) -> int:
        try:
            async with asyncio.timeout(SECONDS_FOR_A_BODY):
                body = await _body(scope, receive, door.largest)
        except TimeoutError:
            log.warning("events of %s: a body did not come to an end in %g s", conn_id, SECONDS_FOR_A_BODY)
            return 408
        except _TooLarge:
            log.error("events of %s: a body of more than %d KiB was refused", conn_id, door.largest >> 10)
            return 413
        try:
            await (await self._inbox()).put(Arrived(door.vendor, conn_id, body))
        except (InboxAway, InboxFull):
            return 503
        except ObzvonError as error:
            log.error("events of %s cannot be stored: %s", conn_id, error)
            return 503
        return 200


async def _body(scope: Scope, receive: Receive, largest: int) -> bytes:
    declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    if declared.isdigit() and int(declared) > largest:
        raise _TooLarge
    parts, size = list[bytes](), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > largest:
            raise _TooLarge
        if not message.get("more_body"):
            return b"".join(parts)


def _named(scope: Scope) -> tuple[str, str]:
    """Connection and secret of the path, which is hidden from here on; empty where there are no two such parts."""
    root = str(scope.get("root_path") or "")
    path = str(scope["path"])
    parts = path.removeprefix(root).strip("/").split("/")
    if len(parts) != 2:
        return "", ""
    scope["path"] = f"{path.rpartition('/')[0]}/{HIDDEN}"
    scope["raw_path"] = scope["path"].encode(errors="replace")
    return parts[0], parts[1]


async def _answer(send: Send, status: int, body: bytes = b"") -> None:
    headers = [(b"content-length", str(len(body)).encode())]
    if body:
        headers.append((b"content-type", b"application/json"))
    if status == 503:
        headers.append((b"retry-after", AGAIN))
    if status in (408, 413):  # what is left of the body is not read
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
