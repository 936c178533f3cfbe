"""docs/faults.md says what the lines of the producers say, for exactly the cases there are."""

from __future__ import annotations

import json
import re
from pathlib import Path

from faults import page
from faults.cases import every
from faults.runner import costs
from faults.words import FAULTS, POINTS, VENDORS

CASES = {case.id: case for case in every()}
LINES = page.read()
OURS = {line["case"]: line for line in LINES if line["pipeline"] == "ours"}


def test_every_case_has_a_name_of_its_own() -> None:
    assert len(CASES) == len(every())


def test_every_word_of_the_table_is_explained() -> None:
    assert {case.vendor for case in CASES.values()} | {line["vendor"] for line in LINES} <= set(VENDORS)
    assert {case.fault for case in CASES.values()} | {line["fault"] for line in LINES} <= set(FAULTS)
    assert {case.point for case in CASES.values()} | {line["point"] for line in LINES} <= set(POINTS)


def test_the_page_is_what_the_lines_give() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.rendered(LINES, page.sequences())


def test_the_page_has_every_case_and_no_other() -> None:
    shown = set(re.findall(r"^\| `([^`]+)` \|", page.PAGE.read_text(encoding="utf-8"), re.MULTILINE))
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


def lines_of(folder: Path) -> list[object]:
    return [json.loads(text) for text in (folder / "p.jsonl").read_text().splitlines()]
