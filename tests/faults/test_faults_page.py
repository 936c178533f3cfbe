"""docs/faults.md says what the lines of the producers say, for exactly the cases there are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer

from faults import page
from faults.cases import every
from faults.choice import matching
from faults.runner import costs
from faults.words import FAMILIES, FAULTS, POINTS, VENDORS, family

CASES = {case.id: case for case in every()}
LINES = page.read()
PAGE = page.PAGE.read_text(encoding="utf-8")
OURS = {line["case"]: line for line in LINES if line["pipeline"] == "ours"}


def test_every_case_has_a_name_of_its_own() -> None:
    assert len(CASES) == len(every())


def test_every_word_of_the_table_is_explained() -> None:
    assert {case.vendor for case in CASES.values()} | {line["vendor"] for line in LINES} <= set(VENDORS)
    assert {case.fault for case in CASES.values()} | {line["fault"] for line in LINES} <= set(FAULTS)
    assert {case.point for case in CASES.values()} | {line["point"] for line in LINES} <= set(POINTS)


def test_the_page_is_what_the_lines_give() -> None:
    assert page.rendered(page.everything()) == PAGE


def test_the_page_has_every_case_and_no_other() -> None:
    shown = set(re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE))
    assert set(CASES) <= set(OURS)
    assert shown == {line["case"] for line in LINES}


def test_every_case_cost_what_it_may_and_nothing_was_dialled_twice_or_lost() -> None:
    for name, case in CASES.items():
        assert costs(OURS[name]) == case.costs, name


def test_an_older_line_of_a_case_gives_way_and_cases_that_are_no_more_go(tmp_path: Path) -> None:
    page.write("p", [{"case": "a", "twice": 1}, {"case": "b", "twice": 0}], ["a", "b"], tmp_path)
    page.write("p", [{"case": "a", "twice": 0}], ["b", "a"], tmp_path)
    assert lines_of(tmp_path) == [{"case": "b", "twice": 0}, {"case": "a", "twice": 0}]
    page.write("p", [], ["a"], tmp_path)
    assert lines_of(tmp_path) == [{"case": "a", "twice": 0}]


def test_only_the_lines_of_the_cases_played_are_replaced(tmp_path: Path) -> None:
    committed = page.path("worker").read_text(encoding="utf-8")
    (tmp_path / "worker.jsonl").write_text(committed, encoding="utf-8")
    name = "dialog-none-none"
    page.write("worker", [{**OURS[name], "measured": "2099-01-01"}], list(CASES), tmp_path)
    before = committed.splitlines()
    after = (tmp_path / "worker.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(after) == len(before)
    assert [json.loads(new)["case"] for old, new in zip(before, after, strict=True) if old != new] == [name]


def test_a_pattern_that_matches_no_case_is_refused_even_beside_one_that_does() -> None:
    assert matching(CASES, ["dialog-none-*"]) == {"dialog-none-none"}
    assert matching(CASES, None) == set(CASES)
    with pytest.raises(typer.BadParameter):
        matching(CASES, ["dialog-none-*", "nosuch"])


def test_the_families_have_each_case_of_ours_once_and_their_sum_is_that_of_the_lines() -> None:
    shown = dict(re.findall(r"^\| ([^|`]+) \| (\d+(?: \| \d+){4}) \|$", PAGE, re.MULTILINE))
    cells = {name: [int(cell) for cell in row.split(" | ")] for name, row in shown.items()}
    parts = [cells[name] for name in FAMILIES]
    figures = ("twice", "lost", "qolio_doubled", "person")
    whole = [len(OURS), *(sum(line[name] for line in OURS.values()) for name in figures)]
    assert cells["**all cases**"] == whole == [sum(column) for column in zip(*parts, strict=True)]
    assert {family(line["fault"], line["point"]) for line in OURS.values()} == set(FAMILIES)


def test_ours_and_stock_are_compared_over_the_cases_that_both_have() -> None:
    stock = {line["case"]: line for line in LINES if line["pipeline"] == "stock"}
    rows = {"Dialog": "dialog", "TWIN, API v1": "twin"}
    for title, vendor in rows.items():
        both = [case for case in OURS if case in stock and stock[case]["vendor"] == vendor]
        sums = [sum(of[case][n] for case in both) for of in (OURS, stock) for n in ("twice", "lost", "qolio_doubled")]
        assert f"\n| {title} | {len(both)} | {' | '.join(map(str, sums))} |\n" in PAGE


def test_the_random_sequences_and_the_killed_delivery_were_played_whole_and_nothing_failed() -> None:
    (random,) = [line for line in page.everything() if "sequences" in line]
    (killed,) = [line for line in page.everything() if "deliveries" in line]
    assert random["sequences"] >= 500
    assert random["failures"] == 0
    assert (killed["deliveries"], killed["killed_at"], killed["third"], killed["doubled"]) == (10_000, 7_000, 0, 0)
    assert killed["second"] == killed["deliveries"] - killed["killed_at"] + killed["in_flight"]


def lines_of(folder: Path) -> list[object]:
    return [json.loads(text) for text in (folder / "p.jsonl").read_text().splitlines()]
