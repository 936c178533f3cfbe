"""Pull the reports of the last days again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import BaseAsyncOperator, BaseOperator, Context

from obzvon.reports.archive import Archive
from obzvon.stages.collect_batch import Collector
from obzvon.stages.late import batch_id, late_plans, pull_again
from obzvon.stages.recordings import copy_recordings
from obzvon.warehouse.db import connect
from obzvon_provider.failures import one_sentence
from obzvon_provider.hooks.warehouse import WarehouseHook
from obzvon_provider.lineage import WithLineage
from obzvon_provider.runtime import archive_root, dialer_of, phone_secret, stored_spec_async

__all__ = ["LateOperator", "LatePlansOperator"]

#: Airflow maps over at most 1024; a house with so many plans in three days runs the DAG more often.
MOST_PLANS = 500


class LatePlansOperator(BaseOperator):
    """The plans whose reports may still change, as ids to map over; at most MOST_PLANS, the oldest first."""

    def __init__(self, *, warehouse_conn_id: str = "warehouse_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> list[str]:
        with one_sentence(), connect(WarehouseHook(self.warehouse_conn_id).dsn()) as conn:
            plans = late_plans(conn, datetime.now(UTC))
        if len(plans) > MOST_PLANS:
            self.log.error("%d plans are not looked at: more than %d", len(plans) - MOST_PLANS, MOST_PLANS)
        self.log.info("%d plans have reports that may still change", len(plans))
        return plans[:MOST_PLANS]


class LateOperator(WithLineage, BaseAsyncOperator):
    """Brings what a dead run of the plan left behind to its end and pulls its reports anew. Returns counts.

    Recordings that were not there are asked for again, where the campaign copies them.
    """

    template_fields: Sequence[str] = ("plan_id",)

    def __init__(self, *, plan_id: str, warehouse_conn_id: str = "warehouse_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan_id, self.warehouse_conn_id = plan_id, warehouse_conn_id

    async def aexecute(self, context: Context) -> dict[str, int]:
        batch = batch_id(context["dag_run"].run_after)
        with one_sentence():
            dsn = await WarehouseHook(self.warehouse_conn_id).adsn()
            spec = await stored_spec_async(dsn, self.plan_id)
            async with dialer_of(spec, dsn) as connected:
                collector = Collector(
                    dsn, Archive(archive_root()), connected.dialer, spec, phone_secret(), context["run_id"]
                )
                result = await pull_again(collector, self.plan_id, batch, now=datetime.now(UTC))
                await copy_recordings(dsn, collector.archive, connected.dialer, self.plan_id)
        self.log.info("plan %s, %s: %s", self.plan_id[:12], batch, result)
        return asdict(result)
