"""What a failed test of the distributed stack has to say."""

from __future__ import annotations

from real_airflow import pytest_runtest_makereport

__all__ = ["pytest_runtest_makereport"]
