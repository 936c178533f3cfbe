"""Fixtures every room's tests share: an embedded PostgreSQL and a fresh, migrated warehouse for each test."""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from xdist.scheduler import LoadScopeScheduling

from obzvon.local.postgres import Postgres
from obzvon.warehouse.db import connect
from obzvon.warehouse.migrate import migrate
from obzvon.warehouse.partitions import ensure_months

ROOT = Path(__file__).resolve().parents[1]
#: Most tests call in this month; what writes facts of another one makes its partitions.
MONTH = date(2031, 5, 1)

# Airflow reads its settings at import: a home of its own, so that no test touches the user's or the stack's
AIRFLOW_HOME = tempfile.mkdtemp(prefix="obzvon-airflow-")
atexit.register(shutil.rmtree, AIRFLOW_HOME, ignore_errors=True)
os.environ |= {
    "AIRFLOW_HOME": AIRFLOW_HOME,
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
}
_numbers = itertools.count(1)
#: Folders whose files share something that takes long to make, a month of calls.
TOGETHER = {"marts", "pages"}


class Rooms(LoadScopeScheduling):  # type: ignore[misc]
    """Where tests run in several processes, a file stays in one of them, and so do the files of some folders."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = file.rpartition("/")[0]
        return folder if folder.rpartition("/")[2] in TOGETHER else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Rooms:
    return Rooms(config, log)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One embedded server for the whole session, without fsync."""
    server = Postgres(tmp_path_factory.mktemp("pg"), durable=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def warehouse_template(postgres: Postgres) -> str:
    """Name of a migrated database that fresh ones are copied from."""
    postgres.create_database("warehouse_template")
    migrate(postgres.url("warehouse_template"))
    with connect(postgres.url("warehouse_template")) as connection:
        ensure_months(connection, [MONTH])
    return "warehouse_template"


@pytest.fixture
def warehouse_dsn(postgres: Postgres, warehouse_template: str) -> Iterator[str]:
    """DSN of a fresh migrated warehouse, dropped after the test."""
    name = f"warehouse_{next(_numbers)}"
    postgres.create_database(name, template=warehouse_template)
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture
def conn(warehouse_dsn: str) -> Iterator[psycopg.Connection]:
    """A connection to the fresh warehouse."""
    with connect(warehouse_dsn) as connection:
        yield connection
