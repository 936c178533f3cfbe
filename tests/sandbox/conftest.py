"""One sandbox process for the tests of the sandbox, emptied and with its virtual time stopped before each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sandbox_api import Api

from obzvon.sandbox.process import Sandbox, running_sandbox


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(
        tmp_path_factory.mktemp("sandbox"), speed=0, dialog_token_seconds=600, twin_token_seconds=600, record_cap=25
    ) as running:
        yield running


@pytest.fixture
def api(process: Sandbox) -> Iterator[Api]:
    with Api(process.base_url) as client:
        client.admin("reset")
        client.sign_in()
        yield client
