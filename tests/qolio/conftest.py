"""One sandbox for the tests of Qolio's account API, emptied before each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from account_scene import House

from obzvon.sandbox.process import Sandbox, running_sandbox


@pytest.fixture(scope="session")
def qolio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("qolio"), speed=0) as running:
        yield running


@pytest.fixture
def house(qolio_server: Sandbox) -> Iterator[House]:
    house = House(qolio_server)
    yield house
    house.http.close()
