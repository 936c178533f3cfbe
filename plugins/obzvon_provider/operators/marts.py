"""Bring the sums that analysts' views read up to date."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from airflow.sdk import BaseOperator, Context

from obzvon.stages.marts import refresh
from obzvon.warehouse.db import connect
from obzvon_provider.failures import one_sentence
from obzvon_provider.hooks.warehouse import WarehouseHook
from obzvon_provider.lineage import WithLineage

__all__ = ["MartsOperator"]


class MartsOperator(WithLineage, BaseOperator):
    """Refreshes the plans whose facts changed, or all of them where the param `full` says so. Returns counts."""

    def __init__(self, *, warehouse_conn_id: str = "warehouse_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> dict[str, int]:
        with one_sentence(), connect(WarehouseHook(self.warehouse_conn_id).dsn()) as conn:
            result = refresh(conn, full=bool(context["params"].get("full")))
        return asdict(result)
