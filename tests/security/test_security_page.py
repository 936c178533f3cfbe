"""docs/security.md names tests, settings and commands that exist; a claim without one of them is no claim."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
CODE = "\n".join(
    file.read_text("utf-8") for folder in ("include/obzvon", "plugins") for file in (ROOT / folder).rglob("*.py")
)


def test_every_file_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`((?:tests|docs|include|plugins)/[\w/.-]+)", PAGE))
    assert len(named) > 15
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_every_test_that_the_page_names_has_tests() -> None:
    for name in re.findall(r"`(tests/[\w/.-]+)`", PAGE):
        if Path(name).name.startswith("test_"):
            assert re.search(r"^(async )?def test_", (ROOT / name).read_text("utf-8"), re.MULTILINE), name


def test_every_door_of_the_table_names_what_holds_it() -> None:
    table = PAGE.partition("## Doors")[2].partition("\n## ")[0]
    rows = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("|")][2:]
    assert len(rows) > 10
    assert [door.strip() for door, _, held in rows if "`tests/" not in held] == []


def test_every_setting_and_command_that_the_page_names_is_one() -> None:
    settings = set(re.findall(r"`((?:max|obzvon|recordings|warehouse)_[a-z_]+)`", PAGE))
    assert len(settings) > 5
    assert [name for name in sorted(settings) if name not in CODE] == []
    targets = set(re.findall(r"`make ([a-z-]+)`", PAGE))
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert [name for name in sorted(targets) if f"\n{name}:" not in makefile] == []
