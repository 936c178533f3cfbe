"""docs/operations.md: its queries run, the tables it names exist, and its links lead somewhere. So do the README's."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from obzvon.__main__ import app
from obzvon.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.findall(r"^\.venv/bin/obzvon (.*)$", PAGE, re.MULTILINE)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_queries_run(conn: psycopg.Connection) -> None:
    assert QUERIES
    for query in QUERIES:
        assert conn.execute(query).fetchall() == []  # a fresh warehouse has no doubt


def test_the_tables_it_names_exist(conn: psycopg.Connection) -> None:
    named = set(re.findall(r"`((?:ops|dwh|pii)\.\w+)`", PAGE))
    assert len(named) >= 6
    for table in named:
        assert conn.execute("select to_regclass(%s)", (table,)).fetchone() != (None,), table


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_are_understood(command: str) -> None:
    """Without the rest of what a house needs each stops before it touches one, and after its options were read."""
    told = CliRunner(env={"OBZVON_WAREHOUSE": "", "OBZVON_ARCHIVE": "/nowhere", "OBZVON_PHONE_SECRET": ""})
    done = told.invoke(app, command.split())
    assert isinstance(done.exception, ConfigError), done.output
    assert str(done.exception).startswith("also needed: --dsn")


def test_every_command_on_the_data_is_shown() -> None:
    shown = {"replay", "requeue", "reclassify", "discover-columns", "erase", "suppress", "consent"}
    assert shown <= {command.split()[0] for command in COMMANDS}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
