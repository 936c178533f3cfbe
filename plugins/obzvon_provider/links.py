"""Buttons of a task instance that lead out of it: the campaign's page, the question, the archive, a vendor's cabinet.

Airflow asks a link for its address in the worker when a try ends, also when it defers or asks a person, and keeps the
address as an XCom of the task instance, so mapped tasks have their own. `publish` does the same at once.
A link never fails its task: what is not known leaves the button out.
"""

from __future__ import annotations

import logging
from datetime import date
from typing import Any
from urllib.parse import quote

import psycopg
from airflow.configuration import conf
from airflow.sdk import BaseHook, BaseOperatorLink, Context
from airflow.sdk.exceptions import AirflowException, AirflowRuntimeError

from obzvon.errors import ObzvonError
from obzvon.vendors.account import Account
from obzvon.vendors.cabinet import cabinet_address
from obzvon.vendors.registry import dialer_class
from obzvon.warehouse.db import connect
from obzvon_provider.hooks.vendor import account_of
from obzvon_provider.hooks.warehouse import WarehouseHook

__all__ = ["ArchiveLink", "CabinetLink", "CampaignLink", "QolioLink", "QuestionLink", "publish"]

log = logging.getLogger(__name__)
_NOT_NOW = (ObzvonError, psycopg.Error, AirflowException, AirflowRuntimeError)

_PLAN = "select campaign_id, call_date, spec from ops.campaign_plan where plan_id = %s"
_VENDOR_IDS = """
select vendor_task_id from ops.campaign_intent
where plan_id = %(plan)s and vendor_task_id is not null
  and (batch_no = %(batch)s
       or intent_id in (select d.intent_id from ops.doubt d where d.plan_id = %(plan)s and d.batch_no = %(batch)s))
order by zone, chunk_no limit 1
"""


def publish(operator: Any, context: Context) -> None:
    """Show the operator's links from now on, before it waits or works for long."""
    ti = context.get("ti")
    for link in operator.operator_extra_links if ti else ():
        if address := link.get_link(operator, ti_key=ti):
            ti.xcom_push(link.xcom_key, address)


class _Link(BaseOperatorLink):
    """Base: an address or, where it is not known or cannot be found out, none."""

    name = ""

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        try:
            return self.address(operator, ti_key) or ""
        except _NOT_NOW as error:
            log.warning("no link %s: %s", self.name, type(error).__name__)
            return ""

    def address(self, operator: Any, ti: Any) -> str | None:
        """Where it leads."""
        raise NotImplementedError


class CampaignLink(_Link):
    """The campaign's page for the plan's call date."""

    name = "Campaign"
    anchor = ""

    def address(self, operator: Any, ti: Any) -> str | None:
        found = _plan(operator, ti)
        return f"{_campaign_page(found[0], found[1])}{self.anchor}" if found else None


class ArchiveLink(CampaignLink):
    """The archived answers, on the campaign's page."""

    name = "Archive"
    anchor = "#archive"


class QuestionLink(_Link):
    """The question about the plan with its document, where the campaign asks."""

    name = "Question"

    def address(self, operator: Any, ti: Any) -> str | None:
        from obzvon.stages.approve import approval_of  # noqa: PLC0415 - every task start parses what imports this

        plan_id = _plan_id(operator, ti)
        if not plan_id:
            return None
        with connect(_dsn(operator)) as conn:
            if not approval_of(conn, plan_id).needed:
                return None
        run = f"dags/{quote(ti.dag_id, safe='')}/runs/{quote(ti.run_id, safe='')}"
        return f"{_airflow()}/{run}/tasks/approve/required_actions"


class CabinetLink(_Link):
    """The batch's first vendor campaign in the vendor's cabinet."""

    name = "Cabinet"

    def address(self, operator: Any, ti: Any) -> str | None:
        found = _plan(operator, ti)
        if found is None:
            return None
        vendor = found[2]["vendor"]
        account = _account(vendor["conn_id"])
        with connect(_dsn(operator)) as conn:
            batch = {"plan": operator.plan_id, "batch": int(operator.batch_no)}
            row = conn.execute(_VENDOR_IDS, batch).fetchone()
        return cabinet_address(account, dialer_class(vendor["type"]).cabinet(account), id=row[0] if row else None)


class QolioLink(_Link):
    """Qolio's cabinet; by the task's connection, else by that of its plan."""

    name = "Qolio"

    def address(self, operator: Any, ti: Any) -> str | None:
        from obzvon.qolio.cabinet import qolio_address  # noqa: PLC0415 - every task start parses what imports this

        conn_id = getattr(operator, "conn_id", None)
        if conn_id is None and (found := _plan(operator, ti)):
            conn_id = found[2]["qolio"]["conn_id"]
        return qolio_address(_account(conn_id)) if conn_id else None


def _plan(operator: Any, ti: Any) -> tuple[str, date, dict[str, Any]] | None:
    """Campaign, call date and campaign file of the task's plan; None where it has none (yet)."""
    plan_id = _plan_id(operator, ti)
    if not plan_id:
        return None
    with connect(_dsn(operator)) as conn:
        row: tuple[str, date, dict[str, Any]] | None = conn.execute(_PLAN, (plan_id,)).fetchone()
    return row


def _plan_id(operator: Any, ti: Any) -> str | None:
    """The plan that the task was given; of the task that plans, what it has pushed."""
    given: str | None = getattr(operator, "plan_id", None)
    return given or ti.xcom_pull(task_ids=ti.task_id, key="plan_id", map_indexes=ti.map_index)


def _dsn(operator: Any) -> str:
    return WarehouseHook(operator.warehouse_conn_id).dsn()


def _account(conn_id: str) -> Account:
    return account_of(BaseHook.get_connection(conn_id))


def _airflow() -> str:
    return str(conf.get("api", "base_url", fallback="") or "").rstrip("/")


def _campaign_page(campaign: str, day: date) -> str:
    return f"{_airflow()}/obzvon/campaigns/{quote(campaign, safe='')}?from={day}&to={day}"
