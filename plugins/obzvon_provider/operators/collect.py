"""Archive and load the reports of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from airflow.sdk import BaseAsyncOperator, Context

from obzvon.reports.archive import Archive
from obzvon.stages.collect_batch import Collector, collect
from obzvon.stages.recordings import copy_recordings
from obzvon_provider.failures import one_sentence
from obzvon_provider.hooks.warehouse import WarehouseHook
from obzvon_provider.lineage import WithLineage
from obzvon_provider.links import ArchiveLink, CampaignLink, publish
from obzvon_provider.runtime import archive_root, dialer_of, phone_secret, stored_spec_async

__all__ = ["CollectOperator"]


class CollectOperator(WithLineage, BaseAsyncOperator):
    """Brings every intent of the batch whose wait has ended to its final state. Returns counts of rows.

    Recordings are copied afterwards, where the campaign wants it.
    """

    template_fields: Sequence[str] = ("plan_id", "batch_no")
    operator_extra_links = (
        CampaignLink(),
        ArchiveLink(),
    )

    def __init__(self, *, plan_id: str, batch_no: int, warehouse_conn_id: str = "warehouse_default", **kwargs: Any):
        super().__init__(**kwargs)
        self.plan_id, self.batch_no, self.warehouse_conn_id = plan_id, batch_no, warehouse_conn_id

    async def aexecute(self, context: Context) -> dict[str, int]:
        publish(self, context)
        with one_sentence():
            dsn = await WarehouseHook(self.warehouse_conn_id).adsn()
            spec = await stored_spec_async(dsn, self.plan_id)
            async with dialer_of(spec, dsn) as connected:
                collector = Collector(
                    dsn, Archive(archive_root()), connected.dialer, spec, phone_secret(), context["run_id"]
                )
                result = await collect(collector, self.plan_id, int(self.batch_no))
                await copy_recordings(dsn, collector.archive, connected.dialer, self.plan_id, int(self.batch_no))
        self.log.info("batch %s: %s", self.batch_no, result)
        return asdict(result)
