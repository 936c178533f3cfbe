"""A page for each alert: what it means, how to see it, what to do, what never. Its query shows the planted fault."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import psycopg
import pytest
from airflow.cli.cli_parser import get_parser
from watching.expressions import expressions_of_rules
from watching.planted import FAULTS, Scene

from obzvon.telemetry.metrics import METRICS
from obzvon.watching.pages import metrics_page
from obzvon.watching.rules import MISSED_DEADLINE, RULES, Rule

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "runbooks"
PARTS = ["What it means", "How to see it", "What to do", "Never"]
NAMES = sorted({*expressions_of_rules(), MISSED_DEADLINE.name})


def text(name: str) -> str:
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    seen = text(name).partition("## How to see it")[2].partition("## What to do")[0]
    return re.findall(rf"```{language}\n(.*?)```", seen, re.DOTALL)


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    assert sorted(page.stem for page in PAGES.glob("*.md")) == NAMES
    assert {rule.name for rule in (*RULES, MISSED_DEADLINE)} | {"watch_dead"} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_its_four_parts_with_something_in_each(name: str) -> None:
    found = re.split(r"^## (.+)$", text(name), flags=re.MULTILINE)
    assert found[0].startswith(f"# {name}: ")
    assert found[1::2] == PARTS
    assert all(len(part.split()) >= 10 for part in found[2::2])


@pytest.mark.parametrize("name", sorted(FAULTS))
async def test_the_query_shows_the_planted_fault(
    warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path, name: str
) -> None:
    (query,) = blocks(name, "sql")
    assert conn.execute(query.encode()).fetchall() == []
    conn.commit()
    await FAULTS[name](Scene(warehouse_dsn, conn, tmp_path))
    assert conn.execute(query.encode()).fetchall()


@pytest.mark.parametrize("name", sorted({*NAMES} - {*FAULTS}))
def test_a_command_is_one_that_airflow_knows(name: str) -> None:
    commands = [line for block in blocks(name, "bash") for line in block.splitlines()]
    assert commands
    for command in commands:
        program, *arguments = shlex.split(command.replace("<run id>", "run-1"))
        assert program == "airflow"
        assert get_parser().parse_args(arguments).func


@pytest.mark.parametrize("rule", [*RULES, MISSED_DEADLINE], ids=lambda rule: rule.name)
def test_a_rule_speaks_in_sentences_without_values(rule: Rule) -> None:
    for sentence in (rule.says, rule.cure):
        assert 20 < len(sentence) < 140
        assert not sentence.endswith(".")
    assert rule.metric is None or rule.metric in METRICS


def test_the_page_of_metrics_is_made_from_the_table() -> None:
    found = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert found == metrics_page(), "run `python -m obzvon metrics`"
