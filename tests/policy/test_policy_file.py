"""What a policy file may say, and what it says when it is wrong."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from obzvon.campaigns.spec import Purpose
from obzvon.errors import PolicyError
from obzvon.policy.calendar import check_calendar, knows
from obzvon.policy.model import load_policy

SHIPPED = Path(__file__).parents[2] / "include/policy/policy.yaml"
SURVEY = (
    'version: 2026-11-20\npurposes:\n  survey: {window: {workday: ["10:00", "20:00"], dayoff: ["11:00", "18:00"]}}\n'
)


def refusal(tmp_path: Path, text: str) -> str:
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError) as refused:
        load_policy(path)
    assert str(refused.value).startswith(f"{path}: ")
    return str(refused.value).removeprefix(f"{path}: ")


def test_the_shipped_policy_covers_every_purpose() -> None:
    policy = load_policy(SHIPPED)
    assert set(policy.purposes) == set(Purpose)
    debt = policy.rules(Purpose.DEBT)
    assert debt.cap is not None
    assert (debt.cap.day, debt.cap.week, debt.cap.month, debt.cap.count) == (1, 2, 8, "attempts")
    assert (debt.margin_min, debt.retention_days, debt.consent) == (10, 1095, "legal_review")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the policy file is empty"),
        ("purposes: [", "not a YAML file"),
        (SURVEY + "colour: red\n", "colour: Extra inputs are not permitted"),
        (SURVEY.replace('"10:00"', "10:00"), 'purposes.survey.window.workday.0: write the time in quotes, as "10:00"'),
        (
            SURVEY.replace('"20:00"', '"09:00"'),
            "purposes.survey.window.workday: window is reversed: 10:00 is not before",
        ),
        (SURVEY.replace("survey:", "party:"), "purposes.party"),
        (SURVEY + "unknown_zone: guess\n", "unknown_zone: Input should be 'safe_window' or 'exclude'"),
        (SURVEY.replace("}}", "}, margin_min: 210}"), "margin_min 210 leaves nothing of the dayoff window"),
        (SURVEY + 'region_days_off: [{region: X, offset: "+5", days: [2026-05-27]}]\n', "region_days_off.0.offset"),
    ],
)
def test_a_broken_policy_names_file_key_and_cause(tmp_path: Path, text: str, sentence: str) -> None:
    assert sentence in refusal(tmp_path, text)


def test_a_missing_policy_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"gone\.yaml: the policy file cannot be read"):
        load_policy(tmp_path / "gone.yaml")


def test_a_purpose_without_rules_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(SURVEY, encoding="utf-8")
    with pytest.raises(PolicyError, match=r"purposes\.debt is missing: add its window"):
        load_policy(path).rules(Purpose.DEBT)


def test_debt_is_refused_in_a_year_without_a_calendar() -> None:
    year = next(year for year in range(2027, 2100) if not knows(year))
    with pytest.raises(PolicyError, match=f"does not know {year}.*update the holidays package"):
        check_calendar(Purpose.DEBT, date(year, 3, 1))


def test_other_purposes_are_warned_in_a_year_without_a_calendar(caplog: pytest.LogCaptureFixture) -> None:
    year = next(year for year in range(2027, 2100) if not knows(year))
    with caplog.at_level(logging.WARNING):
        check_calendar(Purpose.SURVEY, date(year, 3, 1))
    assert f"does not know {year}" in caplog.text


def test_a_known_year_passes_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        check_calendar(Purpose.DEBT, date(2027, 3, 1))
    assert not caplog.records


def test_the_same_numbers_have_the_same_hash_in_every_process() -> None:
    code = (
        "from pathlib import Path; from obzvon.policy.model import load_policy;"
        f"print(load_policy(Path({str(SHIPPED)!r})).policy_hash)"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(hashes) == 1
