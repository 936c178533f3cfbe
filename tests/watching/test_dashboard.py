"""Every expression of the dashboard and of the rules is PromQL over metrics that were really sent and scraped."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from watching.everything import prepare, traffic
from watching.expressions import (
    ADDED,
    dashboard,
    expressions_of_panels,
    expressions_of_rules,
    matching,
    panels,
)
from watching.planted import Scene
from watching.scraped import scraping

from obzvon.telemetry.metrics import METRICS
from obzvon.watching.prometheus import alert_rules
from obzvon.watching.rules import RULES

EXPRESSIONS = [*expressions_of_panels(), *expressions_of_rules().values()]
KINDS = {"counter": "counter", "gauge": "gauge", "timer": "histogram"}


async def test_what_is_scraped_is_the_table_and_every_expression_finds_something_in_it(
    warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(warehouse_dsn, conn, tmp_path)
    with scraping(monkeypatch) as scrape:
        await traffic(scene, monkeypatch, await prepare(scene))
        page = scrape.text
    families = [family for family in text_string_to_metric_families(page) if "obzvon" in family.name]
    # the parser takes `_total` from a counter's name
    scraped = {family.name + ("_total" if family.type == "counter" else ""): family for family in families}
    assert {name: family.type for name, family in scraped.items()} == {m.exposed: KINDS[m.kind] for m in METRICS}
    for metric in METRICS:
        labels = {tuple(sorted(set(sample.labels) - ADDED)) for sample in scraped[metric.exposed].samples}
        assert labels == {tuple(sorted(metric.labels))}, metric.name
    samples = [(sample.name, sample.labels) for family in families for sample in family.samples]
    for expression in EXPRESSIONS:
        assert expression.selectors, expression.where
        for selector in expression.selectors:
            found = matching(selector, samples)
            assert found, f"{expression.where}: nothing was scraped for {selector.name}{selector.matchers}"
            assert expression.grouped <= set(found[0]), f"{expression.where}: no such label"


def test_every_metric_stands_on_the_dashboard() -> None:
    shown = {selector.name for expression in expressions_of_panels() for selector in expression.selectors}
    missing = [m.exposed for m in METRICS if not any(name.startswith(m.exposed) for name in shown)]
    assert missing == []


def test_the_rules_for_prometheus_are_made_from_the_table() -> None:
    text = (Path(__file__).resolve().parents[2] / "deploy/prometheus/alerts.yml").read_text(encoding="utf-8")
    assert text == alert_rules(), "run `python -m obzvon metrics`"
    assert set(expressions_of_rules()) == {rule.name for rule in RULES} | {"watch_dead"}


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    found = dashboard()
    assert (found["uid"], found["title"]) == ("obzvon", "Obzvon")
    ids = [panel["id"] for panel in found["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in panels():
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"prometheus"}
        assert panel["title"]
        x, width = panel["gridPos"]["x"], panel["gridPos"]["w"]
        assert x + width <= 24
