"""The trigger that waits for the reports of a batch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from typing import Any, Literal

import psycopg
from airflow.triggers.base import BaseTrigger, TriggerEvent
from pydantic import BaseModel, ConfigDict

from obzvon.errors import ObzvonError
from obzvon.ledger.intents import Intent, intents_of
from obzvon.stages.stop import StopCause, can_be_stopped, stop
from obzvon.stages.wait import Completeness, task_of, watch
from obzvon.warehouse.db import connect_async
from obzvon_provider.hooks.warehouse import WarehouseHook
from obzvon_provider.runtime import dialer_of, stored_spec_async
from obzvon_provider.triggers.shared import waiting_room

__all__ = ["ReportTrigger", "WaitEvent"]


class WaitEvent(BaseModel):
    """What the trigger says when it ends: ids and words, nothing else crosses the metadata database."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    status: Literal["done", "kill_switch", "failed"]
    verdicts: dict[str, Completeness] = {}
    error: str | None = None


class ReportTrigger(BaseTrigger):
    """Looks at the running intents of one batch until each report is complete or `deadline` has come.

    It only looks: a restart of the triggerer begins the looking anew and cancels nothing. Where a user marks or clears
    the deferred task, Airflow calls `on_kill`, and that alone stops the vendor campaigns.
    """

    def __init__(self, plan_id: str, batch_no: int, deadline: str, warehouse_conn_id: str) -> None:
        super().__init__()
        self.plan_id, self.batch_no = plan_id, batch_no
        self.deadline, self.warehouse_conn_id = deadline, warehouse_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Import path and arguments; the deadline is absolute (ISO 8601 with offset)."""
        kwargs = {
            "plan_id": self.plan_id,
            "batch_no": self.batch_no,
            "deadline": self.deadline,
            "warehouse_conn_id": self.warehouse_conn_id,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event, always: `done` with a verdict for each intent, `kill_switch`, or `failed` with one sentence."""
        try:
            event = await self._event()
        except ObzvonError as error:
            event = WaitEvent(status="failed", error=str(error))
        except psycopg.Error as error:
            event = WaitEvent(status="failed", error=f"warehouse: {type(error).__name__}")
        yield TriggerEvent(event.model_dump(mode="json"))

    async def on_kill(self) -> None:
        """Stop the batch's vendor campaigns: a user has ended the task. Never called when a triggerer stops."""
        dsn = await WarehouseHook(self.warehouse_conn_id).adsn()
        spec = await stored_spec_async(dsn, self.plan_id)
        async with dialer_of(spec, dsn) as connected, await connect_async(dsn) as conn:
            intents = await intents_of(conn, self.plan_id, self.batch_no)
            await stop(conn, connected.dialer, intents, StopCause.USER, run_id=self._run_id)

    async def _event(self) -> WaitEvent:
        dsn, room = await WarehouseHook(self.warehouse_conn_id).adsn(), waiting_room()
        spec, intents = await room.running(dsn, self.plan_id, self.batch_no)
        if not intents:
            await asyncio.sleep(1)  # an event before the scheduler has noted the deferral is lost work
            return WaitEvent(status="done")
        stoppable = any(map(_to_be_stopped, intents))
        tasks = [task_of(i, spec) for i in intents]
        async with (
            room.dialer(spec, dsn) as connected,
            room.rung(connected, dsn, [task.task_id for task in tasks]) as waiter,
        ):
            verdicts = await watch(
                connected.dialer,
                tasks,
                spec.wait,
                deadline=datetime.fromisoformat(self.deadline),
                poll_seconds=connected.poll_seconds,
                sleep=waiter.sleep,
                turned=waiter.turned,
                standings=connected.standings,
                interrupted=partial(room.switched_off, spec.name) if stoppable else None,
                place=connected.place,
            )
        return WaitEvent(status="done" if len(verdicts) == len(intents) else "kill_switch", verdicts=verdicts)

    @property
    def _run_id(self) -> str:
        return self.task_instance.run_id if self.task_instance else ""


def _to_be_stopped(intent: Intent) -> bool:
    """Those that were told to stop already are waited for like others, whatever the switch says."""
    return can_be_stopped(intent) and intent.stop_outcome is None
