"""Compare what was planned, sent, reported, loaded and delivered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context

from obzvon.stages.audit import audit
from obzvon.warehouse.db import connect
from obzvon_provider.failures import one_sentence
from obzvon_provider.hooks.warehouse import WarehouseHook

__all__ = ["AuditOperator"]


class AuditOperator(BaseOperator):
    """Stores every comparison in `ops.audit_check` and fails the run on a difference that nothing explains."""

    template_fields: Sequence[str] = ("plan_id",)

    def __init__(self, *, plan_id: str, warehouse_conn_id: str = "warehouse_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan_id, self.warehouse_conn_id = plan_id, warehouse_conn_id

    def execute(self, context: Context) -> dict[str, dict[str, Any]]:
        with one_sentence(), connect(WarehouseHook(self.warehouse_conn_id).dsn()) as conn:
            report = audit(conn, self.plan_id)
        for finding in report.findings:
            self.log.info("%s", finding)
        return {f.check.name: {"expected": f.expected, "actual": f.actual} for f in report.findings}
