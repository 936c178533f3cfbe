"""docs/metrics.md, made from the tables of metrics and rules."""

from __future__ import annotations

from obzvon.telemetry.metrics import METRICS, Kind, Metric
from obzvon.watching.alerts import AGAIN
from obzvon.watching.rules import MISSED_DEADLINE, RULES, Rule

__all__ = ["metrics_page"]

HEAD = """# Metrics and alerts

<!-- Made by `python -m obzvon metrics`; a test compares. Do not edit. -->

Metrics go the way of Airflow's own (`[metrics]` of airflow.cfg). **Use StatsD** with `statsd_influxdb_enabled = True`
and statsd_exporter ([deploy/prometheus/statsd.yml](../deploy/prometheus/statsd.yml)): every task is a process of its
own, and StatsD adds up what they count. With `otel_on` gauges are right, but counters and timings of short processes
overwrite each other. The name in Prometheus is `airflow_` and the name below with `_` for every dot; timings are
histograms in seconds (`_bucket`, `_count`, `_sum`).

Labels are few: campaigns, vendors, states, dispositions. Intents, plans and contacts are never labels; log lines of the
stages carry `campaign`, `plan`, `intent` (their first 8 digits), `batch` and counts as fields, and spans
(`[traces] otel_on`) the same as attributes: `obzvon.launch`, `obzvon.collect` … with a span for every call to a vendor
below. In a traced run they are children of the task's span.

"""
TITLES = {
    Kind.GAUGE: "State: read once a minute by the DAG `watch`, of plans of the last three days and those not over",
    Kind.COUNTER: "Events",
    Kind.TIMER: "Durations",
}


def metrics_page() -> str:
    """The page's text."""
    parts = [f"## {title}\n\n{_table(kind)}\n" for kind, title in TITLES.items()]
    return HEAD + "\n".join(parts) + "\n" + _alerts()


def _table(kind: Kind) -> str:
    rows = [_row(metric) for metric in METRICS if metric.kind is kind]
    return "\n".join(["| Name | Labels | Unit | What |", "|---|---|---|---|", *rows])


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "–"
    return f"| `{metric.name}` | {labels} | {metric.unit} | {metric.says} |"


def _alerts() -> str:
    rows = [_alert(rule) for rule in (*RULES, MISSED_DEADLINE)]
    hours = int(AGAIN.total_seconds() // 3600)
    table = "\n".join(["| Alert | Severity | When | What it means |", "|---|---|---|---|", *rows])
    return (
        "## Alerts\n\n"
        f"A case is told when it begins, again every {hours} hours while it lasts, and when it is over. Channels are"
        " the Variable\n`obzvon_alert_channels`: see [operations.md](operations.md#alerts). The same rules for"
        " Prometheus are\n[deploy/prometheus/alerts.yml](../deploy/prometheus/alerts.yml); there `watch_dead`"
        " ([runbook](runbooks/watch_dead.md)) watches the watch.\n\n"
        f"{table}\n"
    )


def _alert(rule: Rule) -> str:
    when = f"`{rule.metric.name}` > {rule.above:g}" if rule.metric else "Airflow's deadline of the run"
    return f"| [{rule.name}]({rule.page}) | {rule.severity} | {when} | {rule.says} |"
