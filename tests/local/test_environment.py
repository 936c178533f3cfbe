"""Secrets stay secret, settings of another Airflow stay outside, and the local stack can only call the sandbox."""

from __future__ import annotations

import json
import os
from dataclasses import fields
from pathlib import Path

import pytest

from obzvon.errors import ConfigError
from obzvon.local.environment import Ports, inherited, stack_environment
from obzvon.local.executor import CELERY, LOCAL
from obzvon.local.home import Home
from obzvon.local.processes import own_name
from obzvon.local.secrets import Secrets, write_private
from obzvon.local.servers import Embedded, Own, choose
from obzvon.local.stack import Stack

PORTS = Ports(web=8080, sandbox=8765)
OWN = "postgresql://ann:p%40ss@db.example:6432"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path, tmp_path / "state")
    made.make()
    return made


def environment(home: Home) -> dict[str, str]:
    return stack_environment(home, Secrets.of(home.folder), PORTS, Own(OWN))


def values(secrets: Secrets) -> list[str]:
    return [getattr(secrets, field.name) for field in fields(secrets)]


def test_secrets_are_long_random_and_the_same_at_every_call(home: Home, tmp_path: Path) -> None:
    secrets = Secrets.of(home.folder)
    assert Secrets.of(home.folder) == secrets
    assert all(len(value) >= 32 for value in values(secrets))
    assert len(set(values(secrets)) | set(values(Secrets.of(tmp_path)))) == 2 * len(values(secrets))


def test_no_secret_shows_in_a_repr(home: Home) -> None:
    stack = Stack(home)
    shown = repr(stack.secrets) + repr(stack.address) + repr(stack)
    assert not [value for value in values(stack.secrets) if value in shown]


def test_only_the_owner_can_enter_the_state_folder_and_read_its_secrets(home: Home) -> None:
    Secrets.of(home.folder)
    assert home.folder.stat().st_mode & 0o777 == 0o700
    assert (home.folder / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_a_damaged_secrets_file_is_named_with_its_cure(home: Home) -> None:
    write_private(home.folder / "secrets.json", "{")
    with pytest.raises(ConfigError, match=r"secrets\.json must be a JSON object .* restore it or delete"):
        Secrets.of(home.folder)


def test_a_private_file_replaces_one_that_others_could_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["file"]


def test_settings_of_another_airflow_are_left_out_and_other_variables_kept() -> None:
    given = {
        "AIRFLOW_HOME": "/elsewhere",
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "PYTHONPATH": "/x",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AIRFLOW_CONN_CRM": "{}",
        "HOME": "/h",
    }
    assert {"AIRFLOW_CONN_CRM", "HOME"} < set(inherited(given))
    assert set(inherited(given)) - {"AIRFLOW_CONN_CRM", "HOME"} == {"PATH", "VIRTUAL_ENV", "NO_PROXY", "no_proxy"}


def test_a_proxy_is_not_asked_for_this_machine() -> None:
    env = inherited({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "intra.example"})
    assert env["NO_PROXY"] == env["no_proxy"] == "intra.example,127.0.0.1,localhost"


@pytest.mark.parametrize("vendor", ["dialog", "twin", "qolio"])
def test_a_connection_of_the_user_cannot_make_the_demo_call_real_people(
    home: Home, vendor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{vendor.upper()}_DEFAULT", '{"conn_type": "x", "host": "https://real.example"}')
    conn = json.loads(environment(home)[f"AIRFLOW_CONN_{vendor.upper()}_DEFAULT"])
    assert conn["conn_type"] == vendor
    assert conn["host"] == f"http://127.0.0.1:8765/{vendor}"


def test_everything_listens_on_the_loopback_address_and_lives_in_the_state_folder(home: Home) -> None:
    env = environment(home)
    assert env["AIRFLOW__API__HOST"] == "127.0.0.1"
    for name in ("AIRFLOW_HOME", "AIRFLOW__LOGGING__BASE_LOG_FOLDER", "AIRFLOW_VAR_OBZVON_ARCHIVE"):
        assert Path(env[name]).is_relative_to(home.folder), name


def test_the_servers_of_airflow_and_warehouse_agree_with_the_connection(home: Home) -> None:
    env = environment(home)
    assert env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == (
        "postgresql+psycopg2://ann:p%40ss@db.example:6432/obzvon_airflow"
    )
    assert json.loads(env["AIRFLOW_CONN_WAREHOUSE_DEFAULT"]) == {
        "conn_type": "postgres",
        "host": "db.example",
        "port": "6432",
        "login": "ann",
        "password": "p@ss",
        "schema": "obzvon_warehouse",
    }


def test_the_embedded_server_is_reached_over_its_socket(home: Home) -> None:
    conn = Embedded(home.postgres).connection("obzvon_warehouse")
    assert conn == {
        "conn_type": "postgres",
        "host": str(home.postgres / "sock"),
        "login": "obzvon",
        "schema": "obzvon_warehouse",
    }


def test_an_own_server_is_chosen_by_its_address_and_a_wrong_address_is_refused(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(choose(home.postgres), Embedded)
    monkeypatch.setenv("OBZVON_DATABASE_URL", OWN)
    assert isinstance(choose(home.postgres), Own)
    monkeypatch.setenv("OBZVON_DATABASE_URL", "mysql://x")
    with pytest.raises(ConfigError, match="OBZVON_DATABASE_URL must read postgresql://"):
        choose(home.postgres)


def test_a_stack_without_workers_has_no_broker_and_one_process_of_each_kind(home: Home) -> None:
    env = environment(home)
    assert env["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert not [name for name in env if "CELERY" in name]
    assert set(LOCAL.processes) == {"api-server", "scheduler", "dag-processor", "triggerer"}
    assert "broker" not in {service.name for service in Stack(home).services}


def test_with_workers_there_is_a_broker_and_every_process_says_its_own_name(home: Home) -> None:
    env = stack_environment(home, Secrets.of(home.folder), PORTS, Own(OWN), CELERY)
    assert env["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert env["AIRFLOW__CELERY__BROKER_URL"] == f"redis+socket://{home.folder}/run/broker.sock"
    assert env["AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL"] == "10"  # what every stack has stays
    assert env["AIRFLOW__CORE__HOSTNAME_CALLABLE"] == f"{own_name.__module__}.{own_name.__name__}"
    twice = {"scheduler", "scheduler-2", "triggerer", "triggerer-2", "worker", "worker-2"}
    assert set(CELERY.processes) == {"api-server", "dag-processor"} | twice
    assert {service.name for service in Stack(home, executor=CELERY).services} >= twice | {"broker"}
