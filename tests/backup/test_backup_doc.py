"""docs/backup.md: its commands are understood."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from obzvon.__main__ import app
from obzvon.errors import ConfigError

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "backup.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\.venv/bin/obzvon (.*)$", PAGE, re.MULTILINE)


def test_both_commands_are_shown() -> None:
    assert {command.split()[0] for command in COMMANDS} == {"backup", "restore"}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_are_understood(command: str) -> None:
    """Each reads its options and stops before it touches anything: no warehouse is named, or no backup is there."""
    told = CliRunner(env={"OBZVON_WAREHOUSE": "", "OBZVON_ARCHIVE": "/nowhere", "OBZVON_PHONE_SECRET": ""})
    done = told.invoke(app, command.split())
    assert isinstance(done.exception, ConfigError), done.output
    assert str(done.exception).startswith(("also needed: --dsn", "no backup in /srv/backups/obzvon"))
