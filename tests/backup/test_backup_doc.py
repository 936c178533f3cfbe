"""The pages on backup, doctor and key rotation: their commands are understood, and their queries run."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from obzvon.__main__ import app
from obzvon.errors import ObzvonError

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = "".join((DOCS / f"{name}.md").read_text(encoding="utf-8") for name in ("backup", "doctor", "key-rotation"))
COMMANDS = re.findall(r"^\.venv/bin/obzvon (.*)$", PAGE, re.MULTILINE)


def test_every_command_is_shown() -> None:
    assert {command.split()[0] for command in COMMANDS} == {"backup", "restore", "doctor", "rotate-phone-key"}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_are_understood(command: str) -> None:
    """Each reads its options and stops before it touches anything: no warehouse is named, or no backup is there."""
    secret = "" if command.startswith(("backup", "restore", "doctor")) else "x"
    told = CliRunner(env={"OBZVON_WAREHOUSE": "", "OBZVON_ARCHIVE": "/nowhere", "OBZVON_PHONE_SECRET": secret})
    done = told.invoke(app, command.split())
    assert isinstance(done.exception, ObzvonError), done.output
    assert str(done.exception).startswith(("also needed: --dsn", "no backup in /srv/backups/obzvon"))


def test_the_queries_run(conn: psycopg.Connection) -> None:
    queries = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    assert queries
    for query in queries:
        assert conn.execute(query.encode()).fetchall() == []
