"""The whole stack for the end-to-end tests: real scheduler, triggerer, web server, PostgreSQL and sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from real_airflow import CAMPAIGNS, DAGS, SPEED, World, kill, running_world, tomorrow

__all__ = ["CAMPAIGNS", "DAGS", "World", "first_run", "kill", "mended", "tomorrow", "world"]


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """The stack in a folder of its own."""
    with running_world("obzvon-e2e-") as world:
        yield world


@pytest.fixture(scope="session")
def first_run(world: World) -> World:
    """Both demo campaigns have run once for tomorrow."""
    assert world.finish(world.start(tomorrow())) == ["success", "success"]
    return world


@pytest.fixture
def mended(first_run: World) -> Iterator[World]:
    """The world after the first run; faults and the sandbox's clock are put right at the end."""
    yield first_run
    first_run.mend()
    first_run.clock(speed=SPEED)
