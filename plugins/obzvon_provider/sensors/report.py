"""Wait until the reports of a batch are complete."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseSensorOperator, Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from pydantic import ValidationError

from obzvon.ledger.intents import Intent, intents_of, move
from obzvon.ledger.states import IntentState
from obzvon.stages.wait import Completeness, deadline_of
from obzvon.warehouse.db import connect_async
from obzvon_provider.failures import one_sentence
from obzvon_provider.hooks.warehouse import WarehouseHook
from obzvon_provider.runtime import stored_spec_async
from obzvon_provider.triggers.report import ReportTrigger, WaitEvent

__all__ = ["WaitSensor"]


class WaitSensor(BaseSensorOperator):
    """Defers until every running intent of the batch has a complete report or the absolute deadline has come.

    Returns how many reports are complete and how many partial. Nothing to wait for is success at once.
    """

    template_fields: Sequence[str] = ("plan_id", "batch_no")

    def __init__(self, *, plan_id: str, batch_no: int, warehouse_conn_id: str = "warehouse_default", **kwargs: Any):
        super().__init__(**kwargs)
        self.plan_id, self.batch_no, self.warehouse_conn_id = plan_id, batch_no, warehouse_conn_id

    def execute(self, context: Context) -> dict[str, int]:
        with one_sentence():
            deadline = asyncio.run(self._deadline())
        if deadline is None:
            self.log.info("batch %s: no report to wait for", self.batch_no)
            return {"complete": 0, "partial": 0}
        self.log.info("batch %s: waiting until %s at the latest", self.batch_no, deadline.isoformat())
        # The trigger ends by itself at the deadline; the timeout is the net below it.
        self.defer(
            trigger=ReportTrigger(self.plan_id, int(self.batch_no), deadline.isoformat(), self.warehouse_conn_id),
            method_name="resume",
            timeout=max(deadline - datetime.now(UTC), timedelta()) + timedelta(minutes=15),
        )
        raise AssertionError("defer always raises")

    def resume(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, int]:
        """Note the verdicts in the ledger. An event that is not exactly as expected never means success."""
        try:
            said = WaitEvent.model_validate(event)
        except ValidationError as error:
            raise AirflowFailException(f"the trigger's event is not understood: {error.error_count()} faults") from None
        if said.status == "failed":
            raise AirflowException(said.error or "the trigger failed without a reason")
        with one_sentence():
            asyncio.run(self._settle(said.verdicts, context["run_id"]))
        verdicts = list(said.verdicts.values())
        return {"complete": verdicts.count("complete"), "partial": verdicts.count("partial")}

    async def _deadline(self) -> datetime | None:
        dsn = await WarehouseHook(self.warehouse_conn_id).adsn()
        spec = await stored_spec_async(dsn, self.plan_id)
        intents = await self._running(dsn)
        return deadline_of(intents, spec.wait) if intents else None

    async def _running(self, dsn: str) -> list[Intent]:
        async with await connect_async(dsn) as conn:
            return await intents_of(conn, self.plan_id, int(self.batch_no), [IntentState.RUNNING])

    async def _settle(self, verdicts: dict[str, Completeness], run_id: str) -> None:
        dsn = await WarehouseHook(self.warehouse_conn_id).adsn()
        async with await connect_async(dsn) as conn:
            for intent in await intents_of(conn, self.plan_id, int(self.batch_no), [IntentState.RUNNING]):
                if verdict := verdicts.get(intent.intent_id):
                    await move(conn, intent, IntentState.COLLECTING, run_id=run_id, completeness=verdict)
