"""deploy/image/alive.py against Airflow's own table: who lives and who does not."""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest
import sqlalchemy as sa
from airflow.jobs.job import Job
from deploy.compose import ROOT

from obzvon.local.postgres import Postgres


@pytest.fixture(scope="module")
def alive() -> ModuleType:
    spec = importlib.util.spec_from_file_location("alive", ROOT / "deploy" / "image" / "alive.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def jobs(postgres: Postgres) -> str:
    """DSN of a database that has Airflow's table of jobs, with four of them."""
    postgres.create_database("alive_jobs")
    engine = sa.create_engine(postgres.url("alive_jobs", driver="postgresql+psycopg"))
    now = datetime.now(UTC)
    with engine.begin() as connection:
        Job.__table__.create(connection)
        connection.execute(
            sa.insert(Job.__table__),
            [
                {"job_type": kind, "hostname": host, "state": state, "latest_heartbeat": now - timedelta(minutes=ago)}
                for kind, host, state, ago in (
                    ("TriggererJob", "beats", "running", 0),
                    ("TriggererJob", "silent", "running", 10),
                    ("TriggererJob", "ended", "success", 0),
                    ("DagProcessorJob", "other", "running", 0),
                )
            ],
        )
    engine.dispose()
    return postgres.url("alive_jobs", driver="postgresql+psycopg2")


@pytest.mark.parametrize(
    ("host", "lives"), [("beats", True), ("silent", False), ("ended", False), ("other", False), ("unknown", False)]
)
def test_a_job_lives_while_its_own_heartbeat_is_fresh(alive: ModuleType, jobs: str, host: str, lives: bool) -> None:
    assert alive.job_beats(jobs, "TriggererJob", host) is lives
