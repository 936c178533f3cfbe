"""The channels of an alert as local servers: a mail server, a Bot API, a webhook."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiohttp import web
from aiosmtpd.smtp import SMTP
from vendors.vendor_world import Vendor, vendor

from obzvon_provider.notifiers.channels import Channel, parse

TOKEN = "123456:telegram-bot-token"
SECRET = "webhook-secret-token"


class Mailbox:
    """Takes every mail."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  (aiosmtpd's name)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return "250 taken"


@dataclass
class Listeners:
    """What was said on each channel. `broken`: HTTP channels answer 500."""

    http: Vendor
    mailbox: Mailbox
    channels: list[Channel]
    broken: bool = False

    def hooks(self) -> list[dict[str, Any]]:
        """Bodies of the webhook."""
        return [body for asked, body in zip(self.http.asked, self.http.bodies, strict=True) if asked == "POST /hook"]

    def chats(self) -> list[dict[str, Any]]:
        """Bodies of the Bot API's sendMessage."""
        path = f"POST /bot{TOKEN}/sendMessage"
        return [body for asked, body in zip(self.http.asked, self.http.bodies, strict=True) if asked == path]

    def read(self) -> str:
        """All that stands in all messages, mails decoded."""
        parts = [part for mail in self.mailbox.mails for part in mail.walk() if not part.is_multipart()]
        return str([self.hooks(), self.chats(), self.letters(), [part.get_content() for part in parts]])

    def letters(self) -> list[str]:
        """Subjects of the mails."""
        return [str(mail["Subject"]) for mail in self.mailbox.mails]


@asynccontextmanager
async def listening(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Listeners]:
    """All three channels, and the Airflow connections that lead to them."""
    mailbox = Mailbox()
    found: list[Listeners] = []

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"ok": True}, status=500 if found[0].broken else 200)

    async with vendor(answer) as http:
        mail = await asyncio.get_running_loop().create_server(lambda: SMTP(mailbox), "127.0.0.1", 0)
        port = mail.sockets[0].getsockname()[1]
        plain = {"disable_ssl": True, "disable_tls": True, "from_email": "obzvon@example.org", "retry_limit": 1}
        connections: dict[str, dict[str, Any]] = {
            "mail": {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": plain},
            "bot": {"conn_type": "generic", "host": http.url, "password": TOKEN, "extra": {"private": True}},
            "pager": {
                "conn_type": "generic", "host": f"{http.url}/hook", "password": SECRET, "extra": {"private": True}
            },
        }  # fmt: skip
        for name, values in connections.items():
            monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(values))
        channels = parse("email mail duty@example.org; telegram bot -100123; webhook pager")
        found.append(Listeners(http, mailbox, channels))
        try:
            yield found[0]
        finally:
            mail.close()
