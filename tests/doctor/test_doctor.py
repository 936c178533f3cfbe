"""The doctor names every planted fault with its cure, and finds nothing in a deployment that is well."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from days import DAYS, Days
from typer.testing import CliRunner

from obzvon.__main__ import app
from obzvon.doctor.airflow import Pool
from obzvon.doctor.deployment import Deployment, environment_of
from obzvon.doctor.examine import CHECKS, examine
from obzvon.errors import ConfigError
from obzvon.ledger.keys import phone_key
from obzvon.reports.archive import Archive

ROOT = Path(__file__).resolve().parents[2]
SECRET = b"Zq3-tT7_kk90aLwXy2PvbN5mQe8RsU1o"
HEALTHY = {"metadatabase": "healthy", "scheduler": "healthy", "triggerer": "healthy", "dag processor": "healthy"}
LOGIN = {"login": "robot@house.example", "password": "a password of ours"}
CONNECTIONS = {
    "warehouse_default": {"conn_type": "postgres", "host": "db", "login": "obzvon", "schema": "obzvon"},
    "dialog_default": {
        "conn_type": "dialog", "host": "https://dialog.example", **LOGIN,
        "extra": {"platform_timezone": "Asia/Yekaterinburg"},
    },
    "twin_default": {
        "conn_type": "twin", "host": "https://twin.example", **LOGIN,
        "extra": {"company_timezone": "Europe/Moscow", "webhook_secret": "Zq3tT7kk90aLwXy2PvbN5mQe8RsU1oAB"},
    },
    "qolio_default": {
        "conn_type": "qolio", "host": "https://qolio.example", "password": "a token",
        "extra": {"integration_path": "/api/v1/integrations/c34f637a-0000-4000-8000-000000000001/phone_calls"},
    },
}  # fmt: skip


class Seen:
    """What a web server said, as the doctor keeps it."""

    def __init__(self, parts: Mapping[str, str | None] = HEALTHY, slots: int = 128, *, broken: tuple[str, ...] = ()):
        self._parts, self._slots, self._broken = parts, slots, list(broken)

    def parts(self) -> Mapping[str, str | None]:
        return self._parts

    def pools(self) -> list[Pool]:
        return [Pool("default_pool", self._slots)]

    def used_pools(self) -> dict[str, str]:
        return {"default_pool": "campaign__demo_twin.plan"}

    def import_errors(self) -> list[str]:
        return self._broken

    def connection_ids(self) -> set[str]:
        return set()


def now() -> datetime:
    return datetime.now(UTC)


def settings(**changes: object) -> dict[str, str]:
    """The environment of tasks; a connection that is None is missing."""
    given = {name: value for name, value in (CONNECTIONS | changes).items() if value is not None}
    keys = {"AIRFLOW__CORE__FERNET_KEY": "x", "AIRFLOW__API_AUTH__JWT_SECRET_CMD": "cat /run/secrets/jwt"}
    return keys | {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in given.items()}


@pytest.fixture
def well(warehouse_dsn: str, tmp_path: Path) -> Deployment:
    """A deployment in which nothing is wrong."""
    shutil.copytree(ROOT / "include" / "campaigns", tmp_path / "campaigns")
    shutil.copy(ROOT / "include" / "policy" / "policy.yaml", tmp_path / "policy.yaml")
    (tmp_path / "archive").mkdir()
    return Deployment(
        dsn=warehouse_dsn, archive=Archive(tmp_path / "archive"), secret=SECRET, environment=settings(),
        campaigns=tmp_path / "campaigns", policy=tmp_path / "policy.yaml", airflow=Seen(), now=now,
        today=date(2026, 11, 20), free_share=lambda folder: 0.5, vendor_date=lambda origin: now(),
    )  # fmt: skip


def test_nothing_is_found_where_nothing_is_wrong(well: Deployment) -> None:
    assert examine(well) == []


def test_every_planted_fault_is_named_with_its_cure(well: Deployment, conn: psycopg.Connection, tmp_path: Path) -> None:
    Days(well.dsn, conn, tmp_path / "days").plan(DAYS[0])
    ((name,),) = conn.execute("select current_database()").fetchall()
    conn.execute("insert into pii.phone values (%s, '+79160000001')", [phone_key(b"another", "+79160000001")])
    conn.execute("update ops.schema_version set version_num = '0010'")
    conn.execute("alter table dwh.fact_call_attempt detach partition dwh.fact_call_attempt_2031_05")
    conn.execute("grant usage on schema pii to obzvon_analyst")
    conn.execute(f"alter database \"{name}\" set timezone = 'Asia/Yekaterinburg'".encode())
    conn.commit()
    (well.campaigns / "broken.yaml").write_text("name: broken\n", encoding="utf-8")
    well.policy.write_text("version: never\n", encoding="utf-8")
    shutil.rmtree(tmp_path / "archive")
    twin = CONNECTIONS["twin_default"] | {"extra": {"company_timezone": "Mars/Base", "webhook_secret": "hunter-2"}}
    dialog = CONNECTIONS["dialog_default"] | {"password": "sandbox-dialog-password"}
    environment = settings(qolio_default=None, twin_default=twin, dialog_default=dialog)
    environment |= {"AIRFLOW__CORE__DEFAULT_TIMEZONE": "Europe/Moscow", "AIRFLOW__CORE__FERNET_KEY": ""}
    ill = replace(
        well, environment=environment, today=date(2190, 1, 1), now=lambda: now() + timedelta(minutes=9),
        vendor_date=lambda origin: None if "twin" in origin else now() - timedelta(hours=1),
        airflow=Seen(HEALTHY | {"triggerer": None}, slots=0, broken=("campaign_files.py",)),
    )  # fmt: skip
    found = examine(ill)
    planted = {
        ("migrations", "the schema is at 0010"): "obzvon.warehouse.migrate",
        ("time zones", "begin in time zone Asia/Yekaterinburg"): "set timezone = 'UTC'",
        ("time zones", "default time zone is Europe/Moscow"): "AIRFLOW__CORE__DEFAULT_TIMEZONE=utc",
        ("clock", "540 s apart"): "NTP",
        ("roles", "obzvon_analyst may read pii"): "takes the rights away",
        ("months", "is no partition of dwh.fact_call_attempt"): "run the statement",
        ("phone secret", "is not the one that the stored phones"): "obzvon_phone_secret",
        ("archive", "does not exist"): "create it",
        ("policy", "policy.yaml"): "correct the policy file",
        ("calendar", "does not know 2190"): "package holidays",
        ("settings", "AIRFLOW__CORE__FERNET_KEY is not set"): "_CMD",
        ("connections", "qolio_default (qolio) does not exist"): "AIRFLOW_CONN_QOLIO_DEFAULT",
        ("connections", "twin_default: extra key `company_timezone` is not an IANA"): "",
        ("connections", "dialog_default leads to the sandbox"): "your own credentials",
        ("webhooks", "twin_default: extra key `webhook_secret`"): "32 or more",
        ("vendor clocks", "https://twin.example does not answer"): "firewall",
        ("vendor clocks", "https://dialog.example and ours are 69 minutes apart"): "NTP",
        ("airflow", "triggerer: no such process"): "start the triggerer",
        ("airflow", "campaign_files.py cannot be read"): "the UI shows why",
        ("pools", "default_pool has no slots"): "airflow pools set default_pool",
    }
    for (where, what), cure in planted.items():
        assert [one for one in found if one.where == where and what in one.what and cure in one.cure], (where, what)
    assert len(found) == len(planted), [f for f in found if not any(f.where == w and x in f.what for w, x in planted)]
    assert all(one.cure for one in found)
    told = " ".join(f"{one.what} {one.cure}" for one in found)
    assert not [secret for secret in ("a password of ours", "sandbox-dialog", "hunter-2", "7916") if secret in told]


def test_campaign_files_are_compared_with_the_policy_and_their_own_rules(well: Deployment) -> None:
    (well.campaigns / "broken.yaml").write_text("name: broken\n", encoding="utf-8")
    (one,) = examine(well)
    assert (one.where, one.what[:12]) == ("campaigns", "broken.yaml:")
    assert "obzvon lint broken" in one.cure


def test_a_weak_secret_and_a_full_disk(well: Deployment) -> None:
    found = examine(replace(well, secret=b"a" * 40, free_share=lambda folder: 0.02))
    assert [one.where for one in found] == ["phone secret", "disk"]
    assert [one.where for one in examine(replace(well, secret=b""))] == ["phone secret"]


def test_a_warehouse_that_is_not_there_is_one_finding(well: Deployment) -> None:
    found = examine(replace(well, dsn="postgresql://nobody@/no?host=/nowhere"))
    assert [one.where for one in found] == ["warehouse"]
    assert "/nowhere" not in found[0].what


def test_it_changes_nothing(well: Deployment) -> None:
    with well.connect() as reading, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        reading.execute("delete from ops.suppression")


def test_connections_come_from_the_files_of_airflows_secrets_backend_too(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(json.dumps({"a": {"conn_type": "qolio"}, "b": "postgresql://x"}))
    named = {"AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"connections_file_path": str(tmp_path / "c.json")})}
    found = environment_of(named | {"AIRFLOW_CONN_B": "postgresql://mine"})
    assert (json.loads(found["AIRFLOW_CONN_A"]), found["AIRFLOW_CONN_B"]) == (
        {"conn_type": "qolio"},
        "postgresql://mine",
    )
    (tmp_path / "c.json").write_text("{")
    with pytest.raises(ConfigError, match=r"c\.json of Airflow's secrets backend is not JSON"):
        environment_of(named)


def test_the_command_prints_faults_as_json_and_ends_with_1(well: Deployment, tmp_path: Path) -> None:
    env = {
        "OBZVON_WAREHOUSE": well.dsn, "OBZVON_ARCHIVE": str(tmp_path / "nowhere"),
        "OBZVON_CAMPAIGNS": str(well.campaigns), "OBZVON_PHONE_SECRET": SECRET.decode(),
        "OBZVON_POLICY": str(well.policy), "OBZVON_AIRFLOW": None,
    } | settings()  # fmt: skip
    done = CliRunner().invoke(app, ["doctor", "--json", "--sandbox"], env=env)
    assert done.exit_code == 1, done.output
    assert "archive" in {one["where"] for one in json.loads(done.stdout)}
    said = CliRunner().invoke(app, ["doctor", "--sandbox"], env=env).stdout
    assert "  cure: create it for the user of the workers" in said
    assert f"{len(CHECKS)} checks, " in said
