"""One warehouse with the month in it, for all tests that compare with its truth."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from month import drawn
from month_expected import Truth
from month_stored import Month, store

from obzvon.local.postgres import Postgres
from obzvon.stages.marts import refresh
from obzvon.warehouse.db import connect


@pytest.fixture(scope="session")
def month(postgres: Postgres, warehouse_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    """The month as the pipeline loads it, with its truth; a test leaves it as it was."""
    postgres.create_database("month", template=warehouse_template)
    dsn, folder, plans = postgres.url("month"), tmp_path_factory.mktemp("month"), drawn()
    with connect(dsn) as conn:
        asyncio.run(store(conn, dsn, folder, plans))
        refresh(conn)
    yield Month(dsn, folder, Truth(plans))
    postgres.drop_database("month")
