"""What Prometheus would scrape: Airflow's own StatsD packets, kept as statsd_exporter keeps them.

The exporter is a Go program that no package registry of this project carries, so its documented mapping is played
here: InfluxDB tags become labels, every other character than letters, digits and `_` becomes `_`, counters add up,
timers become histograms in seconds (deploy/prometheus/statsd.yml). The packets are real: Airflow's client sends them.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from airflow.sdk.observability import stats
from airflow.sdk.observability.metrics import stats_utils
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.parser import text_string_to_metric_families

STATSD = Path(__file__).resolve().parents[2] / "deploy" / "prometheus" / "statsd.yml"
BUCKETS = yaml.safe_load(STATSD.read_text(encoding="utf-8"))["defaults"]["histogram_options"]["buckets"]
disable_created_metrics()  # statsd_exporter has none
_KINDS = {"c": Counter, "g": Gauge, "ms": Histogram}


class Scrape:
    """A StatsD server, and what has come as Prometheus sees it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._registry = CollectorRegistry()
        self._known: dict[str, Counter | Gauge | Histogram] = {}
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._lock, self._marked = threading.Lock(), threading.Event()
        self._thread.start()

    @property
    def text(self) -> str:
        """The page that is scraped, with everything that was sent before."""
        self._marked.clear()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mark:
            mark.sendto(b"", ("127.0.0.1", self.port))
        assert self._marked.wait(60), "the StatsD server ended"
        with self._lock:
            return generate_latest(self._registry).decode()

    def values(self, name: str) -> dict[tuple[str, ...], float]:
        """The samples of one name by the values of their labels, in the order of the labels' names."""
        families = text_string_to_metric_families(self.text)
        return {
            tuple(value for _, value in sorted(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
            if sample.name == name
        }

    def close(self) -> None:
        self._socket.close()

    def _receive(self) -> None:
        while True:
            try:
                packet = self._socket.recv(65536)
            except OSError:  # closed
                return
            if not packet:
                self._marked.set()
                continue
            with self._lock:
                for line in packet.decode().splitlines():
                    self._take(line)

    def _take(self, line: str) -> None:
        head, _, rest = line.rpartition(":")
        value, kind = rest.split("|")[:2]
        name, *tags = head.split(",")
        labels = dict(tag.split("=", 1) for tag in tags)
        metric = self._metric(re.sub(r"[^a-zA-Z0-9_]", "_", name), kind, tuple(sorted(labels)))
        child = metric.labels(**labels) if labels else metric
        if isinstance(child, Counter):
            child.inc(float(value))
        elif isinstance(child, Gauge):
            child.set(float(value))
        else:
            child.observe(float(value) / 1000)

    def _metric(self, name: str, kind: str, labels: tuple[str, ...]) -> Counter | Gauge | Histogram:
        if name not in self._known:
            options = {"buckets": BUCKETS} if kind == "ms" else {}
            self._known[name] = _KINDS[kind](name, name, labels, registry=self._registry, **options)  # type: ignore[arg-type]
        return self._known[name]


@contextmanager
def scraping(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scrape]:
    """Airflow's metrics switched on as the deployment switches them on, into a server of the test."""
    scrape = Scrape()
    settings = {"statsd_on": "True", "statsd_influxdb_enabled": "True", "statsd_host": "127.0.0.1"}
    for name, value in {**settings, "statsd_port": str(scrape.port), "legacy_names_on": "False"}.items():
        monkeypatch.setenv(f"AIRFLOW__METRICS__{name.upper()}", value)
    stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)
    try:
        yield scrape
    finally:
        monkeypatch.undo()
        stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)
        scrape.close()
