"""What a finished demo shows: every number next to the one it must agree with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from obzvon.local.reconcile import compare, print_comparisons
from obzvon.local.stack import Stack
from obzvon.stages.audit_checks import CHECKS

__all__ = ["print_summary"]

Plans = Sequence[tuple[str, str]]  # campaign, plan_id


@dataclass(frozen=True, slots=True)
class Result:
    """What one check of `ops.audit_check` found. `str()` is a table cell."""

    expected: int
    actual: int
    explained: int
    explanation: str
    holds: bool

    def __str__(self) -> str:
        sign = "=" if self.expected == self.actual else "≠"
        why = f" ({self.explained:,} explained: {self.explanation})" if self.explained else ""
        mark = "[green]✓[/]" if self.holds else "[red]fails[/]"
        return f"{self.expected:,} {sign} {self.actual:,}{escape(why)} {mark}"


_DECISIONS = """
select coalesce(exclusion_code, 'to be called'), coalesce(exclusion_reason, ''), campaign_id, count(*)
from ops.plan_contact join ops.campaign_plan using (plan_id)
where plan_id = any(%s)
group by exclusion_code, 2, 3 order by exclusion_code nulls first, 2
"""
_ATTEMPTS = """
select d.disposition_group, f.disposition_code, i.campaign_id, count(*)
from dwh.fact_call_attempt f
join ops.campaign_intent i using (intent_id)
join dwh.dim_disposition d using (disposition_code)
where i.plan_id = any(%s)
group by 1, 2, 3 order by 1, 2
"""
_DELIVERIES = """
select q.state, coalesce(q.reason, ''), i.campaign_id, count(*)
from ops.qa_delivery q join ops.campaign_intent i using (intent_id)
where i.plan_id = any(%s)
group by 1, 2, 3 order by 1, 2
"""
_CHECKS = """
select p.campaign_id, a.check_name, a.expected, a.actual, a.explained, coalesce(a.explanation, ''), a.holds
from ops.audit_check a join ops.campaign_plan p using (plan_id)
where a.plan_id = any(%s)
"""


def print_summary(conn: psycopg.Connection, plans: Plans, stack: Stack, console: Console, *, stays: bool) -> bool:
    """Print it all; True when both plans were audited, every check holds and the sandbox agrees to the row."""
    ids, names = [plan for _, plan in plans], [campaign for campaign, _ in plans]
    console.print()
    for title, heads, query in (
        ("Contacts by decision", ("decision", "reason"), _DECISIONS),
        ("Call attempts by disposition", ("group", "disposition"), _ATTEMPTS),
        ("Deliveries to Qolio", ("state", "reason"), _DELIVERIES),
    ):
        console.print(_pivot(title, heads, names, conn.execute(query, [ids]).fetchall()))
    checks = {(row[0], row[1]): Result(*row[2:]) for row in conn.execute(_CHECKS, [ids]).fetchall()}
    console.print(_check_table(names, checks))
    agrees = print_comparisons(console, compare(conn, stack.address.sandbox))
    _print_places(stack, console, stays=stays)
    audited = {campaign for campaign, _ in checks} == set(names)
    return agrees and audited and all(result.holds for result in checks.values())


def _pivot(title: str, heads: tuple[str, str], campaigns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> Table:
    """Rows (first, second, campaign, number) with a column for each campaign and a total."""
    numbers: dict[tuple[str, str], dict[str, int]] = {}
    for first, second, campaign, number in rows:
        numbers.setdefault((first, second), {})[campaign] = number
    table = Table(
        *heads,
        title=title,
        title_justify="left",
        show_footer=True,
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.columns[0].footer = "total"
    for campaign in campaigns:
        total = sum(found.get(campaign, 0) for found in numbers.values())
        table.add_column(campaign, footer=f"{total:,}", justify="right")
    for key, found in numbers.items():
        table.add_row(*map(escape, key), *(f"{found[c]:,}" if c in found else "" for c in campaigns))
    return table


def _check_table(campaigns: Sequence[str], checks: Mapping[tuple[str, str], Result]) -> Table:
    """One row for each comparison, in the order in which a contact goes through the pipeline."""
    table = Table(
        "expected = actual",
        *campaigns,
        title="Audit (ops.audit_check)",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for check in CHECKS:
        found = [checks.get((campaign, check.name)) for campaign in campaigns]
        table.add_row(check.says, *(str(result) if result else "[red]not audited[/]" for result in found))
    return table


def _print_places(stack: Stack, console: Console, *, stays: bool) -> None:
    where, home = stack.address, stack.home
    lines = {
        "raw answers": str(home.archive),
        "task logs": str(home.task_logs),
        "other logs": str(home.logs),
        "warehouse": "make psql",
        "web UI": f"{where.web}  (user {where.user}, password {where.password})"
        if stays
        else "stopped with the demo; `make up` starts it and prints address and login",
        "pages": f"{where.web}/obzvon/" if stays else "in the web UI, under /obzvon/",
        "sandbox": f"{where.sandbox}" if stays else "stopped too; its journal is kept for `make up`",
    }
    console.print()
    for name, value in lines.items():
        console.print(f"  {name:<12} {value}", markup=False, highlight=False, soft_wrap=True)
