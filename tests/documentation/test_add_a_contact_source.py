"""docs/add-a-contact-source.md: a reader who does what it says has another kind of list, and a plan made of one."""

from __future__ import annotations

from pathlib import Path

import pytest
from page_steps import Page, Tree

pytestmark = pytest.mark.stack

PAGE = Page("add-a-contact-source.md")


def test_it_is_one_module_and_one_line() -> None:
    assert [block.path for block in PAGE.code] == ["include/obzvon/contacts/sources/jsonl_file.py"]
    (change,) = PAGE.changes
    assert change.path == "include/obzvon/contacts/sources/registry.py"
    assert len(change.added) == 1
    assert change.removed == []


def test_its_list_is_planned(warehouse_dsn: str, tmp_path: Path) -> None:
    tree = Tree.after(PAGE, tmp_path / "project")
    lint, plan = tree.do(warehouse_dsn, {"type": PAGE.commands})["typed"]
    assert "0 errors" in lint
    assert "To call 2 of 3 contacts" in plan
    assert "EXCL_INVALID no phone to call, or a variable that does not fit empty 1 1" in plan
    assert "list written" in plan
