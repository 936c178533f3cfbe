"""The state of ledger and warehouse as values of gauges, by one query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files

import psycopg

from obzvon.ledger.states import IntentState
from obzvon.telemetry import metrics
from obzvon.telemetry.meter import gauge
from obzvon.telemetry.metrics import METRICS, Kind, Metric

__all__ = ["DAYS", "Sample", "read", "show"]

#: Plans with a call date so many days ago, all later ones, and all that are not over. Older trouble is in the audits.
DAYS = 3
_NAMED = {metric.name: metric for metric in METRICS if metric.kind is Kind.GAUGE}


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a gauge, and of which campaign, vendor … it is."""

    metric: Metric
    labels: tuple[str, ...]
    value: float

    @property
    def subject(self) -> str:
        """Of whom it speaks, for a person: the values of its labels."""
        return " ".join(self.labels)


def read(conn: psycopg.Connection, *, now: datetime | None = None) -> list[Sample]:
    """All gauges as they are at `now`, by default this moment by the database's clock. Writes nothing."""
    moment = now or conn.execute("select clock_timestamp()").fetchall()[0][0]
    values = {"now": moment, "days": DAYS, "states": [str(state) for state in IntentState]}
    statement = files("obzvon.watching").joinpath("state.sql").read_bytes()
    found = [Sample(_NAMED[name], tuple(labels), value) for name, labels, value in conn.execute(statement, values)]
    return [*found, Sample(metrics.WATCHED, (), moment.timestamp())]


def show(samples: list[Sample]) -> None:
    """Send them to whoever takes metrics."""
    for sample in samples:
        gauge(sample.metric, sample.value, *sample.labels)
