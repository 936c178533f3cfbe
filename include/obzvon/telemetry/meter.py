"""Where metrics go. `use` is given Airflow's own by the provider; without it nothing is sent, and nothing fails."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

from obzvon.telemetry.metrics import Kind, Metric

__all__ = ["Meter", "count", "gauge", "timing", "use"]

_ODD = re.compile(r"[^A-Za-z0-9_.-]+")


class Meter(Protocol):
    """Takes values by name. Must not raise and must not wait: it stands in the way of calls."""

    def count(self, name: str, by: int, labels: Mapping[str, str]) -> None:
        """Add to a counter."""

    def gauge(self, name: str, value: float, labels: Mapping[str, str]) -> None:
        """Set a gauge."""

    def timing(self, name: str, seconds: float, labels: Mapping[str, str]) -> None:
        """One duration."""


class _Nobody:
    def count(self, name: str, by: int, labels: Mapping[str, str]) -> None:
        pass

    def gauge(self, name: str, value: float, labels: Mapping[str, str]) -> None:
        pass

    def timing(self, name: str, seconds: float, labels: Mapping[str, str]) -> None:
        pass


_meter: Meter = _Nobody()


def use(meter: Meter | None) -> None:
    """Send what is measured from now on there; None: nowhere."""
    global _meter  # noqa: PLW0603  (of a process, as Airflow's own)
    _meter = meter or _Nobody()


def count(metric: Metric, *labels: str, by: int = 1) -> None:
    """Add to a counter; `labels` in the order of the table."""
    _meter.count(metric.name, by, _named(metric, Kind.COUNTER, labels))


def gauge(metric: Metric, value: float, *labels: str) -> None:
    """Set a gauge."""
    _meter.gauge(metric.name, value, _named(metric, Kind.GAUGE, labels))


def timing(metric: Metric, seconds: float, *labels: str) -> None:
    """One duration, seconds."""
    _meter.timing(metric.name, seconds, _named(metric, Kind.TIMER, labels))


def _named(metric: Metric, kind: Kind, labels: tuple[str, ...]) -> dict[str, str]:
    if metric.kind is not kind or len(labels) != len(metric.labels):
        raise TypeError(f"{metric.name} is a {metric.kind} with the labels {', '.join(metric.labels) or 'none'}")
    return dict(zip(metric.labels, map(_worded, labels), strict=True))


@lru_cache(maxsize=4096)
def _worded(value: str) -> str:
    """A label's value in letters that StatsD, Prometheus and Airflow's check of names all take."""
    return _ODD.sub("_", value).strip("_") or "none"
