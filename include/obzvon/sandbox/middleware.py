"""Around every vendor request: fault scripts, the journal, and the `Date` header."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from obzvon.sandbox.clock import http_date
from obzvon.sandbox.fault_records import RECORD, RecordFault, Redirect
from obzvon.sandbox.fault_rows import RowFault
from obzvon.sandbox.fault_wire import (
    Held,
    Hold,
    HoldBefore,
    Reset,
    SlowHeaders,
    Truncate,
    TruncatedGzip,
    drip,
    half_gzip,
    reset,
)
from obzvon.sandbox.faults import (
    SWALLOWED,
    Answer,
    AnyFault,
    DropAfter,
    DropBefore,
    LoseItems,
    Swallow,
    TokenDeath,
    TooMany,
)
from obzvon.sandbox.journal import Entry
from obzvon.sandbox.refusals import vendor_of
from obzvon.sandbox.world import World

TRANSPORT = "obzvon.transport"


class CuttableProtocol(HttpToolsProtocol):
    """uvicorn's protocol that hands the connection to the application, so that a fault can cut it."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, Any] = {TRANSPORT: {"transport": self.transport}}
        self.scope["extensions"] = extensions


@dataclass(slots=True)
class Reply:
    """The application's answer, held back until the faults have had their say."""

    head: Message = field(default_factory=dict)
    body: bytes = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.head = dict(message)
        else:
            self.body += message.get("body", b"")

    @property
    def status(self) -> int:
        return int(self.head["status"])


class Gate:
    """ASGI middleware. Admin paths pass untouched but for the `Date` header."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app, self._world = app, world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif vendor := vendor_of(scope["path"]):
            await self._vendor(vendor, scope, receive, send)
        else:
            reply = Reply()
            await self._app(scope, receive, reply.send)
            await _deliver(reply, send)

    async def _vendor(self, vendor: str, scope: Scope, receive: Receive, send: Send) -> None:
        at, began = time.time(), time.perf_counter()
        body = await _read(receive)
        if body is None:
            return
        query = scope["query_string"].decode("latin-1")
        said = f"{query} {body.decode('utf-8', 'replace')}"
        fault = self._world.faults.hit(vendor, scope["method"], scope["path"], said)
        if fault is not None and fault.delay:
            await asyncio.sleep(fault.delay)
        reply = await self._answered(fault, vendor, scope, receive, body)
        entry = Entry(
            at=at,
            vendor=vendor,
            method=scope["method"],
            path=scope["path"],
            query=query,
            body=body,
            status=None if reply is None else reply.status,
            fault=fault.do if fault else None,
            seconds=time.perf_counter() - began,
        )
        self._world.journal.write(entry)
        if reply is None:
            await _cut(scope, receive, flush=False)
        else:
            await self._send(fault, reply, scope, receive, send)

    async def _answered(
        self, fault: AnyFault | None, vendor: str, scope: Scope, receive: Receive, body: bytes
    ) -> Reply | None:
        """The answer to send, None where none will be: because of the fault, or because the client is gone."""
        if isinstance(fault, HoldBefore) and not await self._hold(fault, vendor, scope, receive, handled=False):
            return None
        reply = await self._reply(fault, vendor, scope, body)
        if isinstance(fault, DropAfter):
            return None
        if isinstance(fault, Hold) and not fault.half:
            return reply if await self._hold(fault, vendor, scope, receive, handled=True) else None
        return reply

    async def _hold(
        self, fault: Hold | HoldBefore, vendor: str, scope: Scope, receive: Receive, *, handled: bool
    ) -> bool:
        held = Held(vendor, scope["method"], scope["path"], handled)
        return await self._world.holds.wait(held, receive, fault.seconds)

    async def _reply(self, fault: AnyFault | None, vendor: str, scope: Scope, body: bytes) -> Reply | None:
        """The vendor's answer, None where the request is not even looked at."""
        if isinstance(fault, DropBefore):
            return None
        if isinstance(fault, TooMany) or (isinstance(fault, Answer) and not fault.handled):
            return _scripted(fault)
        if isinstance(fault, Redirect):
            head = {"type": "http.response.start", "status": fault.status}
            return Reply({**head, "headers": [(b"location", fault.to.encode())]})
        if isinstance(fault, TokenDeath):
            self._world.tokens.kill(vendor)
        if isinstance(fault, LoseItems):
            body = fault.without(body)
        if isinstance(fault, Swallow):
            scope = {**scope, SWALLOWED: True}
        if isinstance(fault, RecordFault):
            scope = {**scope, RECORD: fault}
        reply = Reply()
        if isinstance(fault, RowFault):
            query = scope["query_string"]
            await self._app(_plain(scope, fault.asked(query)), _replay(body), reply.send)
            reply.body = fault.shown(reply.body, query)
        else:
            await self._app(scope, _replay(body), reply.send)
        return _scripted(fault) if isinstance(fault, Answer) else reply

    async def _send(self, fault: AnyFault | None, reply: Reply, scope: Scope, receive: Receive, send: Send) -> None:
        if isinstance(fault, TruncatedGzip):
            reply.head, reply.body = half_gzip(reply.head, reply.body)
        if isinstance(fault, SlowHeaders):
            await drip(_transport(scope), _whole_head(reply), reply.body, fault.seconds)
            await _until_gone(receive)
            return
        half = isinstance(fault, Truncate | Reset | Hold) and getattr(fault, "half", True)
        await _deliver(reply, send, half=half)
        if isinstance(fault, Hold) and half:
            if await self._hold(fault, vendor_of(scope["path"]), scope, receive, handled=True):
                await send({"type": "http.response.body", "body": reply.body[len(reply.body) // 2 :]})
        elif isinstance(fault, Reset):
            await reset(_transport(scope))
            await _until_gone(receive)
        elif half:
            await _cut(scope, receive, flush=True)


def _scripted(fault: Answer | TooMany) -> Reply:
    if isinstance(fault, TooMany):
        headers = [(b"content-type", b"application/json"), (b"retry-after", fault.header().encode())]
        return Reply({"type": "http.response.start", "status": 429, "headers": headers}, b'{"error":"too many"}')
    text = isinstance(fault.body, str)
    body = fault.body.encode() if isinstance(fault.body, str) else orjson.dumps(fault.body)
    kind = fault.content_type or ("text/html; charset=utf-8" if text else "application/json")
    headers = [(b"content-type", kind.encode())]
    return Reply({"type": "http.response.start", "status": fault.status, "headers": headers}, body)


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None when the client went away in the middle of it."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _plain(scope: Scope, query: bytes) -> Scope:
    """The request with another query, and without compression: its answer is going to be changed."""
    headers = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
    return {**scope, "query_string": query, "headers": headers}


def _whole_head(reply: Reply) -> Message:
    headers = [pair for pair in reply.head["headers"] if pair[0].lower() != b"content-length"]
    if not any(name.lower() == b"date" for name, _ in headers):
        headers.append((b"date", http_date(time.time()).encode()))
    headers.append((b"content-length", str(len(reply.body)).encode()))
    return {**reply.head, "headers": headers}


async def _deliver(reply: Reply, send: Send, *, half: bool = False) -> None:
    await send(_whole_head(reply))
    body = reply.body[: len(reply.body) // 2] if half else reply.body
    await send({"type": "http.response.body", "body": body, "more_body": half})


async def _cut(scope: Scope, receive: Receive, *, flush: bool) -> None:
    transport = _transport(scope)
    if flush:
        transport.close()
    else:
        transport.abort()
    await _until_gone(receive)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _transport(scope: Scope) -> asyncio.Transport:
    transport: asyncio.Transport = scope["extensions"][TRANSPORT]["transport"]
    return transport
