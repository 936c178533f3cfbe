"""The pages on a month of calls: in this process behind Airflow's own application, and behind a real web server."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from pages_month import make_month
from playwright.sync_api import Browser, sync_playwright

from obzvon.local.ports import HOST, free_port
from obzvon.local.postgres import Postgres
from obzvon.warehouse.db import connect

ROOT = Path(__file__).resolve().parents[2]
NO_ROLE = "no role"
SECRET = "a secret of the tests that is at least 64 characters long, 0123456789"


@pytest.fixture(scope="session")
def month_dsn(postgres: Postgres, warehouse_template: str) -> str:
    """A warehouse with 200,000 dials; nothing writes to it."""
    postgres.create_database("pages_month", template=warehouse_template)
    dsn = postgres.url("pages_month")
    assert make_month(dsn) > 200_000
    return dsn


@pytest.fixture
def month_copy(month_dsn: str, postgres: Postgres) -> Iterator[str]:
    """The month in a warehouse that a test may change."""
    postgres.create_database("pages_month_copy", template="pages_month")
    yield postgres.url("pages_month_copy")
    postgres.drop_database("pages_month_copy")


@pytest.fixture
def changed(month_copy: str) -> Callable[[str], str]:
    """Runs a statement in the copy and gives its DSN."""

    def change(statement: str) -> str:
        with connect(month_copy) as conn:
            conn.execute(statement.encode())
        return month_copy

    return change


# in this process --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def airflow_app() -> Any:
    """Airflow's web application with the plugin in it, its database new."""
    os.environ["AIRFLOW__API_AUTH__JWT_SECRET"] = SECRET
    from airflow.utils import db

    db.initdb()
    from airflow.api_fastapi.app import create_app

    return create_app(apps="core")


Site = Callable[..., httpx.Client]


@pytest.fixture
def site(airflow_app: Any, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A browser's view of the pages over a warehouse; `role` None: not logged in."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from fastapi.testclient import TestClient

    def visit(dsn: str, role: str | None = "viewer", lang: str = "en", accept: str = "text/html") -> httpx.Client:
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_READONLY", dsn)
        client = TestClient(airflow_app, follow_redirects=False, raise_server_exceptions=True)
        client.headers |= {"accept": accept, "accept-language": lang}
        if role:
            user = SimpleAuthManagerUser(username="ann", role=None if role == NO_ROLE else role)
            client.cookies.set("_token", get_auth_manager().generate_jwt(user))
        return client

    return visit


@pytest.fixture
def warehouse(month_dsn: str) -> Iterator[psycopg.Connection]:
    """The month as the pipeline's own user sees it."""
    with connect(month_dsn) as conn:
        yield conn


# a browser --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium; Debian's is installed where there is none. Fails, and never skips, without one."""
    command = [sys.executable, str(ROOT / "scripts" / "chromium.py")]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.fail(found.stderr)
    # as root, and in most containers, Chromium has no sandbox of its own
    options = ["--no-sandbox", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=found.stdout.strip(), args=options)


# a web server -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def server(month_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real Airflow web server with users `ann` (viewer), `olga` (admin) and a database of its own."""
    home, port = tmp_path_factory.mktemp("airflow-web"), free_port()
    (home / "passwords.json").write_text('{"ann": "ann", "olga": "olga"}', encoding="utf-8")
    env = os.environ | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__BASE_URL": f"http://{HOST}:{port}",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "ann:viewer,olga:admin",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__API_AUTH__JWT_SECRET": SECRET,
        "AIRFLOW_CONN_WAREHOUSE_READONLY": month_dsn,
        "NO_PROXY": HOST,
    }
    made = [sys.executable, "-c", "from airflow.utils import db; db.initdb()"]
    subprocess.run(made, env=env, check=True, capture_output=True)
    command = [sys.executable, "-m", "uvicorn", "airflow.api_fastapi.main:app", "--host", HOST, "--port", str(port)]
    with (home / "log").open("wb") as log, subprocess.Popen(command, env=env, stdout=log, stderr=log) as process:
        try:
            _wait_for(f"http://{HOST}:{port}/obzvon/static/pages.css", process, home / "log")
            yield f"http://{HOST}:{port}"
        finally:
            process.terminate()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(url, trust_env=False, timeout=5).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise AssertionError(f"the web server does not answer:\n{log.read_text(errors='replace')[-2000:]}")


@pytest.fixture(scope="session")
def login(server: str) -> str:
    """The token of the UI's own login."""
    return _token(server, "ann")


@pytest.fixture(scope="session")
def admin(server: str) -> str:
    """The token of somebody who may edit connections."""
    return _token(server, "olga")


def _token(server: str, user: str) -> str:
    body = {"username": user, "password": user}
    answer = httpx.post(f"{server}/auth/token", json=body, trust_env=False, timeout=60)
    token: str = answer.raise_for_status().json()["access_token"]
    return token
