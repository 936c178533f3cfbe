"""docs/add-a-campaign.md: a reader who does what it says has a campaign, which runs."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.request import urlopen

import psycopg
import pytest
from page_steps import Page, Tree

from obzvon.sandbox.process import running_sandbox

pytestmark = pytest.mark.stack

PAGE = Page("add-a-campaign.md")


def test_it_is_a_file_and_a_list() -> None:
    assert [block.path for block in PAGE.files] == ["lists/checkup.csv", "include/campaigns/checkup.yaml"]
    assert PAGE.changes == []


def test_its_campaign_runs_and_nobody_is_dialled_twice(
    warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path
) -> None:
    tree = Tree.after(PAGE, tmp_path / "project")
    lint, plan, up = PAGE.commands
    assert up == "make up"  # here: the stages one after the other
    with running_sandbox(tmp_path / "sandbox", speed=36000) as sandbox:
        walk = {"campaign": "checkup", "sandbox": sandbox.base_url, "archive": str(tmp_path / "archive")}
        done = tree.do(warehouse_dsn, {"type": [lint, plan], "walk": walk})
        with urlopen(f"{sandbox.admin}/dials", timeout=30) as answer:
            dialled = [dial["phone"] for dial in json.load(answer)]

    assert "0 errors" in done["typed"][0]
    assert "To call 3 of 4 contacts" in done["typed"][1]
    assert done["walk"]["failed"] == []
    assert done["walk"]["sent_again"] == 0
    assert sorted(dialled) == ["+79160000011", "+79160000012", "+79160000013"]
    (query,) = [block.text for block in PAGE.blocks if block.language == "sql"]
    found = conn.execute(query.encode()).fetchall()
    assert sum(contacts for _, _, contacts in found) == 4
    assert ("EXCL_INVALID", "empty", 1) in found
