"""Compare what was planned, sent, reported, loaded and delivered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context, Variable

from obzvon.errors import LedgerError
from obzvon.policy.switch import VARIABLE
from obzvon.stages.audit import compare
from obzvon.stages.collect import load_plan
from obzvon.warehouse.db import connect
from obzvon_provider.failures import one_sentence
from obzvon_provider.hooks.warehouse import WarehouseHook
from obzvon_provider.lineage import WithLineage
from obzvon_provider.runtime import kill_switch, stored_spec, switch

__all__ = ["AuditOperator"]


class AuditOperator(WithLineage, BaseOperator):
    """Stores every comparison in `ops.audit_check` and fails the run on a difference that nothing explains.

    Where calls broke a rule the campaign is switched off, for a person to look before anybody else is called.
    """

    template_fields: Sequence[str] = ("plan_id",)

    def __init__(self, *, plan_id: str, warehouse_conn_id: str = "warehouse_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan_id, self.warehouse_conn_id = plan_id, warehouse_conn_id

    def execute(self, context: Context) -> dict[str, dict[str, Any]]:
        dsn = WarehouseHook(self.warehouse_conn_id).dsn()
        with one_sentence(), connect(dsn) as conn:
            # contacts that were suppressed at launch belong to no report, and so to no load
            load_plan(conn, stored_spec(dsn, self.plan_id), self.plan_id)
            report = compare(conn, self.plan_id)
            if report.breached:
                self.log.critical("%s; %s", report.alarm, switched_off(report.campaign_id))
            report.require()
        for finding in report.findings:
            self.log.info("%s", finding)
        return {f.check.name: {"expected": f.expected, "actual": f.actual} for f in report.findings}


def switched_off(campaign: str) -> str:
    """Switch calling off for this campaign, beside those that are off already, and read it back; what was done.

    LedgerError: it still reads as before, because the Variable is set where Airflow cannot write.
    """
    if not kill_switch(campaign):
        Variable.set(VARIABLE, switch().with_stopped(campaign).text)
    if not kill_switch(campaign):
        raise LedgerError(
            f"rules of calling were broken and {campaign} could not be switched off: the Variable {VARIABLE} comes from"
            " the environment or a secrets backend; switch it off there, now"
        )
    return (
        f"calling is switched off for {campaign} (Variable {VARIABLE}) until somebody says `obzvon resume {campaign}`"
    )
