"""`obzvon replay` and `obzvon requeue`: what they say, and how they end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import yaml
from days import DAYS, Days, contents
from launching import SPEC
from loading import SECRET

from obzvon.ledger.keys import phone_key
from obzvon.vendors.dialog import Dialog


@pytest.fixture
async def days(warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path) -> Days:
    """Two days with a report as Dialog gives it; nobody has mapped the status of the second call."""
    days = Days(warehouse_dsn, conn, tmp_path)
    days.dialer = Dialog
    for day in DAYS[:2]:
        days.plan(day)
        started = f"{day}T12:00:00+03:00"
        calls = [("+79160000001", "Разговор"), ("+79160000002", "Занято")]
        data = [{"phone_number": phone, "call_start": started, "status": status} for phone, status in calls]
        await days.pull(day, "collect", [{"columns": [], "data": data, "count": 2}])
    conn.execute("insert into pii.phone values (%s, '+79160000001')", (phone_key(SECRET, "+79160000001"),))
    conn.commit()
    return days


def obzvon(days: Days, *arguments: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
    settings = {
        "OBZVON_WAREHOUSE": days.dsn, "OBZVON_ARCHIVE": str(days.archive.root), "OBZVON_PHONE_SECRET": SECRET.decode(),
        "OBZVON_CAMPAIGNS": str(Path(str(days.archive.root)).parent), "COLUMNS": "120",
    } | changes  # fmt: skip
    env = os.environ | {name: value for name, value in settings.items() if value is not None}
    command = [sys.executable, "-m", "obzvon", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_replay_prints_a_line_a_plan_and_a_table(days: Days) -> None:
    before = contents(days.dsn)
    days.run("drop schema dwh cascade")
    done = obzvon(days, "replay", "--from", f"{DAYS[0]}", "--to", f"{DAYS[1]}", "--campaign", "test_campaign")
    assert done.returncode == 0, done.stderr
    assert contents(days.dsn) == before
    assert "plan 2 of 2, test_campaign 2031-05-21: 3 contacts written, 1 pulls read, 2 calls: 2 new" in done.stderr
    table = [line.split() for line in done.stdout.splitlines()]
    assert ["test_campaign", "2031-05-21", "3", "1", "2", "2", "0", "0"] in table
    assert "+7916" not in done.stdout + done.stderr


def test_a_plan_that_fails_is_told_and_the_exit_code_says_so(days: Days) -> None:
    (page,) = days.archive.root.glob(f"vendor=dialog/call_date={DAYS[0]}/*/*/*")
    page.unlink()
    done = obzvon(days, "replay", "--from", f"{DAYS[0]}", "--to", f"{DAYS[1]}")
    assert done.returncode == 1
    assert "is gone; restore it" in done.stdout
    assert "Traceback" not in done.stderr


def test_requeue_names_what_it_took_from_the_file_and_has_nothing_to_do_afterwards(days: Days) -> None:
    mapping = SPEC["vendor"]["report"] | {"statuses": {"Разговор": "RPC_NO_RESULT", "Занято": "BUSY"}}
    file = SPEC | {"vendor": SPEC["vendor"] | {"report": mapping}}
    folder = Path(str(days.archive.root)).parent
    (folder / "test_campaign.yaml").write_text(yaml.safe_dump(file, allow_unicode=True), encoding="utf-8")
    done = obzvon(days, "requeue", "--from", f"{DAYS[1]}")
    assert done.returncode == 0, done.stderr
    assert "test_campaign 2031-05-21: read by today's vendor.report" in done.stdout
    query = "select distinct date_key, disposition_code from dwh.fact_call_attempt order by 1, 2"
    assert [row[1] for row in days.conn.execute(query)] == ["RPC_NO_RESULT", "UNKNOWN", "BUSY", "RPC_NO_RESULT"]
    assert "nothing to requeue" in obzvon(days, "requeue", "--from", f"{DAYS[1]}").stdout


def test_reclassify_says_what_became_what_and_then_that_nothing_did(days: Days) -> None:
    mapping = SPEC["vendor"]["report"] | {"statuses": {"Разговор": "RPC_NO_RESULT", "Занято": "BUSY"}}
    file = SPEC | {"vendor": SPEC["vendor"] | {"report": mapping}}
    folder = Path(str(days.archive.root)).parent
    (folder / "test_campaign.yaml").write_text(yaml.safe_dump(file, allow_unicode=True), encoding="utf-8")
    done = obzvon(days, "reclassify", "--campaign", "test_campaign")
    assert done.returncode == 0, done.stderr
    assert ["UNKNOWN", "BUSY", "2"] in [line.split() for line in done.stdout.splitlines()]
    assert "read by today's vendor.report" in done.stdout
    assert "No call has another outcome" in obzvon(days, "reclassify", "--campaign", "test_campaign").stdout


NOWHERE = "postgresql://nobody@/no?host=/nowhere"
WRONG: list[tuple[dict[str, str | None], str]] = [
    ({"OBZVON_PHONE_SECRET": None}, "also needed: OBZVON_PHONE_SECRET"),
    ({"OBZVON_ARCHIVE": None, "OBZVON_WAREHOUSE": None}, "also needed: --dsn (or OBZVON_WAREHOUSE), --archive (or"),
    ({"OBZVON_PHONE_SECRET": "another"}, "the secret of the phone keys is not the one"),
    ({"OBZVON_WAREHOUSE": NOWHERE}, "warehouse: OperationalError, it does not answer"),
]


@pytest.mark.parametrize(("changes", "said"), WRONG)
def test_what_is_missing_or_wrong_is_one_sentence(days: Days, changes: dict[str, str | None], said: str) -> None:
    done = obzvon(days, "replay", "--from", f"{DAYS[0]}", "--to", f"{DAYS[1]}", **changes)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Obzvon: {said}")
    assert done.stderr.count("\n") == 1
