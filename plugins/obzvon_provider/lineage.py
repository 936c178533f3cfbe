"""OpenLineage: from the contact list to the marts, as datasets of each task. Only where the provider is installed.

Airflow's provider asks operators for `get_openlineage_facets_on_complete`; without it nobody does, and nothing here is
imported. Datasets are named as OpenLineage names them: `postgres://host:port` and `database.schema.table`, `file` and a
path. No row, phone or query stands in an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook, Connection

from obzvon_provider.paths import campaigns_folder, project_root

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import Dataset

__all__ = ["FLOWS", "Flow", "WithLineage"]


@dataclass(frozen=True, slots=True)
class Flow:
    """Tables of the warehouse that a task reads and writes. `from_list`: it reads the campaign's contact list too."""

    reads: Sequence[str]
    writes: Sequence[str]
    from_list: bool = False


_PLAN = ("ops.campaign_plan", "ops.plan_contact", "ops.campaign_intent")
_FACTS = ("dwh.dim_contact", "dwh.fact_campaign_contact", "dwh.fact_call_attempt", "dwh.fact_dialog_goal")
_COLLECT = Flow(("ops.campaign_intent", "ops.plan_contact"), ("ops.raw_archive", *_FACTS))

FLOWS = {
    "PlanOperator": Flow((), (*_PLAN, "pii.contact_payload"), from_list=True),
    "LaunchOperator": Flow(("ops.plan_contact", "pii.contact_payload"), ("ops.campaign_intent",)),
    "CollectOperator": _COLLECT,
    "LateOperator": _COLLECT,
    "DeliverOperator": Flow(("dwh.fact_call_attempt",), ("ops.qa_delivery",)),
    "AuditOperator": Flow((*_PLAN, "dwh.fact_call_attempt", "ops.qa_delivery"), ("ops.audit_check",)),
    "MartsOperator": Flow(
        (*_FACTS, "ops.qa_delivery", "dwh.fact_qa_review"),
        ("mart.attempt_daily", "mart.caller_daily", "mart.contact_outcome"),
    ),
}


class WithLineage:
    """Mixed into the operators of FLOWS."""

    warehouse_conn_id: str

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage:
        """What OpenLineage's provider asks for when the task has ended well."""
        from airflow.providers.openlineage.extractors import OperatorLineage  # noqa: PLC0415  (see the docstring)
        from openlineage.client.event_v2 import Dataset  # noqa: PLC0415

        flow, conn = FLOWS[type(self).__name__], BaseHook.get_connection(self.warehouse_conn_id)

        def tables(names: Sequence[str]) -> list[Dataset]:
            return [Dataset(_server(conn), f"{conn.schema}.{name}") for name in names]

        lists = [Dataset(*_list_of(getattr(self, "campaign", "")))] if flow.from_list else []
        return OperatorLineage(inputs=[*lists, *tables(flow.reads)], outputs=tables(flow.writes))


def _server(conn: Connection) -> str:
    host = conn.host or ""
    # an embedded server has a folder for an address
    return f"postgres://{'localhost' if host.startswith('/') else host}:{conn.port or 5432}"


def _list_of(campaign: str) -> tuple[str, str]:
    """Namespace and name of the contact list: a file's path, else the kind of its source and the campaign."""
    from obzvon.campaigns.catalogue import load  # noqa: PLC0415

    source = load(campaigns_folder() / f"{campaign}.yaml").contacts.source
    path = getattr(source, "path", None)
    return ("file", str(project_root() / path)) if path else (f"obzvon-{source.type}", campaign)
