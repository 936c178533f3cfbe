"""The rows about waiting, Airflow and scale run at a tiny size; what they tell is counted from what is given."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench import scale  # noqa: E402
from bench.__main__ import RESULTS, bench_of  # noqa: E402
from bench.airflow import shares  # noqa: E402
from bench.frame import Options, Sample  # noqa: E402
from bench.scale import Day, limits, report  # noqa: E402


def quick(row: str, case: str, folder: Path) -> Sample:
    """What the first way of a row finds in one case at the tiny size."""
    bench = bench_of(row)
    options = Options(bench.tiny, rounds=1, quick=True, cases=(case,))
    with bench.scene(options, folder) as scene:
        return scene.measure(bench.ways[0])[case]


def test_a_report_that_is_ready_is_in_the_warehouse_whole(tmp_path: Path) -> None:
    sample = quick("ready", "ready by the last row", tmp_path)
    assert sample.state == "same"
    assert sample.seconds > 0.4  # seen a second time, a poll of half a second later


def test_triggers_wait_in_one_loop_and_read_reports_only_when_they_are_due(tmp_path: Path) -> None:
    bench = bench_of("waiting")
    with bench.scene(Options(bench.tiny, rounds=1, quick=True), tmp_path) as scene:
        found = {case: sample.figures for case, sample in scene.measure(bench.ways[0]).items()}
    still, due = found["4 intents"], found["4 intents, looks due"]
    for figures in (still, due):
        assert (figures["worker slots"], figures["ended early"]) == (0, 0)
    assert still["requests a minute"] > still["of them for reports"] == 0
    assert due["requests a minute"] > due["of them for reports"] > 0


def task(task_id: str, start: int, end: int, pid: int | None = 1) -> dict[str, Any]:
    moment = "2031-05-20T10:00:{:02d}+00:00"
    return {
        "task_id": task_id, "map_index": 0, "queued_when": moment.format(start - 1), "start_date": moment.format(start),
        "end_date": moment.format(end), "pid": pid,
    }  # fmt: skip


def test_a_run_is_taken_apart_by_its_tasks_moments() -> None:
    run = [task("plan", 2, 6), task("batch.wait", 7, 20), task("batch.collect", 23, 25), task("empty", 25, 25, None)]
    found = shares([{"task_instances": run}])
    assert found == {
        "task instances": 4, "in tasks s": 6, "in waits s": 13, "shortest task s": 2, "gaps between tasks s": 4,
        "queued s, median": 1, "wait to collect s": 3,
    }  # fmt: skip


def result(cases: dict[str, float], size: int, exponent: float) -> dict[str, Any]:
    samples = {name: [{"seconds": value, "figures": {}}] for name, value in cases.items()}
    return {
        "size": size,
        "cases": {name: [{"kind": "ours", "name": "ours", "samples": each}] for name, each in samples.items()},
        "growth": {name: {"exponent": exponent} for name in cases},
    }


def test_costs_grow_by_the_exponent_within_a_campaign_and_campaigns_add_up(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(json.dumps(result({"a list": 10.0}, 1_000, 2.0)))
    (tmp_path / "deliver.json").write_text(json.dumps(result({"32 workers, no limit": 2.0}, 100, 1.0)))
    day = Day(contacts_a_day=20_000, campaigns=10)
    found = {cost.stage.title: cost for cost in scale.costs(day, tmp_path) if not isinstance(cost, str)}
    assert found["plan"].seconds == pytest.approx(10 * 10 * 2**2)
    assert found["deliver"].seconds == pytest.approx(0.002 * 20_000 * 2 * 0.15)


def test_a_small_campaign_costs_its_share_and_a_lane_is_a_worker(tmp_path: Path) -> None:
    measured = result({"transcripts": 10.0}, 1_000, 2.0)
    measured["cases"]["transcripts"][0]["samples"][0]["figures"] = {"lanes": 2}
    (tmp_path / "load.json").write_text(json.dumps(measured))
    day = Day(contacts_a_day=500, campaigns=10, dials_a_contact=1)  # fifty attempts a campaign
    (cost,) = (each for each in scale.costs(day, tmp_path) if not isinstance(each, str))
    assert cost.seconds == pytest.approx(10 * 2 / 1_000 * 500)


@pytest.mark.parametrize("given", [["--campaigns", "0"], ["--contacts-a-day", "-5"], ["--twin-share", "3"]])
def test_a_day_that_cannot_be_is_refused(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        scale.main(given)
    assert (refused.value.code, given[0] in capsys.readouterr().err) == (2, True)


def test_numbers_are_read_as_pages_write_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert scale.main(["--contacts-a-day", "500,000", "--results", str(tmp_path)]) == 0
    assert "contacts a day 500,000" in capsys.readouterr().out


def test_what_is_not_measured_is_named_with_its_bench(tmp_path: Path) -> None:
    text = report(Day(), tmp_path)
    assert "plan: not measured yet; run `python -m bench plan`" in text
    assert "PostgreSQL cores, `max_connections` | not known" in text


def test_waiting_fills_the_triggerer_before_a_short_poll_fills_an_account() -> None:
    shares_used = {limit.what.split(":")[0]: limit.share for limit in limits(Day(poll_seconds=120), [])}
    assert shares_used["triggerer"] == 2
    assert shares_used["TWIN"] == pytest.approx(2_000 * 0.5 * 2 / 120 / 20)


def test_the_page_is_what_the_script_makes_of_the_committed_results() -> None:
    assert scale.PAGE.read_text("utf-8") == scale.page(RESULTS), "write it anew: python -m bench page"
