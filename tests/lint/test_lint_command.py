"""`obzvon lint`: what it prints, on which line, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from lint_campaigns import BETA, EXAMPLE_HOURS, EXAMPLE_RECALLS, data
from policies import SHIPPED
from typer.testing import CliRunner

from obzvon.__main__ import app
from obzvon.campaigns.lines import Lines
from obzvon.errors import CampaignFileError, ConfigError, PolicyError

ROOT = Path(__file__).resolve().parents[2]


def written(folder: Path, **changes: Any) -> Path:
    """The campaign as a file, one key a line."""
    said = data(**changes)
    path = folder / f"{said['name']}.yaml"
    path.write_text(yaml.safe_dump(said, allow_unicode=True, sort_keys=False), "utf-8")
    return path


def line_with(path: Path, text: str) -> int:
    """The number of the only line that begins so, blanks aside."""
    (number,) = (n for n, line in enumerate(path.read_text("utf-8").splitlines(), 1) if line.strip().startswith(text))
    return number


def linted(*arguments: str | Path, **environment: str) -> tuple[int, list[str]]:
    """Exit code and lines of the command in this process."""
    env = {"OBZVON_CAMPAIGNS": "", "OBZVON_POLICY": ""} | environment
    done = CliRunner(env=env).invoke(app, ["lint", *map(str, arguments)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output.splitlines()


def test_the_campaigns_that_ship_are_clean_from_the_shell(tmp_path: Path) -> None:
    """As `python -m obzvon lint` in any folder, by a process of its own."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("OBZVON_")}
    command = [sys.executable, "-m", "obzvon", "lint"]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "2 campaign files, 0 errors, 0 warnings\n"


def test_errors_stand_with_file_and_line_and_end_with_exit_code_1(tmp_path: Path) -> None:
    vendor = BETA | {"recall_rules": EXAMPLE_RECALLS, "is_test": True}
    path = written(tmp_path, purpose="debt", vendor=vendor, window=EXAMPLE_HOURS, name="autumn")
    env = os.environ | {"OBZVON_POLICY": str(SHIPPED)}
    command = [sys.executable, "-m", "obzvon", "lint", str(path)]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    *found, summary = done.stdout.splitlines()
    rules, test, hours = (line_with(path, key) for key in ("recall_rules:", "is_test:", "window:"))
    dials = "1 + BUSY 3 + NO_ANSWER 3 + MACHINE 2 + CONGESTION 3 = 12 dials"
    starts = [
        f"autumn.yaml:{rules}: error: vendor.recall_rules: {dials} a day; purpose debt allows 1 (",
        f"autumn.yaml:{rules}: error: vendor.recall_rules: {dials} in all; purpose debt allows 2 a week (",
        f"autumn.yaml:{test}: error: vendor.is_test: switches off every guard of the vendor",
        f"autumn.yaml:{hours}: error: window: window 09:01:40–21:56:40 (32500–79000 s of the day) reaches outside",
    ]
    assert len(found) == 4
    for start in starts:
        assert any(line.startswith(start) for line in found), start
    assert [int(line.split(":")[1]) for line in found] == sorted([rules, rules, test, hours])
    assert summary == "1 campaign file, 4 errors, 0 warnings"


def test_warnings_alone_end_well(tmp_path: Path) -> None:
    path = written(tmp_path, contacts=data()["contacts"] | {"columns": {"phone": "Телефон"}})
    code, (consent, person, summary) = linted(path)
    columns = line_with(path, "columns:")
    assert code == 0
    assert consent.startswith(f"{path}:{columns}: warning: contacts.columns.consent_date: missing, and ")
    assert person.startswith(f"{path}:{columns}: warning: contacts.columns.contact_id: missing, and ")
    assert summary == "1 campaign file, 0 errors, 2 warnings"


def test_files_that_are_no_campaigns_are_errors_with_their_lines(tmp_path: Path) -> None:
    path = written(tmp_path, colour="red", owner=None)
    path.write_text(path.read_text("utf-8").replace("phone_id: 5", "phone_id: five"), "utf-8")
    (tmp_path / "broken.yaml").write_text("name: broken\ntitle: a: b\n", "utf-8")
    (tmp_path / "double.yaml").write_text("name: double\ntitle: a\ntitle: b\n", "utf-8")
    (tmp_path / "empty.yaml").write_text("", "utf-8")
    code, lines = linted(tmp_path)
    assert code == 1
    expected = [
        f"{path}:1: error: owner: missing; add this key",
        f"{path}:{line_with(path, 'phone_id:')}: error: vendor.phone_id: input should be a valid integer",
        f"{path}:{line_with(path, 'colour:')}: error: colour: unknown key; ",
        f"{tmp_path / 'broken.yaml'}:2: error: line 2, column 9: ",
        f"{tmp_path / 'double.yaml'}:3: error: line 3, column 1: the key `title` stands here twice",
        f"{tmp_path / 'empty.yaml'}:1: error: not a campaign: ",
    ]
    assert len(lines) == len(expected) + 1
    assert all(line.startswith(start) for line, start in zip(lines, expected, strict=False)), lines
    assert lines[-1] == "4 campaign files, 6 errors, 0 warnings"


def test_a_bare_word_is_the_name_of_a_campaign(tmp_path: Path) -> None:
    path = written(tmp_path, name="autumn")
    assert linted("autumn", OBZVON_CAMPAIGNS=str(tmp_path)) == linted(path)
    with pytest.raises(ConfigError, match=r"^no campaign is called nosuch; known: autumn$"):
        linted("nosuch", OBZVON_CAMPAIGNS=str(tmp_path))


def test_a_file_that_is_not_there_is_an_error_and_the_others_are_still_read(tmp_path: Path) -> None:
    path = written(tmp_path, caller_ids=None)
    code, lines = linted(tmp_path / "gone.yaml", path)
    assert code == 1
    assert lines[0].startswith(f"{tmp_path / 'gone.yaml'}:1: error: cannot be read (")
    assert lines[1].startswith(f"{path}:1: error: caller_ids: missing, and purpose survey needs labelled numbers")
    assert lines[2] == "2 campaign files, 2 errors, 0 warnings"


def test_the_policy_is_the_option_then_the_environment_then_the_one_that_ships(tmp_path: Path) -> None:
    path, lenient = written(tmp_path, caller_ids=None), tmp_path / "lenient"
    lenient.write_text(SHIPPED.read_text("utf-8").replace("caller_id: required", "caller_id: not_required"), "utf-8")
    assert [linted(path)[0], linted(path, OBZVON_POLICY=str(lenient))[0]] == [1, 0]
    assert linted(path, "--policy", lenient, OBZVON_POLICY=str(SHIPPED))[0] == 0


def test_the_folder_is_the_environments_when_no_file_is_named(tmp_path: Path) -> None:
    written(tmp_path)
    assert linted(OBZVON_CAMPAIGNS=str(tmp_path)) == (0, ["1 campaign file, 0 errors, 0 warnings"])
    with pytest.raises(CampaignFileError, match="no such folder of campaign files"):
        linted(OBZVON_CAMPAIGNS=str(tmp_path / "gone"))


def test_a_policy_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"gone\.yaml: the policy file cannot be read"):
        linted("--policy", tmp_path / "gone.yaml")


def test_the_help_says_what_it_does() -> None:
    code, lines = linted("--help")
    said = " ".join(" ".join(lines).split())
    assert code == 0
    assert "FILE:LINE: error|warning: KEY" in said
    assert "Exit code 1 when there is an error." in said
    assert "--policy" in said


NESTED = """
# a comment
name: autumn
caller_ids: ["1",
  "2"]
variables:
  a.b: {column: x}
  a:
    value: 5
steps:
  - one: 1
    two: 2
  - one: 3
"""


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("name", 3),
        ("gone", 3),
        ("caller_ids", 4),
        ("caller_ids.0", 4),
        ("caller_ids.1", 5),
        ("caller_ids.7", 4),
        ("variables.a.b.column", 7),
        ("variables.a.value", 9),
        ("variables.a.gone.deeper", 8),
        ("variables.c", 6),
        ("steps.0.two", 12),
        ("steps.1.one", 13),
        ("name.deeper", 3),
        ("", 3),
    ],
)
def test_the_line_of_a_key_or_of_the_nearest_part_above_it(tmp_path: Path, key: str, line: int) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(NESTED, "utf-8")
    assert Lines(path).of(key) == line


@pytest.mark.parametrize("content", [b"", b"a: [", b"\xff\xfe"])
def test_a_file_without_keys_has_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.yaml"
    path.write_bytes(content)
    assert Lines(path).of("name") == 1
