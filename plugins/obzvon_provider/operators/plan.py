"""Decide about every contact of the list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.sdk import BaseOperator, Context

from obzvon.campaigns.catalogue import load
from obzvon.campaigns.spec import CampaignSpec
from obzvon.policy.model import load_policy
from obzvon.warehouse.db import connect
from obzvon_provider.connections import AirflowConnections
from obzvon_provider.failures import one_sentence
from obzvon_provider.hooks.warehouse import WarehouseHook
from obzvon_provider.lineage import WithLineage
from obzvon_provider.links import CampaignLink, QuestionLink
from obzvon_provider.paths import campaigns_folder, policy_file, project_root
from obzvon_provider.runtime import phone_secret

if TYPE_CHECKING:
    from obzvon.stages.planning.summary import PlanSummary

__all__ = ["PlanOperator"]


class PlanOperator(WithLineage, BaseOperator):
    """Plans the campaign for the call date, or finds the plan that is already being carried out.

    Returns the numbers of the batches of intents, which the next stages are mapped over; pushes `plan_id` and `counts`.
    Calls nobody.
    """

    template_fields: Sequence[str] = ("campaign",)
    operator_extra_links = (CampaignLink(), QuestionLink())

    def __init__(self, *, campaign: str, warehouse_conn_id: str = "warehouse_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.campaign, self.warehouse_conn_id = campaign, warehouse_conn_id

    def execute(self, context: Context) -> list[int]:
        # pandas takes over a second to import, and every task start parses the file that imports this module
        from obzvon.contacts.prepare import prepared  # noqa: PLC0415
        from obzvon.stages.plan import plan  # noqa: PLC0415
        from obzvon.stages.planning.differences import list_changed_at  # noqa: PLC0415

        with one_sentence():
            spec = load(campaigns_folder() / f"{self.campaign}.yaml")
            call_date = call_date_of(context, spec)
            chunks = prepared(spec, project_root(), AirflowConnections(), secret := phone_secret())
            with connect(WarehouseHook(self.warehouse_conn_id).dsn()) as conn:
                summary = plan(
                    conn, spec, load_policy(policy_file()), call_date,
                    now=datetime.now(UTC), chunks=chunks, dag_run_id=context["run_id"],
                    list_changed_at=list_changed_at(spec, project_root()), secret=secret,
                )  # fmt: skip
        self._tell(summary, call_date)
        context["ti"].xcom_push("plan_id", summary.plan_id)
        context["ti"].xcom_push("counts", _counts(summary, call_date))
        return list(summary.batches)

    def _tell(self, summary: PlanSummary, call_date: date) -> None:
        if summary.reused:
            self.log.warning("the list was not read: rows that joined it since wait for another call date")
        verb = "already under way, nothing planned anew:" if summary.reused else "planned:"
        self.log.info(
            "%s for %s %s %d of %d contacts to call in %d vendor campaigns, at most %d dials, %s to %s",
            self.campaign, call_date, verb, summary.contacts_to_call, summary.contacts_total, summary.intents,
            summary.worst_case_attempts, summary.window_start.isoformat(), summary.window_end.isoformat(),
        )  # fmt: skip
        for group in summary.excluded:
            self.log.info("not called: %d × %s (%s)", group.contacts, group.code, group.reason)


def call_date_of(context: Context, spec: CampaignSpec) -> date:
    """The param `call_date`, else the day of the run in the campaign's time zone (API runs have no logical date)."""
    given = context["params"].get("call_date")
    if given:
        return date.fromisoformat(given)
    day: date = context["dag_run"].run_after.astimezone(ZoneInfo(spec.schedule.timezone)).date()
    return day


def _counts(summary: PlanSummary, call_date: date) -> dict[str, Any]:
    return {
        "call_date": call_date.isoformat(),
        "reused": summary.reused,
        "contacts_total": summary.contacts_total,
        "contacts_to_call": summary.contacts_to_call,
        "excluded": {f"{g.code}/{g.reason}": g.contacts for g in summary.excluded},
        "intents": summary.intents,
    }
