"""The same rules for Prometheus: deploy/prometheus/alerts.yml is made from the table of rules, and a test compares.

Who runs Prometheus with an Alertmanager is told by that too, also when the watch itself is dead.
"""

from __future__ import annotations

from typing import Any

import yaml

from obzvon.telemetry import metrics
from obzvon.watching.rules import RULES, Rule

__all__ = ["HEAD", "alert_rules"]

HEAD = "# Made by `python -m obzvon metrics` from include/obzvon/watching/rules.py; a test compares. Do not edit.\n"
#: A condition has to last so long. The DAG looks once a minute and needs no such patience.
LASTS = "2m"


def alert_rules() -> str:
    """The file's text."""
    groups = [{"name": "obzvon", "rules": [*map(_rule, RULES), _DEAD]}]
    return HEAD + yaml.safe_dump({"groups": groups}, sort_keys=False, width=150)


def _rule(rule: Rule) -> dict[str, Any]:
    assert rule.metric is not None, "a rule of this table has a gauge"
    return {
        "alert": rule.name,
        "expr": f"{rule.metric.exposed} > {rule.above:g}",
        "for": LASTS,
        "labels": {"severity": str(rule.severity)},
        "annotations": {"summary": rule.says, "description": rule.cure, "runbook": f"docs/{rule.page}"},
    }


#: What no watch can tell of itself: it is paused, or it fails.
_DEAD = {
    "alert": "watch_dead",
    "expr": f"time() - {metrics.WATCHED.exposed} > 600 or absent({metrics.WATCHED.exposed})",
    "for": "10m",
    "labels": {"severity": "error"},
    "annotations": {
        "summary": "the DAG watch has not looked for ten minutes: nobody is told anything by it",
        "description": "look whether the DAG watch is paused or fails, and whether the scheduler lives",
        "runbook": "docs/runbooks/watch_dead.md",
    },
}
