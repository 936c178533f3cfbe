"""The command line over a fresh warehouse."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from plan_lists import SECRET
from typer.testing import CliRunner

from obzvon.__main__ import app
from obzvon.errors import ObzvonError

Obzvon = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def obzvon(warehouse_dsn: str) -> Obzvon:
    """Run a command in this process; no phone of the lists may show, nor an error that is not ours."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        env = {"OBZVON_WAREHOUSE": warehouse_dsn, "OBZVON_PHONE_SECRET": SECRET.decode(), "OBZVON_ARCHIVE": None}
        command = [str(argument) for argument in arguments]
        done = CliRunner().invoke(app, command, env={**env, "COLUMNS": "160"})
        assert done.exception is None or isinstance(done.exception, ObzvonError | SystemExit)
        ours = f"Obzvon: {done.exception}\n" if isinstance(done.exception, ObzvonError) else ""
        said = done.stdout + done.stderr + ours
        assert not [digits for digits in ("916000000", "916123456", "Traceback") if digits in said]
        return subprocess.CompletedProcess(command, done.exit_code, done.stdout, done.stderr + ours)

    return run
