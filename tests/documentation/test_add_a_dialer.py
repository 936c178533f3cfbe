"""docs/add-a-dialer.md: a reader who does what it says has a third dialer, whose campaign runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import psycopg
import pytest
from page_steps import Page, Tree

from obzvon.local.ports import free_port
from obzvon.sandbox.process import running_sandbox

pytestmark = pytest.mark.stack

PAGE = Page("add-a-dialer.md")
#: What the page says, and a test has elsewhere.
ADDRESS = "http://127.0.0.1:8077"
CALLED = ["+79160000001", "+79160000002", "+79160000003", "+79160000004"]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree.after(PAGE, tmp_path / "project")


@pytest.fixture
def bell(tree: Tree) -> Iterator[str]:
    """The address of the page's own server."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-u", "bell_server.py", str(port)], cwd=tree.path, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert "Running on" in process.stdout.readline()
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(30)


def dials(bell: str) -> list[str]:
    """Whom Bell dialled, as the page asks for it."""
    (line,) = [line for line in PAGE.commands if line.startswith("curl ")]
    assert line == f"curl -s -H 'Authorization: Bearer ring-ring' {ADDRESS}/dials"
    with urlopen(Request(f"{bell}/dials", headers={"Authorization": "Bearer ring-ring"}), timeout=30) as answer:
        return list(json.load(answer))


def test_it_is_one_module_and_one_line() -> None:
    assert [block.path for block in PAGE.code] == ["include/obzvon/vendors/bell.py"]
    (change,) = PAGE.changes
    assert change.path == "include/obzvon/vendors/registry.py"
    assert len(change.added) == 1
    assert change.removed == []


def test_the_reader_types_nothing_that_is_not_tried() -> None:
    assert [line for line in PAGE.commands if not line.startswith(("export ", "curl "))] == [
        ".venv/bin/obzvon lint include/campaigns/bell_poll.yaml",
        ".venv/bin/obzvon plan bell_poll",
        ".venv/bin/python bell_server.py &",
        "make up",  # here: the DAG as Airflow reads it, and the stages one after the other
    ]


def test_its_campaign_runs_and_nobody_is_dialled_twice(
    tree: Tree, bell: str, warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path
) -> None:
    exports = {name: value.replace(ADDRESS, bell) for name, value in PAGE.exports.items()}
    with running_sandbox(tmp_path / "sandbox") as sandbox:
        job = {
            "type": PAGE.commands[:2],
            "walk": {"campaign": "bell_poll", "sandbox": sandbox.base_url, "archive": str(tmp_path / "archive")},
            "airflow": {"campaign": "bell_poll", "connection": "bell_default"},
        }
        done = tree.do(warehouse_dsn, job, exports)

    lint, plan = done["typed"]
    assert "0 errors" in lint
    assert "by bell" in plan
    assert "To call 4 of 5 contacts" in plan

    seen = done["airflow"]
    assert seen["title"] == "Опрос колокольчиком (bell_poll)"
    assert {"plan", "approve", "batch.launch", "batch.wait", "batch.collect", "deliver", "audit"} <= set(seen["tasks"])
    assert seen["types"] == ["bell", "dialog", "qolio", "twin"]
    assert (seen["works"], seen["said"]) == (True, "Bell knows this key")

    assert done["walk"] == {"sent": 3, "sent_again": 0, "failed": []}
    assert sorted(dials(bell)) == CALLED
    calls = conn.execute("select vendor_code, disposition_code from dwh.fact_call_attempt order by 2").fetchall()
    assert calls == [("bell", said) for said in ("BUSY", "GOAL", "RPC_REFUSED", "RPC_REFUSED")]
    contacts = "select coalesce(exclusion_code, final_disposition), count(*) from dwh.fact_campaign_contact group by 1"
    assert dict(conn.execute(contacts).fetchall()) == {"BUSY": 1, "GOAL": 1, "RPC_REFUSED": 2, "EXCL_INVALID": 1}
