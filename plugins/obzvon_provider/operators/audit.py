"""Compare what was planned, sent, reported, loaded and delivered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context

from obzvon.stages.audit import audit
from obzvon.stages.collect import load_plan
from obzvon.warehouse.db import connect
from obzvon_provider.failures import one_sentence
from obzvon_provider.hooks.warehouse import WarehouseHook
from obzvon_provider.runtime import stored_spec

__all__ = ["AuditOperator"]


class AuditOperator(BaseOperator):
    """Stores every comparison in `ops.audit_check` and fails the run on a difference that nothing explains."""

    template_fields: Sequence[str] = ("plan_id",)

    def __init__(self, *, plan_id: str, warehouse_conn_id: str = "warehouse_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan_id, self.warehouse_conn_id = plan_id, warehouse_conn_id

    def execute(self, context: Context) -> dict[str, dict[str, Any]]:
        dsn = WarehouseHook(self.warehouse_conn_id).dsn()
        with one_sentence(), connect(dsn) as conn:
            # contacts that were suppressed at launch belong to no report, and so to no load
            load_plan(conn, stored_spec(dsn, self.plan_id), self.plan_id)
            report = audit(conn, self.plan_id)
        for finding in report.findings:
            self.log.info("%s", finding)
        return {f.check.name: {"expected": f.expected, "actual": f.actual} for f in report.findings}
