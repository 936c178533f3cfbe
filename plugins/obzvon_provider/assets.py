"""What tasks change for others: assets, by which DAGs wake each other."""

from __future__ import annotations

from airflow.sdk import Asset

__all__ = ["ATTEMPTS"]

#: The attempts of the warehouse. An event says that facts may have changed; which ones, `ops.mart_change` knows.
ATTEMPTS = Asset("obzvon_attempts")
