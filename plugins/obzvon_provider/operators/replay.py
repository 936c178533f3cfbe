"""Rebuild warehouse tables from ledger and archive."""

from __future__ import annotations

from datetime import date
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from obzvon.reports.archive import Archive
from obzvon_provider.failures import one_sentence
from obzvon_provider.hooks.warehouse import WarehouseHook
from obzvon_provider.runtime import archive_root, phone_secret

__all__ = ["ReplayOperator"]


class ReplayOperator(BaseOperator):
    """Replays the plans of the params `from`, `to` and `campaign`; no vendor is asked. Returns sums over the plans.

    Fails at the end when a plan could not be rebuilt; the log names each.
    """

    def __init__(self, *, warehouse_conn_id: str = "warehouse_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> dict[str, int]:
        # SQLAlchemy and Alembic: every task start parses the file that imports this module
        from obzvon.stages.replay import replay  # noqa: PLC0415

        params = context["params"]
        first, last = (date.fromisoformat(params[name]) for name in ("from", "to"))
        with one_sentence():
            dsn = WarehouseHook(self.warehouse_conn_id).dsn()
            plans = replay(dsn, Archive(archive_root()), first, last, params["campaign"], secret=phone_secret())
        if broken := sum(plan.problem is not None for plan in plans):
            raise AirflowFailException(f"{broken} of {len(plans)} plans could not be rebuilt; the lines above say why")
        counted = ("contacts", "pulls", "rows", "inserted", "updated", "quarantined")
        return {"plans": len(plans)} | {name: sum(getattr(plan, name) for plan in plans) for name in counted}
