"""deploy/make_secrets.py: made once, never overwritten; what is missing is named."""

from __future__ import annotations

import importlib.util
import json
import stat
from pathlib import Path
from types import ModuleType

import psycopg
import pytest
from cryptography.fernet import Fernet
from deploy.compose import ROOT, complete


@pytest.fixture(scope="module")
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_secrets", ROOT / "deploy" / "make_secrets.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(program: ModuleType, tmp_path: Path) -> Path:
    assert program.main(["make", str(tmp_path / "secrets")]) == 0
    return tmp_path / "secrets"


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_it_makes_what_the_compose_file_asks_for(folder: Path) -> None:
    assert set(contents(folder)) == set(complete()["secrets"])


def test_no_two_values_are_equal_and_no_two_folders(program: ModuleType, folder: Path, tmp_path: Path) -> None:
    program.make(tmp_path / "other")
    first, other = contents(folder), contents(tmp_path / "other")
    assert len({first[name] for name in program.MADE}) == len(program.MADE)
    assert not set(first.values()) & set(other.values())


def test_a_second_call_changes_nothing(program: ModuleType, folder: Path) -> None:
    before = contents(folder)
    assert program.make(folder) == []
    assert contents(folder) == before


def test_a_value_of_your_own_stays_and_is_used(program: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "valkey_password").write_text("a-password-of-your-own-0123456789\n")
    program.make(tmp_path)
    assert (tmp_path / "valkey_password").read_text() == "a-password-of-your-own-0123456789\n"
    assert (tmp_path / "broker_url").read_text() == "redis://:a-password-of-your-own-0123456789@valkey:6379/0"


def test_only_the_owner_enters_the_folder_and_a_container_can_read_the_files(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o444}


@pytest.mark.parametrize("spoilt", ["missing", "empty", "short"])
def test_the_check_names_the_file_and_no_value(
    program: ModuleType, folder: Path, capsys: pytest.CaptureFixture[str], spoilt: str
) -> None:
    (folder / "jwt_secret").unlink()
    if spoilt != "missing":
        (folder / "jwt_secret").write_text("" if spoilt == "empty" else "hunter2hunter2")
    assert program.main(["check", str(folder)]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert str(folder / "jwt_secret") in said
    assert "hunter2" not in said


def test_what_is_derived_is_what_its_readers_read(folder: Path) -> None:
    made = contents(folder)
    Fernet(made["fernet_key"])
    warehouse = psycopg.conninfo.conninfo_to_dict(made["warehouse_dsn"])
    connection = json.loads(made["airflow_connections.json"])["warehouse_default"]
    assert warehouse["password"] == connection["password"] == made["warehouse_password"]
    assert (warehouse["host"], warehouse["dbname"]) == (connection["host"], connection["schema"])
    assert json.loads(made["airflow_variables.json"])["obzvon_phone_secret"] == made["phone_secret"]
    assert "obzvon_kill_switch" not in made["airflow_variables.json"]  # a file would win over `obzvon stop`
