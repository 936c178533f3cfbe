"""The benches run at a tiny size without the peers' environment and judge end states; their page is what they found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench.__main__ import RESULTS, bench_of  # noqa: E402
from bench.answering import answering  # noqa: E402
from bench.child import LIMIT  # noqa: E402
from bench.frame import Failed, Kind, Way, run_child  # noqa: E402
from bench.growth import exponent  # noqa: E402
from bench.page import PAGE, QUOTED, figure, page  # noqa: E402

CALLS = "transcripts of 1 KB"
OURS = Way("ours", Kind.OURS, "bench.parse:ours")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make bench-quick` finds of two rows."""
    folder = tmp_path_factory.mktemp("results")
    for row, case in (("load", CALLS), ("parse", "one document")):
        command = [sys.executable, "-m", "bench", row, "--quick", "--case", case, "--results", str(folder)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder


def told(results: Path, row: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((results / f"{row}.json").read_text("utf-8"))
    return found


def test_ours_and_the_floor_end_with_the_same_rows_and_peers_are_named(results: Path) -> None:
    for ways in told(results, "load")["cases"].values():
        for way in ways:
            assert way["said"] == "not run: left out" if way["kind"] == "peer" else not way["said"]
            assert all(sample["state"] == "same" for sample in way["samples"])
    ways = {way["name"]: way for way in told(results, "load")["cases"][CALLS]}
    assert {"ours", "dlt merge", "psql \\copy binary"} <= ways.keys()


def test_a_second_load_of_the_same_writes_no_row(results: Path) -> None:
    cases = told(results, "load")["cases"]
    first, again = (cases[name][0]["samples"][0]["figures"] for name in (CALLS, f"{CALLS}, again"))
    assert first["rows written"] > 400 * 7  # a call and its six utterances
    assert (again["rows written"], again["tables grown MiB"]) == (0, 0)


def test_the_page_has_every_case_and_says_what_did_not_run(results: Path) -> None:
    text = page(results)
    for row in ("load", "parse"):
        assert bench_of(row).title in text
        assert all(f"### {case}, " in text for case in told(results, row)["cases"])
    assert "| dlt merge | not run: left out |" in text


def test_docs_are_made_of_the_committed_results() -> None:
    assert PAGE.read_text("utf-8") == page(RESULTS), "write it anew: python -m bench page"


def test_figures_that_texts_quote_are_those_of_the_results(results: Path) -> None:
    key = f"load|{CALLS}|ours|seconds"
    sample = told(results, "load")["cases"][CALLS][0]["samples"][0]
    assert figure(results, key) == f"{sample['seconds']:.2f}"
    assert figure(results, f"load|{CALLS}|ours|× ours") == "1.00"
    assert QUOTED.findall(f"in <!--bench {key}-->1.50<!--/bench--> s") == [(key, "1.50")]
    for text in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for quoted, said in QUOTED.findall(text.read_text("utf-8")):
            assert said == figure(RESULTS, quoted), f"{text.name}: {quoted}"


def test_growth_is_the_slope_of_the_logarithms() -> None:
    assert exponent([(10, 5), (100, 50), (1000, 500)]) == pytest.approx(1)
    assert exponent([(10, 1), (20, 4)]) == pytest.approx(2)
    assert exponent([(10, 1)]) is None


def test_a_measured_process_cannot_have_more_memory_than_its_limit(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text('{"data": []}')
    assert run_child(OURS, {"files": [str(report)]}, **{LIMIT: "300"}).state == "0 rows, 0, 0"
    with pytest.raises(Failed, match="exit code"):
        run_child(OURS, {"files": [str(report)]}, **{LIMIT: "20"})


def test_the_server_counts_what_comes_and_what_comes_twice(tmp_path: Path) -> None:
    file = tmp_path / "bodies.jsonl"
    file.write_text('{"uid": "a"}\n{"uid": "b"}\n{"uid": "a"}\n')
    with answering(1) as server:
        floor = Way("bare", Kind.FLOOR, "bench.floors:post")
        run_child(floor, {"file": str(file), "url": server.url, "workers": 2, "calls": 3})
        journal = server.journal()
    assert (journal["requests"], journal["distinct"], journal["doubled"], journal["busiest"]) == (3, 2, 1, 3)
