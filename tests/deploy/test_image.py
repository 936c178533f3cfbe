"""The image's build files: linted, only from the lock, nobody's root, and nothing private in them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from deploy.compose import ROOT

from obzvon.local.environment import Ports, connections
from obzvon.local.servers import Server

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COLLECTOR = (ROOT / "deploy" / "image" / "collector.Dockerfile").read_text(encoding="utf-8")
INSTALL = (ROOT / "deploy" / "image" / "install.sh").read_text(encoding="utf-8")


def test_hadolint_finds_nothing() -> None:
    files = [ROOT / "Dockerfile", ROOT / "deploy" / "image" / "collector.Dockerfile"]
    program = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([program, *files], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_base_has_a_version() -> None:
    assert re.search(r"^ARG BASE=apache/airflow:slim-3\.3\.2-python3\.12$", DOCKERFILE, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${BASE}"}
    assert all(re.search(r":\d+\.\d+", base) for base in re.findall(r"^FROM (\S+)", COLLECTOR, re.MULTILINE))


def test_the_base_is_the_airflow_of_the_lock() -> None:
    locked = re.search(r"^apache-airflow==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert locked
    assert f"slim-{locked[1]}-" in DOCKERFILE


def test_the_last_user_is_not_root() -> None:
    for text in (DOCKERFILE, COLLECTOR):
        assert re.findall(r"^USER (\S+)", text, re.MULTILINE)[-1].split(":")[0] in {"50000", "10001"}


def test_packages_come_as_wheels_with_their_hashes() -> None:
    installs = re.findall(r"pip install (.*?)\n(?! {8})", INSTALL, re.DOTALL)
    assert len(installs) == 3
    for words in (install.split() for install in installs if "--editable" not in install):
        assert {"--require-hashes", "--only-binary=:all:"} <= set(words)
    assert "apt-get" not in DOCKERFILE + INSTALL  # no compiler is brought in


def test_the_image_has_what_compose_asks_of_it() -> None:
    locked = (ROOT / "deploy" / "requirements.txt").read_text() + (ROOT / "requirements.txt").read_text()
    for package in (
        "apache-airflow-providers-fab",
        "apache-airflow-providers-amazon",
        "apache-airflow-providers-celery",
    ):
        assert re.search(rf"^{package}==", locked, re.MULTILINE), package


def test_both_locks_agree() -> None:
    pin = re.compile(r"^([a-z0-9._-]+)==(\S+?)( ; .*?)?( \\)?$", re.MULTILINE)
    runtime, image = ({(m[1], m[3]): m[2] for m in pin.finditer((ROOT / name).read_text())}
                      for name in ("requirements.txt", "deploy/requirements.txt"))  # fmt: skip
    both = runtime.keys() & image.keys()
    assert len(both) > 100
    assert {key: (runtime[key], image[key]) for key in both if runtime[key] != image[key]} == {}


def test_what_is_copied_is_let_in_and_lists_and_secrets_are_not() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split("\n")
    assert ignored[1] == "*"
    let_in = [line[1:] for line in ignored if line.startswith("!")]
    for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert any(source == one or source.startswith(f"{one}/") for one in let_in), source
    assert not {"lists", "deploy/secrets", ".env", ".git", ".obzvon"} & set(let_in)
    assert "deploy" not in let_in


def test_secrets_are_never_in_git() -> None:
    tried = ["deploy/secrets/jwt_secret", ".env", "lists/customers.csv"]
    done = subprocess.run(["git", "check-ignore", *tried], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == tried


def test_the_sandboxs_connections_are_those_of_the_local_stack() -> None:
    class NoServer(Server):
        def __init__(self) -> None: ...

        def connection(self, database: str) -> dict[str, object]:
            return {}

    prefix = "AIRFLOW_CONN_"
    local = {name.removeprefix(prefix).lower(): said for name, said in connections(Ports(1, 8765), NoServer()).items()}
    del local["warehouse_default"]
    wanted = {
        name: json.loads(
            said.replace("http://127.0.0.1:8765", "http://sandbox:8765").replace('"127.0.0.1"', '"sandbox"')
        )
        for name, said in local.items()
    }
    found = json.loads((ROOT / "deploy" / "sandbox" / "connections.json").read_text())
    assert found == wanted


def test_shell_scripts_are_shell() -> None:
    for script in sorted((ROOT / "deploy" / "image").glob("*.sh")):
        assert subprocess.run(["sh", "-n", script], check=False).returncode == 0, script.name


def test_a_missing_secret_stops_a_command_by_hand(tmp_path: Path) -> None:
    (tmp_path / "warehouse_dsn").write_text("postgresql://nobody@nowhere/none")
    script = ROOT / "deploy" / "image" / "with-secrets.sh"
    environment = {"PATH": "/usr/bin:/bin", "OBZVON_SECRET_FILES": str(tmp_path), "OBZVON_ARCHIVE": "s3://archive"}
    show = ["sh", script, "sh", "-c", "echo $OBZVON_WAREHOUSE $OBZVON_ARCHIVE $OBZVON_PHONE_SECRET"]
    done = subprocess.run(show, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{tmp_path}/phone_secret is missing or empty" in done.stderr
    (tmp_path / "phone_secret").write_text("key")
    done = subprocess.run(show, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["postgresql://nobody@nowhere/none", "s3://archive", "key"]
