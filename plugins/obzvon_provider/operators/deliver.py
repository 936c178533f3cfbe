"""Send conversations to Qolio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from airflow.sdk import BaseAsyncOperator, Context

from obzvon.stages.deliver import deliver
from obzvon.stages.preflight import require_operators
from obzvon_provider.failures import one_sentence
from obzvon_provider.hooks.warehouse import WarehouseHook
from obzvon_provider.lineage import WithLineage
from obzvon_provider.links import QolioLink, publish
from obzvon_provider.runtime import copy_links, qolio_account_of, qolio_of, stored_spec_async

__all__ = ["DeliverOperator"]


class DeliverOperator(WithLineage, BaseAsyncOperator):
    """Sends what is missing or changed of the plan's conversations. Returns counts by outcome.

    Where the connection has a login for the account API nothing is sent unless the operator exists and is active.
    """

    template_fields: Sequence[str] = ("plan_id",)
    operator_extra_links = (QolioLink(),)

    def __init__(self, *, plan_id: str, warehouse_conn_id: str = "warehouse_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan_id, self.warehouse_conn_id = plan_id, warehouse_conn_id

    async def aexecute(self, context: Context) -> dict[str, int]:
        publish(self, context)
        with one_sentence():
            dsn = await WarehouseHook(self.warehouse_conn_id).adsn()
            spec = await stored_spec_async(dsn, self.plan_id)
            async with qolio_account_of(spec.qolio.conn_id, dsn) as account:
                if account is None:
                    self.log.warning("nobody looked whether operator %r is active", spec.qolio.operator_id)
                else:
                    await require_operators(account, {spec.qolio.operator_id: [spec.name]})
            async with qolio_of(spec, dsn) as client:
                summary = await deliver(dsn, spec, client, self.plan_id, links=await copy_links(spec))
        return asdict(summary)
