"""Audit: what was planned, sent, reported, loaded and delivered must agree, and every difference must have a cause."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import psycopg

from obzvon.errors import AuditError, LedgerError
from obzvon.stages.audit_checks import CHECKS, COMPLIANCE, Check
from obzvon.telemetry.spans import staged

__all__ = ["AuditReport", "Finding", "audit", "compare"]

DOC = "docs/reconciliation.md"

_STORE = """
insert into ops.audit_check (plan_id, check_name, expected, actual, explained, explanation, holds)
values (%s, %s, %s, %s, %s, %s, %s)
on conflict (plan_id, check_name) do update
set expected = excluded.expected, actual = excluded.actual, explained = excluded.explained,
    explanation = excluded.explanation, holds = excluded.holds, checked_at = now()
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One comparison of one plan. `explained` is the part of the difference with a known cause."""

    check: Check
    expected: int
    actual: int
    explained: int
    explanation: str | None

    @property
    def holds(self) -> bool:
        return abs(self.expected - self.actual) == self.explained

    def __str__(self) -> str:
        cause = f" ({self.explanation})" if self.explanation else ""
        numbers = f"{self.expected} and {self.actual}, {self.explained} explained{cause}"
        return f"{self.check.name}: {self.check.says}: {numbers}"


@dataclass(frozen=True, slots=True)
class AuditReport:
    """All comparisons of a plan, in the order of the pipeline."""

    campaign_id: str
    call_date: date
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if not finding.holds)

    @property
    def breached(self) -> Finding | None:
        """The finding that rules of calling were broken: the campaign must not go on. None: they were not."""
        return next((finding for finding in self.failed if finding.check.name == COMPLIANCE), None)

    @property
    def alarm(self) -> str:
        """What was broken, how often, and the query that shows the calls; empty where nothing was."""
        if self.breached is None:
            return ""
        return (
            f"rules of calling were broken by {self.campaign_id} on {self.call_date}: {self.breached.explanation};"
            f" the query `{COMPLIANCE}` of {DOC} shows the calls"
        )

    def require(self) -> AuditReport:
        """This report; AuditError when a difference has no known cause."""
        if self.failed:
            raise _error(self)
        return self


def audit(conn: psycopg.Connection, plan_id: str) -> AuditReport:
    """As `compare`; raises AuditError, after storing, when a difference has no known cause.

    One sentence: the check, the numbers and the query to look at.
    """
    return compare(conn, plan_id).require()


@staged("audit", lambda conn, plan_id: {"plan": plan_id})
def compare(conn: psycopg.Connection, plan_id: str) -> AuditReport:
    """Compare, store every comparison in `ops.audit_check`, commit; running it again replaces the rows.

    LedgerError when there is no such plan.
    """
    conn.commit()
    with conn.transaction():
        # one snapshot for all comparisons: a delivery that goes on meanwhile must not look like a difference
        conn.execute("set transaction isolation level repeatable read")
        campaign_id, call_date = _plan(conn, plan_id)
        report = AuditReport(campaign_id, call_date, tuple(_compare(conn, check, plan_id) for check in CHECKS))
        _store(conn, plan_id, report)
    return report


def _plan(conn: psycopg.Connection, plan_id: str) -> tuple[str, date]:
    row = conn.execute("select campaign_id, call_date from ops.campaign_plan where plan_id = %s", [plan_id]).fetchone()
    if row is None:
        raise LedgerError(f"plan {plan_id[:12]} is not in the ledger; run the plan stage of its campaign first")
    return row[0], row[1]


def _compare(conn: psycopg.Connection, check: Check, plan_id: str) -> Finding:
    row = conn.execute(check.sql, {"plan": plan_id}).fetchone()
    if row is None:
        raise LedgerError(f"audit check {check.name} gave no row; its statement must always give one")
    expected, actual, explained, explanation = row
    return Finding(check, int(expected), int(actual), int(explained), explanation)


def _store(conn: psycopg.Connection, plan_id: str, report: AuditReport) -> None:
    rows = [(plan_id, f.check.name, f.expected, f.actual, f.explained, f.explanation, f.holds) for f in report.findings]
    with conn.cursor() as cursor:
        cursor.executemany(_STORE, rows)
        cursor.execute(
            "delete from ops.audit_check where plan_id = %s and check_name <> all(%s)",
            [plan_id, [check.name for check in CHECKS]],
        )


def _error(report: AuditReport) -> AuditError:
    first, *others = report.failed
    also = f"; so do {', '.join(f.check.name for f in others)}" if others else ""
    return AuditError(
        f"audit of {report.campaign_id} for {report.call_date} fails at {first}{also}; "
        f"the query `{first.check.name}` of {DOC} shows the rows"
    )
