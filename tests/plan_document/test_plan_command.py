"""`obzvon plan`: what a campaign would do, without calling anybody and without storing anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
import yaml
from approving import SECRET, planned
from launching import SPEC

DAY = (datetime.now(UTC) + timedelta(days=3)).date()
TABLES = (
    "ops.campaign_plan", "ops.campaign_intent", "ops.plan_contact", "ops.policy", "ops.attempt_reservation",
    "pii.phone", "pii.contact_payload",
)  # fmt: skip
LIST = "Телефон;Зона\n+7 916 000-00-01;Europe/Moscow\n8 (916) 000-00-02;Asia/Vladivostok\n12;Europe/Moscow\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, {"type": "csv", "path": str(tmp_path / "list.csv")})
    (tmp_path / "list.csv").write_text(LIST, encoding="utf-8")
    policy = yaml.safe_load((Path(__file__).parents[2] / "include/policy/policy.yaml").read_text(encoding="utf-8"))
    policy["purposes"]["survey"] |= {"consent": "not_required", "caller_id": "not_required", "cap": None}
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy, allow_unicode=True), encoding="utf-8")
    return tmp_path


def write(folder: Path, source: dict[str, Any]) -> None:
    contacts = {
        "source": source,
        "columns": {"phone": "Телефон", "timezone": "Зона"},
        "max_reject_share": 1.0,
        "max_age_hours": 24,
    }
    text = yaml.safe_dump({**SPEC, "contacts": contacts}, allow_unicode=True)
    (folder / "test_campaign.yaml").write_text(text, encoding="utf-8")


def obzvon(folder: Path, dsn: str, *arguments: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
    settings = {
        "OBZVON_WAREHOUSE": dsn, "OBZVON_PHONE_SECRET": SECRET.decode(), "OBZVON_CAMPAIGNS": str(folder),
        "OBZVON_POLICY": str(folder / "policy.yaml"), "COLUMNS": "160",
    } | changes  # fmt: skip
    env = os.environ | {name: value for name, value in settings.items() if value is not None}
    command = [sys.executable, "-m", "obzvon", "plan", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def rows(conn: psycopg.Connection) -> dict[str, int]:
    counts = {table: conn.execute(f"select count(*) from {table}".encode()).fetchall()[0][0] for table in TABLES}
    conn.commit()
    return counts


def test_it_prints_the_document_and_stores_nothing(folder: Path, warehouse_dsn: str, conn: psycopg.Connection) -> None:
    done = obzvon(folder, warehouse_dsn, "test_campaign", "--date", str(DAY))
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "test_campaign: Опрос" in said
    assert f"Calls {DAY}, survey, by dialog" in said
    assert "To call 2 of 3 contacts, 2 vendor campaigns of up to 500" in said
    assert "EXCL_INVALID no phone to call, or a variable that does not fit short_number 1 1" in said
    assert "+10:00 " in said
    assert "Cost " in said
    assert "list written " in said
    assert said.endswith("Nothing was stored. Nobody was called.")
    assert rows(conn) == dict.fromkeys(TABLES, 0)
    assert "79160" not in said


def test_a_stored_plan_stays_as_it_is(folder: Path, warehouse_dsn: str, conn: psycopg.Connection) -> None:
    stored = planned(conn, 4, day=DAY, now=datetime.now(UTC))
    before = rows(conn)
    done = obzvon(folder, warehouse_dsn, "test_campaign", "--date", str(DAY))
    assert done.returncode == 0, done.stderr
    assert rows(conn) == before
    assert conn.execute("select plan_hash from ops.campaign_plan").fetchall() == [(stored.plan_hash,)]
    assert stored.plan_hash[:12] not in done.stdout


def test_a_plan_under_way_is_shown_as_it_is_stored(folder: Path, warehouse_dsn: str, conn: psycopg.Connection) -> None:
    stored = planned(conn, 4, day=DAY, now=datetime.now(UTC))
    conn.execute("update ops.campaign_intent set state = 'sending'")
    conn.commit()
    done = obzvon(folder, warehouse_dsn, "test_campaign", "--date", str(DAY))
    assert done.returncode == 0, done.stderr
    assert stored.plan_hash[:12] in done.stdout
    assert "This plan is being carried out: it is shown as stored. Nobody was called." in done.stdout


def test_the_date_is_tomorrow_where_none_is_given(folder: Path, warehouse_dsn: str) -> None:
    """Whichever of two days it is in Moscow when the command looks at the clock."""
    days = [(datetime.now(UTC) + timedelta(hours=3, days=1)).date()]
    done = obzvon(folder, warehouse_dsn, "test_campaign")
    days.append((datetime.now(UTC) + timedelta(hours=3, days=1)).date())
    assert done.returncode == 0, done.stderr
    assert any(f"{day}, survey" in done.stdout for day in days)


def test_a_query_is_read_over_a_connection_of_the_environment(folder: Path, warehouse_dsn: str) -> None:
    values = "values ('+79160000001', 'Europe/Moscow'), ('+79160000002', 'Europe/Moscow')"
    query = f'select p as "Телефон", z as "Зона" from ({values}) v (p, z)'
    write(folder, {"type": "sql", "conn_id": "crm", "query": query})
    where = urlsplit(warehouse_dsn)
    extra = {name: values[0] for name, values in parse_qs(where.query).items()}
    crm = {"conn_type": "postgres", "login": where.username, "schema": where.path[1:], "extra": extra}
    done = obzvon(folder, warehouse_dsn, "test_campaign", "--date", str(DAY), AIRFLOW_CONN_CRM=json.dumps(crm))
    assert done.returncode == 0, done.stderr
    assert "2 of 2 contacts" in done.stdout


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    return line


def test_errors_are_one_sentence(folder: Path, warehouse_dsn: str) -> None:
    day = ("test_campaign", "--date", str(DAY))
    said = sentence(obzvon(folder, warehouse_dsn, "nosuch"))
    assert said.endswith("no campaign is called nosuch; known: policy, test_campaign")  # the folder holds both
    assert "also needed: --dsn (or OBZVON_WAREHOUSE)" in sentence(obzvon(folder, "", *day))
    nowhere = "postgresql://nobody@127.0.0.1:9/nothing?connect_timeout=2"
    assert "warehouse: OperationalError, it does not answer" in sentence(obzvon(folder, nowhere, *day))
    write(folder, {"type": "sql", "conn_id": "crm", "query": "select 1"})
    said = sentence(obzvon(folder, warehouse_dsn, *day))
    assert "connection 'crm' is not in the environment; set AIRFLOW_CONN_CRM" in said


def test_an_old_list_stops_it_as_it_stops_a_plan(folder: Path, warehouse_dsn: str) -> None:
    two_days_ago = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    os.utime(folder / "list.csv", (two_days_ago, two_days_ago))
    said = sentence(obzvon(folder, warehouse_dsn, "test_campaign", "--date", str(DAY)))
    assert "more than contacts.max_age_hours allows (24): export it again" in said
