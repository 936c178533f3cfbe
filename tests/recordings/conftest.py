"""One sandbox for the tests of recordings, and a scene with eight recorded calls for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from recording_scene import Scene

from obzvon.sandbox.process import Sandbox, running_sandbox


@pytest.fixture(scope="session")
def records_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("records"), speed=0) as running:
        yield running


@pytest.fixture
def scene(conn: psycopg.Connection, warehouse_dsn: str, records_server: Sandbox, tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(conn, warehouse_dsn, records_server, tmp_path)
    yield scene
    scene.http.close()
