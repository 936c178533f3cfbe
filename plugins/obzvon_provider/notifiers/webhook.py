"""A message as JSON to an address of your own: a pager, a chat, an on-call service."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from airflow.sdk import BaseHook, BaseNotifier, Context

from obzvon.watching.sending import post

__all__ = ["WebhookNotifier"]


class WebhookNotifier(BaseNotifier):
    """POSTs `body`. Connection: host is the address (https://…), password, where there is one, a bearer token.

    The extra key `private` allows an address within the own network, and plain http there.
    """

    def __init__(self, *, conn_id: str, body: Mapping[str, Any], context: Context | None = None) -> None:
        super().__init__(context)
        self.conn_id, self.body = conn_id, body

    async def async_notify(self, context: Context) -> None:
        """Send it, or raise what says why not."""
        conn = await BaseHook.aget_connection(self.conn_id)
        headers = {"Authorization": f"Bearer {conn.password}"} if conn.password else None
        private = bool(conn.extra_dejson.get("private"))
        await post(self.conn_id, conn.host or "", self.body, headers=headers, private=private)

    def notify(self, context: Context) -> None:
        """As `async_notify`, where nothing is awaited: callbacks of a DAG or a task."""
        asyncio.run(self.async_notify(context))
