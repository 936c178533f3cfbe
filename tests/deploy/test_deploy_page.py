"""docs/deploy.md: its commands name services, secrets, variables and files that there are."""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import Any

import pytest
from deploy.compose import MANDATORY, ROOT, complete

PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [shlex.split(line) for block in BLOCKS for line in block.splitlines()]
#: Options of `docker compose` and its commands that take a word of their own.
VALUED = {"--profile", "--scale"}


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = complete()["services"]
    return found


def test_compose_commands_name_services(services: dict[str, dict[str, Any]]) -> None:
    named: set[str] = set()
    for command in COMMANDS:
        if command[:2] != ["docker", "compose"]:
            continue
        words = [word for before, word in zip(["", *command], command, strict=False) if before not in VALUED]
        scaled = [
            word.partition("=")[0] for before, word in zip(["", *command], command, strict=False) if before == "--scale"
        ]
        plain = [word for word in words[2:] if not word.startswith("-")]
        about, rest = plain[0], plain[1:]
        assert about in {"build", "up", "run"}, command
        named |= {*scaled, *(rest[:1] if about == "run" else rest)}
    assert len(named) >= 7
    assert named <= set(services)


def test_the_table_of_variables_has_the_mandatory_ones() -> None:
    assert set(re.findall(r"^   \| `(OBZVON_\w+)` \|", PAGE, re.MULTILINE)) == set(MANDATORY)


def test_kubernetes_secrets_are_made_of_files_that_there_are_and_named_in_the_values() -> None:
    values = (ROOT / "deploy" / "helm" / "values.yaml").read_text(encoding="utf-8")
    kubectl = [command for command in COMMANDS if command[0] == "kubectl"]
    assert len(kubectl) == 10
    for command in kubectl:
        name = command[4] if command[2] == "secret" else command[3]
        assert re.search(rf": {name}\b", values), name
        for word in command:
            if word.startswith("--from-file="):
                path = word.rpartition("=")[2]
                made = path.removeprefix("deploy/secrets/")
                assert made in complete()["secrets"] if made != path else (ROOT / path).exists(), path


def test_what_is_said_of_networks_is_so(services: dict[str, dict[str, Any]]) -> None:
    networks = ("metadata", "broker", "warehouse", "store", "outside")
    rows = re.findall(r"^\| ([\w ,-]+?) \| (.*?) \|$", PAGE[PAGE.index("## What knows what") :], re.MULTILINE)[:4]
    assert len(rows) == 4
    for names, cells in rows:
        said = tuple("yes" in cell for cell in cells.split(" | "))
        for name in names.lower().split(", "):
            joined = services[name.replace(" ", "-")]["networks"]
            assert said == tuple(network in joined for network in networks), name


def test_the_memory_it_asks_for_is_that_of_the_limits(services: dict[str, dict[str, Any]]) -> None:
    lasting = [one for name, one in services.items() if "profiles" not in one and not name.startswith("init-")]
    units = {"g": 1.0, "m": 1 / 1024}
    limits = [one["deploy"]["resources"]["limits"]["memory"] for one in lasting]
    (said,) = re.findall(r"add up to about (\d+) GiB", PAGE)
    assert round(sum(float(limit[:-1]) * units[limit[-1]] for limit in limits)) == int(said)


def test_secrets_to_delete_for_a_new_password_exist() -> None:
    about = PAGE[PAGE.index("**A new password.**") : PAGE.index("## Kubernetes")]
    named = set(
        re.findall(r"`(\w+_(?:password|dsn|url|credentials|key|secret)|airflow_\w+\.json|result_backend)`", about)
    )
    assert len(named) >= 10
    assert named <= set(complete()["secrets"])


def test_make_has_the_targets() -> None:
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("image-check", "chart-check"):
        assert f"`make {target}" in PAGE
        assert f"make {target}" in told
