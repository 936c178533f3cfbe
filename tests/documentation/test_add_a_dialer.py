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
from page_steps import Page, Tree, follow

from obzvon.local.ports import free_port
from obzvon.sandbox.process import running_sandbox

pytestmark = pytest.mark.stack

PAGE = Page("add-a-dialer.md")
#: What the page names, and where a test has it instead.
ADDRESS = "http://127.0.0.1:8077"
CALLED = ["+79160000001", "+79160000002", "+79160000003", "+79160000004"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    made = Tree.copied(tmp_path_factory.mktemp("project"))
    follow(PAGE, made.path)
    return made


@pytest.fixture(scope="module")
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


def environment(tree: Tree, dsn: str, bell: str) -> dict[str, str]:
    exports = {name: value.replace(ADDRESS, bell) for name, value in PAGE.exports.items()}
    return tree.environment(dsn, **exports)


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
    assert not [line for line in change.text.splitlines() if line.startswith("-")]


def test_the_reader_types_nothing_that_is_not_tried() -> None:
    assert [line for line in PAGE.commands if not line.startswith(("export ", "curl "))] == [
        ".venv/bin/obzvon lint include/campaigns/bell_poll.yaml",
        ".venv/bin/obzvon plan bell_poll",
        ".venv/bin/python bell_server.py &",
        "make up",
    ]


def test_the_file_is_in_order_and_its_plan_is_shown_without_the_vendor(tree: Tree, warehouse_dsn: str) -> None:
    alone = tree.environment(warehouse_dsn)
    lint, plan, *_ = PAGE.commands
    assert "0 errors" in tree.type(lint, alone)
    said = " ".join(tree.type(plan, alone).split())
    assert "by bell" in said
    assert "To call 4 of 5 contacts" in said


def test_airflow_has_its_dag_its_connection_type_and_its_test_button(tree: Tree, bell: str, warehouse_dsn: str) -> None:
    script = str(Path(__file__).with_name("see_in_airflow.py"))
    answer = tree.python(
        script, str(tree.path), "bell_poll", "bell_default", environment=environment(tree, warehouse_dsn, bell)
    )
    seen = json.loads(answer.splitlines()[-1])
    assert seen["title"] == "Опрос колокольчиком (bell_poll)"
    assert {"plan", "approve", "batch.launch", "batch.wait", "batch.collect", "deliver", "audit"} <= set(seen["tasks"])
    assert set(seen["types"]) == {"dialog", "twin", "bell", "qolio"}
    assert seen["test"] == [True, "Bell knows this key"]


def test_its_campaign_runs_and_nobody_is_dialled_twice(
    tree: Tree, bell: str, warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path
) -> None:
    script = str(Path(__file__).with_name("walk_a_campaign.py"))
    with running_sandbox(tmp_path / "sandbox") as sandbox:
        answer = tree.python(
            script, str(tree.path), "bell_poll", warehouse_dsn, sandbox.base_url, str(tmp_path / "archive"),
            environment=environment(tree, warehouse_dsn, bell),
        )  # fmt: skip
    walked = json.loads(answer.splitlines()[-1])
    assert walked["failed"] == []
    assert (walked["sent"], walked["sent_again"]) == (3, 0)
    assert sorted(dials(bell)) == CALLED
    calls = conn.execute("select vendor_code, disposition_code from dwh.fact_call_attempt order by 2").fetchall()
    assert calls == [("bell", said) for said in ("BUSY", "GOAL", "RPC_REFUSED", "RPC_REFUSED")]
    contacts = conn.execute("select disposition_code, count(*) from dwh.fact_campaign_contact group by 1").fetchall()
    assert dict(contacts) == {"BUSY": 1, "GOAL": 1, "RPC_REFUSED": 2, "EXCL_INVALID": 1}
