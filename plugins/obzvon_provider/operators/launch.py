"""Create the vendor campaigns of a batch, each at most once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseAsyncOperator, Context

from obzvon.stages.launch import Launcher, launch
from obzvon.warehouse.db import connect_async
from obzvon_provider.failures import one_sentence
from obzvon_provider.hooks.warehouse import WarehouseHook
from obzvon_provider.runtime import dialer_of, kill_switch, stored_spec_async

__all__ = ["LaunchOperator"]


class LaunchOperator(BaseAsyncOperator):
    """Brings every intent of the batch to `running`. Safe to clear and to run twice: the ledger decides what is sent.

    Returns the number of intents by state and of contacts handed to the vendor.
    """

    template_fields: Sequence[str] = ("plan_id", "batch_no")

    def __init__(self, *, plan_id: str, batch_no: int, warehouse_conn_id: str = "warehouse_default", **kwargs: Any):
        super().__init__(**kwargs)
        self.plan_id, self.batch_no, self.warehouse_conn_id = plan_id, batch_no, warehouse_conn_id

    async def aexecute(self, context: Context) -> dict[str, int]:
        with one_sentence():
            dsn = await WarehouseHook(self.warehouse_conn_id).adsn()
            spec = await stored_spec_async(dsn, self.plan_id)
            async with dialer_of(spec, dsn) as connected, await connect_async(dsn) as conn:
                launcher = Launcher(conn, connected.dialer, spec, context["run_id"], kill_switch)
                result = await launch(launcher, self.plan_id, int(self.batch_no))
        self.log.info("batch %s: %s, %d contacts sent", self.batch_no, dict(result.states), result.contacts_sent)
        return {**result.states, "contacts_sent": result.contacts_sent}
