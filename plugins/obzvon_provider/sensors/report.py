"""Wait until the reports of a batch are complete."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from airflow.sdk import BaseSensorOperator, Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from pydantic import ValidationError

from obzvon.ledger.intents import Intent, intents_of, move
from obzvon.ledger.states import IntentState
from obzvon.stages.stop import StopCause, can_be_stopped, stop
from obzvon.stages.wait import deadline_of
from obzvon.warehouse.db import connect_async
from obzvon_provider.failures import one_sentence
from obzvon_provider.hooks.warehouse import WarehouseHook
from obzvon_provider.links import CabinetLink, publish
from obzvon_provider.runtime import dialer_of, stored_spec_async
from obzvon_provider.triggers.report import ReportTrigger, WaitEvent

__all__ = ["WaitSensor"]


class WaitSensor(BaseSensorOperator):
    """Defers until every running intent of the batch has a complete report or the absolute deadline has come.

    Returns how many reports are complete and how many partial. Nothing to wait for is success at once.
    """

    template_fields: Sequence[str] = ("plan_id", "batch_no")
    operator_extra_links = (CabinetLink(),)

    def __init__(self, *, plan_id: str, batch_no: int, warehouse_conn_id: str = "warehouse_default", **kwargs: Any):
        super().__init__(**kwargs)
        self.plan_id, self.batch_no, self.warehouse_conn_id = plan_id, batch_no, warehouse_conn_id

    def execute(self, context: Context) -> dict[str, int]:
        with one_sentence():
            deadline = asyncio.run(self._deadline(context["run_id"]))
        if deadline is None:
            self.log.info("batch %s: no report to wait for", self.batch_no)
            return {"complete": 0, "partial": 0}
        self.log.info("batch %s: waiting until %s at the latest", self.batch_no, deadline.isoformat())
        publish(self, context)
        # The trigger ends by itself at the deadline; the timeout is the net below it.
        self.defer(
            trigger=ReportTrigger(self.plan_id, int(self.batch_no), deadline.isoformat(), self.warehouse_conn_id),
            method_name="resume",
            timeout=max(deadline - datetime.now(UTC), timedelta()) + timedelta(minutes=15),
        )
        raise AssertionError("defer always raises")

    def resume(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, int]:
        """Note the verdicts in the ledger. An event that is not exactly as expected never means success.

        Switched off: the campaigns are stopped, and what they dialled until then is waited for. An intent that came to
        work meanwhile is waited for too.
        """
        try:
            said = WaitEvent.model_validate(event)
        except ValidationError as error:
            raise AirflowFailException(f"the trigger's event is not understood: {error.error_count()} faults") from None
        if said.status == "failed":
            raise AirflowException(said.error or "the trigger failed without a reason")
        with one_sentence():
            left = asyncio.run(self._settle(said, context["run_id"]))
        if left:
            return self.execute(context)
        verdicts = list(said.verdicts.values())
        return {"complete": verdicts.count("complete"), "partial": verdicts.count("partial")}

    async def _deadline(self, run_id: str) -> datetime | None:
        """When waiting ends; None: nothing to wait for. A stop that did not come to an end is asked for again."""
        dsn = await WarehouseHook(self.warehouse_conn_id).adsn()
        spec = await stored_spec_async(dsn, self.plan_id)
        async with await connect_async(dsn) as conn:
            intents = await self._running(conn)
            for intent in intents:
                if intent.stop_cause and can_be_stopped(intent):
                    await self._stop(conn, [intent], StopCause(intent.stop_cause), run_id)
        return deadline_of(intents, spec.wait) if intents else None

    async def _running(self, conn: psycopg.AsyncConnection) -> list[Intent]:
        return await intents_of(conn, self.plan_id, int(self.batch_no), [IntentState.RUNNING])

    async def _settle(self, said: WaitEvent, run_id: str) -> bool:
        """Whether intents are left to wait for."""
        dsn = await WarehouseHook(self.warehouse_conn_id).adsn()
        async with await connect_async(dsn) as conn:
            intents = await self._running(conn)
            late = [i for i in intents if said.verdicts.get(i.intent_id) == "partial"]
            await self._stop(conn, late, StopCause.DEADLINE, run_id)
            for intent in intents:
                if verdict := said.verdicts.get(intent.intent_id):
                    await move(conn, intent, IntentState.COLLECTING, run_id=run_id, completeness=verdict)
            await conn.commit()
            left = await self._running(conn)
            if said.status == "kill_switch":
                await self._stop(conn, left, StopCause.KILL_SWITCH, run_id)
        return bool(left)

    async def _stop(
        self, conn: psycopg.AsyncConnection, intents: Sequence[Intent], cause: StopCause, run_id: str
    ) -> None:
        if any(map(can_be_stopped, intents)):
            dsn = await WarehouseHook(self.warehouse_conn_id).adsn()
            spec = await stored_spec_async(dsn, self.plan_id)
            async with dialer_of(spec, dsn) as connected:
                await stop(conn, connected.dialer, intents, cause, run_id=run_id)
