"""`obzvon metrics`: the generated page of metrics and the rules of Prometheus."""

from __future__ import annotations

import typer

from obzvon.local.home import Home

__all__ = ["add_metrics"]


def add_metrics(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(metrics)


def metrics() -> None:
    """Write docs/metrics.md and deploy/prometheus/alerts.yml anew from the tables of metrics and alerts."""
    from obzvon.watching.pages import metrics_page  # noqa: PLC0415
    from obzvon.watching.prometheus import alert_rules  # noqa: PLC0415

    root = Home.find().root
    (root / "docs" / "metrics.md").write_text(metrics_page(), encoding="utf-8")
    (root / "deploy" / "prometheus" / "alerts.yml").write_text(alert_rules(), encoding="utf-8")
    typer.echo("docs/metrics.md and deploy/prometheus/alerts.yml are written")
