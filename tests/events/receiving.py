"""The receiver without a server around it: a request as a server hands it over, and the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from obzvon.events.door import PREFIX, Door
from obzvon.events.inbox import Inbox
from obzvon.events.receiver import Receiver
from obzvon.vendors.account import Account
from obzvon.vendors.twin import Twin

__all__ = ["FROM_TWIN", "KEY", "Post", "account", "receiver"]

KEY = "k" * 20 + "-0123456789-secret"
FROM_TWIN = "87.251.83.190"


def account(**options: Any) -> Account:
    """A connection whose events are let in."""
    return Account("https://twin24.ai", options={"webhook_secret": KEY, **options}, conn_id="twin_default")


def receiver(inbox: Inbox, **options: Any) -> Receiver:
    """The application over an inbox; the one door is that of `twin_default`."""
    door = Door.of("twin", account(**options))

    async def doors(conn_id: str) -> Door | None:
        return door if conn_id == "twin_default" else None

    async def opened() -> Inbox:
        return inbox

    return Receiver(doors, opened)


def inbox_of(dsn: str) -> Inbox:
    """An inbox that reads TWIN's events."""
    return Inbox(dsn, lambda vendor, body: Twin.event(body))


class Post:
    """One request; `send` gives the status and keeps headers, body and what a server would log as the path."""

    def __init__(
        self,
        *body: bytes,
        path: str = f"/twin_default/{KEY}",
        method: str = "POST",
        peer: str | None = FROM_TWIN,
        forwarded: Sequence[str] = (),
        length: int | None = None,
        more: Callable[[], Awaitable[dict[str, Any]]] | None = None,
    ) -> None:
        headers: list[tuple[bytes, bytes]] = [(b"x-forwarded-for", each.encode("latin-1")) for each in forwarded]
        if length is not None:
            headers.append((b"content-length", str(length).encode()))
        self.scope = {
            "type": "http", "method": method, "path": f"{PREFIX}{path}", "root_path": PREFIX, "query_string": b"",
            "headers": headers, "client": None if peer is None else (peer, 4321),
        }  # fmt: skip
        self._parts: Iterable[bytes] = iter(body or (b"",))
        self._more, self._left = more, len(body or (b"",))
        self.headers: dict[bytes, bytes] = {}
        self.body, self.parts_read = b"", 0

    async def send(self, app: Receiver) -> int:
        """The status of the answer; 0 where there is none."""
        status = [0]

        async def receive() -> dict[str, Any]:
            self._left -= 1
            self.parts_read += 1
            if self._left < 0 and self._more:
                return await self._more()
            part = next(iter(self._parts), b"")
            return {"type": "http.request", "body": part, "more_body": self._left > 0 or self._more is not None}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                status[0], self.headers = message["status"], dict(message["headers"])
            else:
                self.body += message["body"]

        await app(self.scope, receive, send)
        return status[0]
