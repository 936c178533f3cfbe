"""Let the results of the first contacts decide about the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context

from obzvon.errors import CanaryNotPassed
from obzvon.stages.canary import judge
from obzvon.warehouse.db import connect
from obzvon_provider.failures import one_sentence
from obzvon_provider.hooks.warehouse import WarehouseHook

__all__ = ["CanaryOperator"]


class CanaryOperator(BaseOperator):
    """Succeeds when the plan's canary has passed; its verdict is stored, and every launch of the others reads it.

    Not passed, or not proven: the task fails for good with the figures in one sentence, and nobody else is called.
    """

    template_fields: Sequence[str] = ("plan_id",)

    def __init__(self, *, plan_id: str, warehouse_conn_id: str = "warehouse_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan_id, self.warehouse_conn_id = plan_id, warehouse_conn_id

    def execute(self, context: Context) -> dict[str, float]:
        with one_sentence(), connect(WarehouseHook(self.warehouse_conn_id).dsn()) as conn:
            verdict = judge(conn, self.plan_id, context["run_id"])
            if not verdict.passed:
                raise CanaryNotPassed(verdict.sentence)
        self.log.info("%s", verdict.sentence)
        return {figure.name: figure.share for figure in verdict.figures}
