"""When somebody is told: one rule an alert, as data. Prometheus' rules and the runbooks follow this table.

A rule compares each value of one gauge with a limit. Its name is also the name of its page.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from obzvon.telemetry import metrics
from obzvon.telemetry.metrics import Metric

__all__ = ["MISSED_DEADLINE", "RULES", "Rule", "Severity"]


class Severity(StrEnum):
    """How soon somebody must look."""

    CRITICAL = "critical"  # now, at night too: people may be called who must not be
    ERROR = "error"  # today: something stands still until a person acts
    WARNING = "warning"  # this week's figures are late or incomplete


@dataclass(frozen=True, slots=True)
class Rule:
    """Fires for every value of `metric` above `above`. `says` and `cure` are one sentence each, without values."""

    name: str
    severity: Severity
    metric: Metric | None
    above: float
    says: str
    cure: str

    @property
    def page(self) -> str:
        """Its runbook, below docs/."""
        return f"runbooks/{self.name}.md"


HOUR = 3600.0

RULES = (
    Rule(
        "in_doubt", Severity.ERROR, metrics.IN_DOUBT, 0,
        "a request was sent and its answer was lost: it is not known whether the vendor has the campaign",
        "answer the question under Required actions in Airflow, after a look into the vendor's cabinet",
    ),
    Rule(
        "canary_stopped", Severity.ERROR, metrics.CANARY_STOPPED, 0,
        "the results of the first contacts do not allow to call the others",
        "read the figures in the log of the task canary.judge, correct list or script, plan another call date",
    ),
    Rule(
        "compliance_breach", Severity.CRITICAL, metrics.BREACHES, 0,
        "calls broke a rule of calling; the audit has switched the campaign off",
        "find out why before anybody says obzvon resume: the query `compliance` shows the calls",
    ),
    Rule(
        "stale_report", Severity.WARNING, metrics.REPORT_OVERDUE, 2 * HOUR,
        "the calls are over, the deadline of the wait too, and the report is not collected",
        "look whether the run, the triggerer and the workers live; the DAG late_results takes over what nobody ends",
    ),
    Rule(
        "stale_facts", Severity.WARNING, metrics.FACTS_WAITING_AGE, 2 * HOUR,
        "a report is archived and not loaded: analysts do not see it",
        "clear the task collect whose log names the problem, or run late_results",
    ),
    Rule(
        "stale_marts", Severity.WARNING, metrics.MARTS_WAITING_AGE, 2 * HOUR,
        "facts have changed and the marts do not know: analysts see yesterday's sums",
        "look at the DAG marts: it is paused, it fails, or its runs wait for a slot",
    ),
    Rule(
        "budget_exhausted", Severity.ERROR, metrics.BUDGET_QUEUE, 30,
        "requests to a vendor stand in a queue of half a minute and more: launches begin to give up",
        "raise requests_per_second of the connection if the vendor allows it, or spread the campaigns' schedules",
    ),
    Rule(
        "vendor_holds", Severity.WARNING, metrics.BUDGET_HELD, 300,
        "a vendor has answered 429 and wants no request for longer than five minutes",
        "ask the vendor why; when they say it is over, delete the account's row in ops.request_budget",
    ),
    Rule(
        "delivery_backlog", Severity.WARNING, metrics.DELIVERY_BACKLOG_AGE, 12 * HOUR,
        "calls with a recording have waited half a day for Qolio",
        "read the log of the task deliver, correct the connection or the employee in Qolio, clear the task",
    ),
    Rule(
        "inbox_backlog", Severity.WARNING, metrics.INBOX_AGE, 0.5 * HOUR,
        "events of a vendor are stored and nobody reads them; polling still finds the results, later",
        "look whether the DAG that reads the inbox runs",
    ),
)  # fmt: skip
#: Told by Airflow's own deadline of a DAG run, not by a gauge.
MISSED_DEADLINE = Rule(
    "missed_deadline", Severity.ERROR, None, 0,
    "a nightly run is not over at its deadline",
    "open the run: a red or a waiting task says what is wrong; look whether scheduler, triggerer and workers live",
)  # fmt: skip
