"""The init jobs against a real PostgreSQL: run twice, they change nothing the second time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from deploy.compose import ROOT

from obzvon.local.postgres import Postgres

INIT = ROOT / "deploy" / "init"
OWNER, WAREHOUSE = "init_owner", "init_warehouse"


@pytest.fixture
def secrets(postgres: Postgres, tmp_path: Path) -> Path:
    """Secrets for this server, whose superuser has another name than that of the official image."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as conn:
        if not conn.execute("select 1 from pg_roles where rolname = 'postgres'").fetchone():
            conn.execute("create role postgres superuser login")
    folder = parse_qs(urlsplit(postgres.url("postgres")).query)["host"][0]
    for name, text in {
        "warehouse_dsn": f"host={folder} user={OWNER} password=first dbname={WAREHOUSE}",
        "warehouse_password": "first-password",
        "warehouse_superuser_password": "not asked for on a socket",
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def run(secrets: Path, program: str = "warehouse.py") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OBZVON_SECRET_FILES": str(secrets)}
    return subprocess.run(
        [sys.executable, INIT / program], env=environment, capture_output=True, text=True, timeout=240, check=False
    )


TABLES = """
select schemaname, tablename, tableowner from pg_tables where schemaname in ('ops', 'dwh', 'pii', 'mart')
"""
ROLES = "select rolname, rolsuper::text, rolcanlogin::text from pg_roles where rolname ~ '^(init|obzvon)_'"
RIGHTS = "select datname, datacl::text, '' from pg_database where datname = %s"
READER = """
select has_database_privilege('obzvon_analyst', %s, 'connect'),
    has_schema_privilege('obzvon_analyst', 'mart', 'usage'), has_schema_privilege('obzvon_analyst', 'pii', 'usage')
"""


def state(postgres: Postgres) -> list[tuple[str, str, str]]:
    with psycopg.connect(postgres.url(WAREHOUSE)) as conn:
        found = [*conn.execute(TABLES), *conn.execute(ROLES), *conn.execute(RIGHTS, (WAREHOUSE,))]
    return sorted((str(one), str(two), str(three)) for one, two, three in found)


def test_the_warehouse_is_made_once_by_an_owner_who_is_no_superuser(postgres: Postgres, secrets: Path) -> None:
    first = run(secrets)
    assert first.returncode == 0, first.stderr[-2000:]
    made = state(postgres)
    (secrets / "warehouse_password").write_text("second-password")
    second = run(secrets)
    assert second.returncode == 0, second.stderr[-2000:]
    assert state(postgres) == made
    assert (OWNER, "false", "true") in made
    assert {owner for schema, _, owner in made if schema in {"ops", "dwh", "pii"}} == {OWNER}
    with psycopg.connect(postgres.url(WAREHOUSE)) as conn:
        assert conn.execute(READER, (WAREHOUSE,)).fetchone() == (True, True, False)


@pytest.mark.parametrize("program", ["warehouse.py", "metadata.py"])
def test_a_missing_secret_is_named(tmp_path: Path, program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBZVON_ADMIN", "anna")
    done = run(tmp_path, program)
    assert done.returncode == 1
    assert f"{tmp_path / program.replace('.py', '_dsn')} is missing or empty" in done.stderr


def test_an_administrator_must_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OBZVON_ADMIN", raising=False)
    done = run(tmp_path, "metadata.py")
    assert done.returncode == 1
    assert "set OBZVON_ADMIN" in done.stderr
