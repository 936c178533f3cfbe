"""What is installed is locked with hashes and can be listed; how the linter is told to look away is known."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
LOCKS = ("requirements.txt", "requirements-dev.txt", "scripts/uv.txt", "bench/requirements.txt")
_LOCKED = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


def test_every_locked_package_has_hashes() -> None:
    for lock in LOCKS:
        text = (ROOT / lock).read_text("utf-8")
        packages = re.split(r"\n(?=[a-z0-9])", "\n" + text)[1:]
        assert len(packages) == len(_LOCKED.findall(text)) > 0
        assert [each.split(" ")[0] for each in packages if "--hash=sha256:" not in each] == []


def test_the_list_of_parts_names_every_locked_package_and_is_always_the_same(tmp_path: Path) -> None:
    """The command of `make sbom`, as it stands in the Makefile."""
    command = re.search(r"^sbom:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert command is not None
    words = command[1].replace("\\\n", " ").replace("@$(BIN)", str(BIN)).split()
    made = []
    for name in ("one.json", "two.json"):
        subprocess.run([*words[:-1], str(tmp_path / name)], cwd=ROOT, check=True, capture_output=True)
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]
    parts = {(each["name"], each["version"]) for each in json.loads(made[0])["components"]}
    assert parts == set(_LOCKED.findall((ROOT / "requirements.txt").read_text("utf-8")))


def test_the_security_rules_of_the_linter_hold_for_everything_that_is_deployed() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]["lint"]
    assert "S" in settings["select"]
    assert [rule for rule in settings["ignore"] if rule.startswith("S")] == ["S101"]
    excused = {path: rules for path, rules in settings["per-file-ignores"].items() if {"S", "S1"} & set(rules)}
    assert all(path.startswith(("tests/", "bench/")) for path in excused)
    assert all(
        [rule for rule in rules if rule.startswith("S")] in ([], ["S608"])
        for path, rules in settings["per-file-ignores"].items()
        if path.startswith(("include/", "plugins/", "dags/", "scripts/"))
    )


#: Ways not to look at a certificate, whatever the library.
BLIND = r"verify\s*=\s*False|ssl\s*=\s*False|CERT_NONE|check_hostname\s*=\s*False|_create_unverified|InsecureRequest"
#: Ways that a text becomes code.
CODE = r"\bpickle\b|\bmarshal\b|yaml\.(unsafe_load|full_load|load\()|\bshell\s*=\s*True|(?<![\w.])(eval|exec)\("


@pytest.mark.parametrize("pattern", [BLIND, CODE])
def test_nothing_that_is_deployed_looks_away_from_certificates_or_runs_what_it_reads(pattern: str) -> None:
    files = [file for folder in ("include", "plugins", "dags") for file in (ROOT / folder).rglob("*.py")]
    assert len(files) > 200
    found = [str(file.relative_to(ROOT)) for file in files if re.search(pattern, file.read_text("utf-8"))]
    assert found == []
