"""The trigger that waits until something is in the inbox of events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Literal

import psycopg
from airflow.triggers.base import BaseTrigger, TriggerEvent
from pydantic import BaseModel, ConfigDict

from obzvon.errors import ObzvonError
from obzvon.events.mover import PENDING
from obzvon.warehouse.db import connect_async
from obzvon_provider.hooks.warehouse import WarehouseHook
from obzvon_provider.triggers.shared import waiting_room

__all__ = ["EventsTrigger", "InboxEvent"]

#: A ring may be lost with its connection: so often the inbox is looked at without one, seconds.
LOOK_EVERY = 30.0
#: An event before the scheduler has noted the deferral is lost work.
LEAST = 1.0


class InboxEvent(BaseModel):
    """What the trigger says when it ends: `come`, `over` when the deadline was first, or `failed` with one sentence.

    `loaded` is handed back: how many calls the run has loaded so far.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    status: Literal["come", "over", "failed"]
    loaded: int = 0
    error: str | None = None


class EventsTrigger(BaseTrigger):
    """Waits until events are in the inbox, or `deadline` (ISO 8601) has come. It only looks."""

    def __init__(self, deadline: str, loaded: int, warehouse_conn_id: str) -> None:
        super().__init__()
        self.deadline, self.loaded, self.warehouse_conn_id = deadline, loaded, warehouse_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Import path and arguments."""
        kwargs = {"deadline": self.deadline, "loaded": self.loaded, "warehouse_conn_id": self.warehouse_conn_id}
        return f"{type(self).__module__}.{type(self).__qualname__}", kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event, always."""
        try:
            event = InboxEvent(status="come" if await self._came() else "over", loaded=self.loaded)
        except ObzvonError as error:
            event = InboxEvent(status="failed", loaded=self.loaded, error=str(error))
        except psycopg.Error as error:
            event = InboxEvent(status="failed", loaded=self.loaded, error=f"warehouse: {type(error).__name__}")
        yield TriggerEvent(event.model_dump(mode="json"))

    async def _came(self) -> bool:
        dsn, deadline = await WarehouseHook(self.warehouse_conn_id).adsn(), datetime.fromisoformat(self.deadline)
        async with waiting_room().bell.waiter(dsn, None, LEAST) as waiter:
            while (left := (deadline - datetime.now(UTC)).total_seconds()) > 0:
                await waiter.sleep(min(LOOK_EVERY, max(left, LEAST)))
                async with await connect_async(dsn) as conn:
                    if await (await conn.execute(PENDING)).fetchone() == (True,):
                        return True
        return False
