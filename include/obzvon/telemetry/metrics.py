"""Every metric by name: what it counts, in which unit, by which labels. docs/metrics.md is made from this table.

Labels are few and their values are bounded: campaigns are files, vendors and dispositions are code. An intent, a plan
or a contact is never a label; those are fields of log lines and attributes of spans.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["METRICS", "Kind", "Metric"]


class Kind(StrEnum):
    """How values of one name come together."""

    COUNTER = "counter"
    GAUGE = "gauge"
    TIMER = "timer"


@dataclass(frozen=True, slots=True)
class Metric:
    """`name` as Airflow gets it; its own prefix (`airflow` by default) comes before. `unit` of what is passed in."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    unit: str
    says: str

    @property
    def exposed(self) -> str:
        """The name in Prometheus, behind Airflow's default prefix: dots become underscores."""
        return "airflow_" + self.name.replace(".", "_")


def _gauge(name: str, unit: str, says: str, *labels: str) -> Metric:
    return Metric(f"obzvon.{name}", Kind.GAUGE, labels, unit, says)


def _counter(name: str, says: str, *labels: str) -> Metric:
    return Metric(f"obzvon.{name}", Kind.COUNTER, labels, "1", says)


def _timer(name: str, says: str, *labels: str) -> Metric:
    return Metric(f"obzvon.{name}", Kind.TIMER, labels, "s", says)


# What the ledger and the warehouse hold: the DAG `watch` reads all of it with one query, once a minute.
CONTACTS = _gauge(
    "contacts",
    "contacts",
    "Rows of the lists of the last days by what was decided: `call`, or the code of the exclusion; `EXCLUDED`, without"
    " a code, until the plan's facts are in the marts",
    "campaign",
    "decision",
)
ATTEMPTS = _gauge(
    "attempts", "dials", "Calls of the last days by disposition, as of the last refresh of the marts", "campaign",
    "disposition",
)  # fmt: skip
INTENTS = _gauge("intents", "intents", "Vendor campaigns of the last days by state of the ledger", "campaign", "state")
IN_DOUBT = _gauge("in_doubt", "intents", "Intents in doubt that nobody has settled or left", "campaign")
IN_DOUBT_AGE = _gauge("in_doubt_age", "s", "Since when the oldest of them is in doubt", "campaign")
CANARY_STOPPED = _gauge("canary_stopped", "plans", "Plans of the last days whose canary did not pass", "campaign")
BREACHES = _gauge("breaches", "calls", "Calls that broke a rule, by the newest audit of the last days", "campaign")
AUDITS_FAILED = _gauge("audits_failed", "plans", "Plans of the last days whose audit fails", "campaign")
REPORT_OVERDUE = _gauge(
    "report_overdue", "s", "How long the deadline of a wait has been over while the intent is not final", "campaign"
)
DELIVERY_BACKLOG = _gauge(
    "delivery_backlog", "calls", "Calls with a recording that Qolio has not answered for, of final intents", "campaign"
)
DELIVERY_BACKLOG_AGE = _gauge("delivery_backlog_age", "s", "Since when the first of those intents is final", "campaign")
FACTS_AGE = _gauge("facts_age", "s", "Since when the newest page of a report is in the facts")
FACTS_WAITING_AGE = _gauge("facts_waiting_age", "s", "Since when the oldest archived page waits to be loaded; 0: none")
MARTS_WAITING_AGE = _gauge("marts_waiting_age", "s", "Since when the oldest change waits for the marts; 0: none")
BUDGET_QUEUE = _gauge("budget_queue", "s", "How far ahead the places of an account are taken", "vendor")
BUDGET_HELD = _gauge("budget_held", "s", "How long a vendor still wants no request, after a 429", "vendor")
INBOX = _gauge("inbox", "events", "Events of webhooks that are stored and not yet read")
INBOX_AGE = _gauge("inbox_age", "s", "Since when the oldest of them waits")
WATCHED = _gauge("watched", "s", "When the last look ended, Unix time: a watch that is dead shows as an old one")
# What happens.
REQUEST = _timer("vendor.request", "One request, until its status line has come: `status` is 2xx … 5xx, or `none`",
                 "vendor", "operation", "status")  # fmt: skip
ERRORS = _counter("vendor.errors_total", "Calls that failed, by what that proves: not_sent, refused, in_doubt",
                  "vendor", "operation", "proves")  # fmt: skip
WAIT = _timer("vendor.wait", "What a request waited for its place in the account's budget", "vendor")
NO_PLACE = _counter("vendor.no_place_total", "Requests that got no place in the budget and did not leave", "vendor")
STAGE = _timer("stage", "One run of a stage; `outcome` is ok, or the class of its error", "stage", "outcome")
TOLD = _counter(
    "alerts_told_total", "Messages about alerts, by whether the channel took them", "alert", "channel", "outcome"
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
