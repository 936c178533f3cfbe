"""The trigger that looks for what is in doubt until the vendor can say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Literal, Self

import psycopg
from airflow.triggers.base import BaseTrigger, TriggerEvent
from pydantic import BaseModel, ConfigDict

from obzvon.errors import ObzvonError
from obzvon.ledger.doubts import doubt_of
from obzvon.ledger.intents import intents_of
from obzvon.ledger.states import IntentState
from obzvon.stages.settle import Sight, look_out
from obzvon.vendors.base import Found
from obzvon.vendors.patience import Patience
from obzvon.warehouse.db import connect_async
from obzvon_provider.hooks.warehouse import WarehouseHook
from obzvon_provider.runtime import dialer_of, stored_spec_async

__all__ = ["DoubtTrigger", "SightEvent"]


class Campaign(BaseModel):
    """A vendor campaign that carries the marker: ids and counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task_id: str
    contacts: int | None = None
    calls: int | None = None


class SightEvent(BaseModel):
    """What was seen: `seen`, `unanswered` when the deadline came first, `failed` with one sentence."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    status: Literal["seen", "unanswered", "failed"]
    campaigns: tuple[Campaign, ...] | None = None
    contacts: int | None = None
    error: str | None = None

    @classmethod
    def of(cls, seen: Sight | None) -> Self:
        """The event for a sight."""
        if seen is None:
            return cls(status="unanswered")
        if seen.campaigns is None:
            return cls(status="seen", contacts=seen.contacts)
        shown = [Campaign(task_id=c.task_id, contacts=c.contacts, calls=c.calls) for c in seen.campaigns]
        return cls(status="seen", campaigns=tuple(shown))

    def sight(self) -> Sight | None:
        """The sight of an event; None where nothing was seen in time."""
        if self.status != "seen":
            return None
        if self.campaigns is None:
            return Sight(contacts=self.contacts)
        return Sight(tuple(Found(c.task_id, "", contacts=c.contacts, calls=c.calls) for c in self.campaigns))


class DoubtTrigger(BaseTrigger):
    """Looks at the vendor for the intent of one doubt until that is certain, or `deadline` (ISO 8601) has come."""

    def __init__(self, plan_id: str, batch_no: int, deadline: str, warehouse_conn_id: str) -> None:
        super().__init__()
        self.plan_id, self.batch_no = plan_id, batch_no
        self.deadline, self.warehouse_conn_id = deadline, warehouse_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Import path and arguments."""
        kwargs = {
            "plan_id": self.plan_id,
            "batch_no": self.batch_no,
            "deadline": self.deadline,
            "warehouse_conn_id": self.warehouse_conn_id,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event, always."""
        try:
            event = SightEvent.of(await self._sight())
        except ObzvonError as error:
            event = SightEvent(status="failed", error=str(error))
        except psycopg.Error as error:
            event = SightEvent(status="failed", error=f"warehouse: {type(error).__name__}")
        yield TriggerEvent(event.model_dump(mode="json"))

    async def _sight(self) -> Sight | None:
        dsn = await WarehouseHook(self.warehouse_conn_id).adsn()
        spec = await stored_spec_async(dsn, self.plan_id)
        async with await connect_async(dsn) as conn:
            intents = await intents_of(conn, self.plan_id, self.batch_no, [IntentState.IN_DOUBT])
            doubts = [await doubt_of(conn, intent) for intent in intents]
        if not doubts:
            return None
        # looks are spaced and repeated here: each says at once what it met
        async with dialer_of(spec, dsn, patience=Patience(attempts=1)) as connected:
            return await look_out(connected.dialer, doubts[0], spec, deadline=datetime.fromisoformat(self.deadline))
