"""Metrics as Airflow sends its own: to StatsD, OpenTelemetry or Datadog, whichever `[metrics]` switches on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any

__all__ = ["AirflowMeter"]


class AirflowMeter:
    """The meter of tasks and triggers. The first value imports Airflow's part: every process has the provider."""

    def count(self, name: str, by: int, labels: Mapping[str, str]) -> None:
        """Add to a counter."""
        _stats().incr(name, count=by, tags=dict(labels))

    def gauge(self, name: str, value: float, labels: Mapping[str, str]) -> None:
        """Set a gauge."""
        _stats().gauge(name, value, tags=dict(labels))

    def timing(self, name: str, seconds: float, labels: Mapping[str, str]) -> None:
        """One duration; Airflow turns it into milliseconds."""
        _stats().timing(name, timedelta(seconds=seconds), tags=dict(labels))


@cache
def _stats() -> Any:
    """The SDK's metrics. A task runner has set them up; in a triggerer's runner nobody has, and they would go nowhere.

    Source: airflow/sdk/execution_time/task_runner.py `main` of 3.3.2; the triggerer sets up those of the core.
    """
    from airflow.sdk._shared.observability.metrics import stats as shared  # noqa: PLC0415
    from airflow.sdk.configuration import conf  # noqa: PLC0415
    from airflow.sdk.observability import stats  # noqa: PLC0415
    from airflow.sdk.observability.metrics import stats_utils  # noqa: PLC0415

    if getattr(shared, "_factory", None) is None:
        stats.initialize(
            factory=stats_utils.get_stats_factory(), export_legacy_names=conf.getboolean("metrics", "legacy_names_on")
        )
    return stats
