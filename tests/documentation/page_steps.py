"""What a page of docs/ tells its reader to do, as steps that a test takes in a copy of the project.

A block with `title="path"` is a file, or with the language `diff` a change of one; a `bash` block is lines to type.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whole_way import SECRET

ROOT = Path(__file__).resolve().parents[2]
#: What of the project the pages' steps touch or run.
PARTS = ("dags", "include", "plugins")
_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page. `path` is where its text belongs, empty for lines to type."""

    language: str
    path: str
    text: str

    @property
    def added(self) -> list[str]:
        """The lines that a diff adds."""
        return [line[1:] for line in self.text.splitlines() if line.startswith("+")]

    @property
    def removed(self) -> list[str]:
        """The lines that a diff takes away."""
        return [line[1:] for line in self.text.splitlines() if line.startswith("-")]


class Page:
    """A page and its steps."""

    def __init__(self, name: str) -> None:
        text = (ROOT / "docs" / name).read_text(encoding="utf-8")
        self.blocks = [Block(*found) for found in _BLOCK.findall(text)]

    @property
    def files(self) -> list[Block]:
        return [block for block in self.blocks if block.path and block.language != "diff"]

    @property
    def changes(self) -> list[Block]:
        return [block for block in self.blocks if block.path and block.language == "diff"]

    @property
    def code(self) -> list[Block]:
        """What becomes part of the project's own code."""
        return [block for block in self.files if block.path.startswith("include/obzvon/")]

    @property
    def commands(self) -> list[str]:
        """Lines to type, in order."""
        return [line for block in self.blocks if block.language == "bash" for line in block.text.splitlines()]

    @property
    def exports(self) -> dict[str, str]:
        """Variables of the environment that the page sets."""
        said = [shlex.split(line)[1] for line in self.commands if line.startswith("export ")]
        return dict(line.split("=", 1) for line in said)


def follow(page: Page, tree: Path) -> None:
    """Write the page's files and make its changes. Each must be new, each change must fit exactly one place."""
    for block in page.files:
        path = tree / block.path
        assert not path.exists(), f"{block.path} is there already"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
    for block in page.changes:
        path = tree / block.path
        lines = block.text.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if not line.startswith("+"))
        after = "".join(line[1:] for line in lines if not line.startswith("-"))
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1, f"the change of {block.path} fits {text.count(before)} places"
        path.write_text(text.replace(before, after), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Tree:
    """A copy of the project."""

    path: Path

    @classmethod
    def after(cls, page: Page, to: Path) -> Tree:
        """The project as it is when somebody has written and changed what the page says."""
        for part in PARTS:
            shutil.copytree(ROOT / part, to / part)
        follow(page, to)
        return cls(to)

    def do(self, dsn: str, job: dict[str, Any], exports: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What comes of a job of `do_a_page.py`, done by this Python with the copy's code, apart from a local stack."""
        paths = [self.path / "include", self.path / "plugins", ROOT / "tests"]
        own = {
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "OBZVON_WAREHOUSE": dsn,
            "OBZVON_PHONE_SECRET": SECRET.decode(),
            "OBZVON_ROOT": str(self.path),
            "COLUMNS": "160",
        }
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("do_a_page.py")), str(self.path)],
            input=json.dumps(job), cwd=self.path, env=os.environ | own | (exports or {}),
            capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return dict(json.loads(done.stdout.splitlines()[-1]))
