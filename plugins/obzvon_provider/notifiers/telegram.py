"""A message by a Telegram bot. Source: Telegram Bot API, sendMessage (core.telegram.org/bots/api#sendmessage)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from airflow.sdk import BaseHook, BaseNotifier, Context

from obzvon.errors import ConfigError
from obzvon.watching.sending import post

__all__ = ["TelegramNotifier"]

API = "https://api.telegram.org"
#: Telegram's limit of a text, characters.
LONGEST = 4096


class TelegramNotifier(BaseNotifier):
    """Sends `text` to a chat. Connection: password is the bot's token, host another Bot API server where there is one.

    The extra key `private` allows that server to stand within the own network.
    """

    template_fields: Sequence[str] = ("text",)

    def __init__(self, *, conn_id: str, chat: str, text: str, context: Context | None = None) -> None:
        super().__init__(context)
        self.conn_id, self.chat, self.text = conn_id, chat, text

    async def async_notify(self, context: Context) -> None:
        """Send it, or raise what says why not."""
        conn = await BaseHook.aget_connection(self.conn_id)
        if not conn.password:
            raise ConfigError(f"connection {self.conn_id}: the password is empty; put the bot's token there")
        body = {"chat_id": self.chat, "text": self.text[:LONGEST], "link_preview_options": {"is_disabled": True}}
        address = f"{(conn.host or API).rstrip('/')}/bot{conn.password}/sendMessage"
        await post(self.conn_id, address, body, private=bool(conn.extra_dejson.get("private")))

    def notify(self, context: Context) -> None:
        """As `async_notify`, where nothing is awaited: callbacks of a DAG or a task."""
        asyncio.run(self.async_notify(context))
