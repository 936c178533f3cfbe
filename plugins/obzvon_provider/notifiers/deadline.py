"""Told when a nightly run is not over in time: Airflow's deadline of a DAG run, carried out by the triggerer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from obzvon.watching.alerts import News
from obzvon.watching.message import Message, page_address
from obzvon.watching.rules import MISSED_DEADLINE

__all__ = ["due_within", "missed_deadline"]


def due_within(hours: float) -> DeadlineAlert:
    """The deadline of a DAG whose run must be over so long after it was queued."""
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(hours=hours),
        callback=AsyncCallback(missed_deadline),
        name=MISSED_DEADLINE.name,
    )


async def missed_deadline(context: dict[str, Any] | None = None) -> str:
    """Tell the channels that the run missed its deadline. Airflow calls it once a run; its result is kept there."""
    from obzvon_provider.notifiers.channels import told  # noqa: PLC0415  (a DAG file imports this module)

    dag_run = (context or {}).get("dag_run") or {}
    subject = str(dag_run.get("dag_id", "")) if isinstance(dag_run, dict) else str(dag_run.dag_id)

    def message(site: str | None) -> Message:
        rule = MISSED_DEADLINE
        return Message(
            rule.name, rule.severity, subject, News.BEGAN, rule.says, rule.cure, page_address(rule, site),
            datetime.now(UTC),
        )  # fmt: skip

    return "told" if await told(message) else "no channel took it"
