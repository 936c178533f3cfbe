"""The expressions of the dashboard and of the rules, and what of the scrape they name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser as promql
import yaml

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "obzvon.json"
RULES_FILE = ROOT / "deploy" / "prometheus" / "alerts.yml"
#: What Grafana puts in the place of its variables where everything is chosen.
VARIABLES = {"$campaign": ".*", "$vendor": ".*", "$__rate_interval": "1m"}
#: Labels that Prometheus' own form of a histogram adds.
ADDED = {"le"}


@dataclass(frozen=True)
class Expression:
    """One expression and where it stands."""

    where: str
    text: str

    @property
    def tree(self) -> Any:
        """As the parser reads it; ValueError where it is no PromQL."""
        return promql.parse(self.text)

    @property
    def selectors(self) -> list[Any]:
        return [node for node in _walk(self.tree) if isinstance(node, promql.VectorSelector)]

    @property
    def grouped(self) -> set[str]:
        """Labels that it groups by."""
        found = [node.modifier for node in _walk(self.tree) if isinstance(node, promql.AggregateExpr) and node.modifier]
        return {label for modifier in found for label in modifier.labels}


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return found


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def expressions_of_panels() -> list[Expression]:
    return [Expression(panel["title"], _chosen(target["expr"])) for panel in panels() for target in panel["targets"]]


def expressions_of_rules() -> dict[str, Expression]:
    (group,) = yaml.safe_load(RULES_FILE.read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: Expression(rule["alert"], rule["expr"]) for rule in group["rules"]}


def matching(selector: Any, samples: list[tuple[str, dict[str, str]]]) -> list[dict[str, str]]:
    """Labels of the scraped samples that a selector names."""
    return [
        labels
        for name, labels in samples
        if name == selector.name and all(_meets(m, labels.get(m.name, "")) for m in selector.matchers.matchers)
    ]


def exceeding(expression: Expression, values: dict[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    """The samples for which a rule of the form `name > number` holds."""
    tree = expression.tree
    assert str(tree.op) == ">", expression.text
    return {labels: value for labels, value in values.items() if value > tree.rhs.val}


def _meets(matcher: Any, value: str) -> bool:
    equal = matcher.op in (promql.MatchOp.Equal, promql.MatchOp.NotEqual)
    met = value == matcher.value if equal else re.fullmatch(matcher.value, value) is not None
    return met is (matcher.op in (promql.MatchOp.Equal, promql.MatchOp.Re))


def _chosen(text: str) -> str:
    for name, value in VARIABLES.items():
        text = text.replace(name, value)
    return text


def _walk(node: Any) -> Iterator[Any]:
    yield node
    for name in ("lhs", "rhs", "expr", "args", "vector_selector", "param"):
        below = getattr(node, name, None)
        for each in below if isinstance(below, list) else [below]:
            if isinstance(each, promql.Expr):
                yield from _walk(each)
