"""The command line over a fresh warehouse."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from plan_lists import SECRET

Obzvon = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def obzvon(warehouse_dsn: str) -> Obzvon:
    """Run a command; no phone of +7916000000x and +7916123456x may show, nor a traceback."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        where = {"OBZVON_WAREHOUSE": warehouse_dsn, "OBZVON_PHONE_SECRET": SECRET.decode(), "COLUMNS": "160"}
        env = {name: value for name, value in os.environ.items() if name != "OBZVON_ARCHIVE"} | where
        command = [sys.executable, "-m", "obzvon", *map(str, arguments)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
        said = done.stdout + done.stderr
        assert not [digits for digits in ("916000000", "916123456", "Traceback") if digits in said]
        return done

    return run
