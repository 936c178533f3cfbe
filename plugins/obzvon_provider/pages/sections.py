"""The tables of the pages: which mart each comes from and what is read of it. Every table is a CSV and a JSON too."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql
from psycopg.errors import UndefinedColumn, UndefinedTable

from obzvon_provider.pages.filters import Filters, day_of
from obzvon_provider.pages.reader import Marts, Row

__all__ = ["SECTIONS", "Section", "Table", "read"]


@dataclass(frozen=True, slots=True)
class Section:
    """One table of a page: columns of one mart, summed by `group` where that is given."""

    name: str
    mart: str
    select: str = "*"
    where: str = ""
    group: str = ""
    order: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """What a section shows. `missing`: this warehouse has not the mart, or an older one without its columns.

    `all_dates`: the mart has no day, so its rows are over the whole history whatever dates the reader chose.
    """

    section: Section
    columns: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    missing: bool = False
    all_dates: bool = False

    def total(self, column: str) -> int:
        """Sum of a column of counts; empty cells count nothing."""
        return sum(row[column] or 0 for row in self.rows)


FUNNEL = "contacts_total contacts_excluded contacts_eligible contacts_dialed contacts_human contacts_rpc contacts_goal"
# an array and not a join: breaches are looked for by index, plan by plan, and only of plans whose audit found some
_BREACHED = """plan_id = any (array(
    select plan_id from mart.v_audit_check where not holds and check_name = 'compliance'))"""
_ALL = (
    Section(
        "campaigns", "v_campaign_status",
        "campaign_id, campaign_name, purpose, vendor_code, call_date, stage, progress, contacts_total,"
        " contacts_to_call, contacts_at_vendor, contacts_done, attempts, contacts_human, contacts_goal, cost_rub,"
        " forecast_rub, is_running, is_final, is_partial, planned_at, started_at, final_at, dag_id, dag_run_id,"
        " plan_id",
        order="is_running desc, call_date desc, campaign_id",
    ),
    Section(
        "days", "v_attempt_by_hour",
        "call_date, sum(attempts)::bigint as attempts, sum(connected)::bigint as connected,"
        " sum(human)::bigint as human, round(sum(human) / nullif(sum(attempts), 0), 4) as human_answer_rate",
        group="call_date", order="call_date",
    ),
    Section(
        "funnel", "v_campaign_funnel",
        f"campaign_id, call_date, is_final, is_partial, {', '.join(FUNNEL.split())}, attempts, contact_rate, rpc_rate,"
        " goal_rate_rpc, goal_rate_list, cost_rub, cost_per_human, cost_per_goal",
        order="call_date",
    ),
    Section(
        "costs", "v_cost",
        "campaign_id, call_date, is_final, attempts, contacts_human, calls_rub, marking_fee_rub, cost_rub,"
        " cost_per_human, cost_per_goal",
        order="call_date, campaign_id",
    ),
    Section(
        "exclusions", "v_exclusions",
        "exclusion_code, exclusion_title, exclusion_reason, sum(contacts)::bigint as contacts",
        group="1, 2, 3", order="contacts desc, exclusion_code, exclusion_reason",
    ),
    Section(
        "hours", "v_attempt_by_hour",
        "local_hour, sum(attempts)::bigint as attempts, sum(connected)::bigint as connected,"
        " sum(human)::bigint as human, round(sum(human) / nullif(sum(attempts), 0), 4) as human_answer_rate",
        group="local_hour", order="local_hour",
    ),
    Section(
        "dispositions", "v_disposition_mix",
        "disposition_code, disposition_title, disposition_group, sum(attempts)::bigint as calls,"
        " round(sum(attempts) filter (where is_dialed)"
        " / nullif(sum(sum(attempts) filter (where is_dialed)) over (), 0), 4) as share",
        group="1, 2, 3", order="calls desc, disposition_code",
    ),
    Section(
        "recalls", "v_recall_effectiveness",
        "attempt_no, sum(attempts)::bigint as attempts,"
        " round(sum(human_rate_at_n * attempts) / nullif(sum(attempts), 0), 4) as human_rate_at_n,"
        " sum(goals_at_n)::bigint as goals_at_n",
        group="attempt_no", order="attempt_no",
    ),
    Section(
        "ab", "v_ab_test",
        "ab_variant, vendor_script_id, script_version, is_control, is_concurrent, contacts_assigned, contacts_goal,"
        " goal_rate_list, goal_rate_low95, goal_rate_high95, lift, lift_low95, lift_high95, first_date, last_date,"
        " is_final",
        order="is_control desc, ab_variant, first_date",
    ),
    Section(
        "qolio", "v_qa_reconciliation",
        "date_key, sum(should_send)::bigint as should_send, sum(delivered)::bigint as delivered,"
        " sum(verified)::bigint as verified, sum(silently_dropped)::bigint as silently_dropped,"
        " sum(rejected)::bigint as rejected, sum(skipped)::bigint as skipped, sum(in_doubt)::bigint as in_doubt,"
        " sum(not_sent)::bigint as not_sent",
        group="date_key", order="date_key",
    ),
    Section(
        "qa", "v_qa_coverage",
        "ab_variant, vendor_script_id, script_version, sum(conversations)::bigint as conversations,"
        " sum(sent)::bigint as sent, sum(reviewed)::bigint as reviewed,"
        " round(sum(reviewed) / nullif(sum(conversations), 0), 4) as qa_coverage_rate,"
        " round(sum(score_sum) / nullif(sum(scores), 0), 4) as score_rate",
        group="1, 2, 3", order="1, 2, 3",
    ),
    Section(
        "archive", "v_archive",
        "call_date, zone, kind, page_no, rows, control_count, bytes, fetched_at, loaded_at, gone_at, path, sha256",
        order="call_date desc, path",
    ),
    Section(
        "best", "v_best_time",
        "dow, local_hour, attempts, human_rate, human_rate_low95, is_enough", order="dow, local_hour",
    ),
    Section(
        "freshness", "v_freshness",
        "campaign_id, call_date, is_final, fetched_at, loaded_at, refreshed_at, is_stale, pulls_waiting",
        order="is_stale desc, call_date desc, campaign_id",
    ),
    Section(
        "completeness", "v_freshness",
        "campaign_id, call_date, is_partial, control_count, rows_loaded, completeness_rate, quarantined, attempts,"
        " unmapped, orphans, late, late_rate",
        order="is_partial desc, completeness_rate, call_date desc, campaign_id",
    ),
    Section(
        "audit", "v_audit_check",
        "campaign_id, call_date, check_name, holds, expected, actual, explained, explanation, checked_at",
        order="holds, call_date desc, campaign_id, check_name",
    ),
    Section("drift", "v_drift"),
    Section(
        "checks",
        "v_check_result",
        "table_name, column_name, rule, kind, severity, says, holds, checked, failed, examples, checked_at,"
        " failing_since",
        order="holds, severity, failed desc, table_name, rule",
    ),
    Section(
        "breaches", "v_compliance_breach",
        "rule, campaign_id, call_date, vendor_code, vendor_call_id, started_at, detail",
        where=_BREACHED,
        order="call_date desc, rule, vendor_call_id",
    ),
)  # fmt: skip

SECTIONS = {section.name: section for section in _ALL}


def read(marts: Marts, section: Section, filters: Filters) -> Table:
    """The rows of a section that the filters leave."""
    view = marts.views.get(section.mart)
    if view is None:
        return Table(section, missing=True)
    conditions, values = filters.condition(view.columns)
    try:
        columns, rows = marts.ask(_query(section, conditions), values)
    except (UndefinedTable, UndefinedColumn):
        return Table(section, missing=True)
    return Table(section, columns, tuple(rows), all_dates=day_of(view.columns) is None)


def _query(section: Section, conditions: list[str]) -> sql.Composed:
    wanted = [*conditions, *([section.where] if section.where else [])]
    parts = [f"select {section.select} from mart.{section.mart}"]
    parts += [f"where {' and '.join(wanted)}"] if wanted else []
    parts += [f"group by {section.group}"] if section.group else []
    parts += [f"order by {section.order}"] if section.order else []
    return sql.SQL(" ").join(sql.SQL(part) for part in parts)  # constants of this module only; values are bound
