"""A backup makes an empty machine what the old one was: rows, files, roles, months; and it says when it cannot."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from days import DAYS, Days, contents
from loading import SECRET
from typer.testing import CliRunner

from obzvon.__main__ import app
from obzvon.backup.manifest import Manifest, backups_in, manifest_of
from obzvon.backup.programs import program
from obzvon.backup.restore import Restored, restore
from obzvon.backup.take import forget_all_but, take
from obzvon.errors import AuditError, ConfigError, ObzvonError
from obzvon.ledger.keys import phone_key
from obzvon.local.postgres import Postgres
from obzvon.reports.archive import Archive
from obzvon.stages.marts import refresh
from obzvon.stages.replay import replay
from obzvon.warehouse.db import connect
from obzvon.warehouse.migrate import schema_is_current

NOW = datetime(2031, 5, 23, 1, tzinfo=UTC)
LATER = timedelta(hours=24)
#: When sums were made: a later refresh says a later one.
MOMENTS = ("refreshed_at",)


@pytest.fixture
async def days(warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path) -> Days:
    """Three days of calls with transcripts and results, and sums in the marts."""
    days = Days(warehouse_dsn, conn, tmp_path)
    for day in DAYS:
        days.plan(day)
        calls = [days.call(day, n, n, disposition="RPC_NO_RESULT", talk=20) for n in (1, 2, 3)]
        turns = {"part": f"{day}-1", "results": {"k": "v"}, "turns": [["bot", "hello", 0.0, 1.0]]}
        await days.pull(day, "collect", [*calls, turns])
        days.final(day)
    conn.execute("insert into pii.phone values (%s, '+79160000001')", (phone_key(SECRET, "+79160000001"),))
    conn.commit()
    refresh(conn)
    conn.commit()
    return days


@pytest.fixture
def empty(postgres: Postgres) -> Iterator[str]:
    """A database without anything in it."""
    postgres.create_database("restored")
    yield postgres.url("restored")
    postgres.drop_database("restored")


@pytest.fixture
def place(tmp_path: Path) -> str:
    return str(tmp_path / "backups")


def taken(days: Days, place: str, *, later: int = 0) -> Manifest:
    return take(days.dsn, days.archive, place, now=NOW + later * LATER)


def brought(empty: str, place: str, tmp_path: Path) -> Restored:
    return restore(empty, Archive(tmp_path / "new"), place)


def test_an_empty_machine_and_a_replay_of_the_last_day_give_equal_marts(
    days: Days, empty: str, place: str, tmp_path: Path
) -> None:
    before = contents(days.dsn)
    assert len(before["mart.attempt_daily"]) >= 3
    taken(days, place)
    brought(empty, place, tmp_path)
    assert contents(empty) == before
    before = contents(days.dsn, without=MOMENTS)
    with connect(empty) as conn:
        lost = conn.execute("delete from dwh.fact_call_attempt where call_month is not null and date_key = "
                            "(select max(date_key) from dwh.fact_call_attempt)").rowcount  # fmt: skip
        conn.commit()
        refresh(conn)
    assert lost == 3
    assert contents(empty)["mart.attempt_daily"] != before["mart.attempt_daily"]
    archive = Archive(tmp_path / "new")
    (plan,) = replay(empty, archive, DAYS[-1], DAYS[-1], secret=SECRET, dialers=lambda code: days.dialer)
    assert (plan.problem, plan.inserted) == (None, 3)
    with connect(empty) as conn:
        refresh(conn)
    assert contents(empty, without=MOMENTS) == before


def test_schema_months_rights_and_triggers_survive(days: Days, empty: str, place: str, tmp_path: Path) -> None:
    taken(days, place)
    brought(empty, place, tmp_path)
    assert schema_is_current(empty)
    asked = (
        "select count(*) from pg_class where relispartition",
        "select count(*) from pg_trigger where not tgisinternal",
        "select has_table_privilege('obzvon_analyst', 'mart.v_campaign', 'select')",
        "select has_schema_privilege('obzvon_analyst', 'pii', 'usage')",
        "select count(*) from pg_default_acl",
        "select count(*) from pg_description d join pg_class c on c.oid = d.objoid where c.relnamespace::regnamespace"
        "::text in ('ops', 'dwh', 'mart', 'pii')",
    )
    with connect(days.dsn) as old, connect(empty) as new:
        for query in asked:
            assert new.execute(query.encode()).fetchall() == old.execute(query.encode()).fetchall(), query


def test_members_come_back_and_strangers_with_rights_are_asked_for(
    days: Days, empty: str, place: str, tmp_path: Path
) -> None:
    days.run("create role backup_bi; create role backup_gone; grant obzvon_analyst to backup_bi, backup_gone;"
             " create role backup_direct; grant select on ops.consent to backup_direct")  # fmt: skip
    try:
        taken(days, place)
        days.run("revoke obzvon_analyst from backup_bi; drop role backup_gone; revoke all on ops.consent from"
                 " backup_direct; drop role backup_direct")  # fmt: skip
        with pytest.raises(ConfigError, match="not on this server: backup_direct"):
            brought(empty, place, tmp_path)
        days.run("create role backup_direct")
        assert brought(empty, place, tmp_path).absent == ["backup_gone"]
        with connect(empty) as conn:
            asked = "select pg_has_role('backup_bi', 'obzvon_analyst', 'member'),"
            asked += " has_table_privilege('backup_direct', 'ops.consent', 'select')"
            assert conn.execute(asked.encode()).fetchone() == (True, True)
    finally:
        with connect(empty) as conn:
            conn.execute("drop owned by backup_direct")
        days.run("drop role if exists backup_gone; drop role backup_bi; drop role if exists backup_direct")


async def test_a_file_is_copied_once_and_goes_with_the_last_backup_that_names_it(days: Days, place: str) -> None:
    assert (first := taken(days, place)).files_copied == 3
    await days.pull(DAYS[0], "late", [days.call(DAYS[0], 4, 1)])
    second = taken(days, place, later=1)
    assert (second.files, second.files_copied) == (4, 1)
    page = next(path for path in days.archive.files("vendor=dialog") if "batch=late" in path)
    days.run(f"update ops.raw_archive set gone_at = now() where path = '{page}'")
    days.archive.remove(page)
    assert taken(days, place, later=2).files == 3
    assert forget_all_but(place, 1) == (2, 1)
    kept = Archive(place)
    assert backups_in(kept) == ["20310525T010000Z"]
    assert len(kept.files("files")) == 3
    assert first.backup_id not in str(kept.files("backups"))


def test_what_the_archive_had_lost_is_told_and_the_rest_comes_back(
    days: Days, empty: str, place: str, tmp_path: Path
) -> None:
    gone, damaged = days.archive.files("vendor=dialog")[:2]
    days.archive.remove(gone)
    (days.archive.root / damaged).write_bytes(b"not what was stored")
    assert taken(days, place).missing == sorted([gone, damaged])
    brought(empty, place, tmp_path)
    assert contents(empty) == contents(days.dsn)
    assert len(Archive(tmp_path / "new").files("vendor=dialog")) == 1


def test_only_an_empty_place_is_restored_into(days: Days, empty: str, place: str, tmp_path: Path) -> None:
    taken(days, place)
    with pytest.raises(ConfigError, match=r"database is not empty: it has \d+ tables and views"):
        restore(days.dsn, Archive(tmp_path / "new"), place)
    assert not (tmp_path / "new").exists()
    with pytest.raises(ConfigError, match="is not empty: it has 3 files"):
        restore(empty, days.archive, place)
    with connect(empty) as conn:
        assert conn.execute("select count(*) from pg_namespace where nspname = 'ops'").fetchone() == (0,)


def test_a_restore_that_was_broken_off_is_finished(
    days: Days, empty: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken(days, place)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("obzvon.backup.restore.load_dump", killed)
        with pytest.raises(KeyboardInterrupt):
            brought(empty, place, tmp_path)
    assert brought(empty, place, tmp_path).files == 3
    assert contents(empty) == contents(days.dsn)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["vendor=dialog"]


def spoilt_dump(folder: Path) -> None:
    (file,) = folder.glob("backups/*/warehouse.dump")
    body = bytearray(file.read_bytes())
    body[len(body) // 2] ^= 1
    file.write_bytes(body)


def spoilt_list(folder: Path) -> None:
    (file,) = folder.glob("backups/*/files.zst")
    file.write_bytes(b"no list")


def lost_page(folder: Path) -> None:
    next(folder.glob("files/*/*.zst")).unlink()


@pytest.mark.parametrize("damage", [spoilt_dump, spoilt_list, lost_page])
def test_a_damaged_backup_is_refused_and_nothing_is_in_the_warehouse(
    days: Days, empty: str, place: str, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    taken(days, place)
    damage(Path(place))
    with pytest.raises(AuditError):
        brought(empty, place, tmp_path)
    with connect(empty) as conn:
        assert conn.execute("select to_regclass('ops.campaign_plan')").fetchone() == (None,)
    assert CliRunner().invoke(app, ["restore", "--from", place, "--only-check"]).exit_code == 1


def test_an_unfinished_backup_is_none(days: Days, place: str) -> None:
    made = taken(days, place)
    taken(days, place, later=1)
    (Path(place) / "backups" / "20310524T010000Z" / "manifest.json").unlink()
    assert manifest_of(Archive(place), None).backup_id == made.backup_id
    assert forget_all_but(place, 5) == (1, 0)


def test_an_erasure_waits_for_a_backup(days: Days, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def copied(*_: object) -> tuple[int, list[str]]:
        with connect(days.dsn) as other:
            asked = "select pg_try_advisory_lock(hashtextextended('obzvon.erase', 0))"
            seen.append(other.execute(asked.encode()).fetchone())
        return 0, []

    monkeypatch.setattr("obzvon.backup.take._copy_all", copied)
    taken(days, place)
    assert seen == [(False,)]


def test_a_program_that_is_too_old_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 99.1'\n")
    (tmp_path / "pg_dump").chmod(0o700)
    monkeypatch.setenv("OBZVON_PG_BIN", str(tmp_path))
    assert program("pg_dump", 60, 60).major == 99
    with pytest.raises(ConfigError, match=r"pg_dump of PostgreSQL 100 or newer is needed \(found: .*99\): install"):
        program("pg_dump", 100, 100)


def test_the_commands(days: Days, empty: str, place: str, tmp_path: Path) -> None:
    def run(*arguments: str, dsn: str, archive: str) -> subprocess.CompletedProcess[str]:
        env = {"OBZVON_WAREHOUSE": dsn, "OBZVON_ARCHIVE": archive, "OBZVON_PHONE_SECRET": None}
        done = CliRunner().invoke(app, list(arguments), env=env)
        assert done.exception is None or isinstance(done.exception, ObzvonError | SystemExit), done.exception
        return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout)

    old, new = str(days.archive.root), str(tmp_path / "new")
    made = run("backup", "--to", place, "--keep", "3", dsn=days.dsn, archive=old)
    assert (made.returncode, "3 new files" in made.stdout) == (0, True), made.stdout
    checked = run("restore", "--from", place, "--only-check", dsn=empty, archive=new)
    assert "is whole and can be restored" in checked.stdout
    done = run("restore", "--from", place, dsn=empty, archive=new)
    assert (done.returncode, "3 files, as the manifest says" in done.stdout) == (0, True), done.stdout
    (file,) = Path(place).glob("backups/*/manifest.json")
    assert "+7916" not in file.read_text() + done.stdout
    assert json.loads(file.read_text())["rows"]["dwh.fact_call_attempt"] == 9
    days.archive.remove(days.archive.files("vendor=dialog")[0])
    again = run("backup", "--to", place + "2", dsn=days.dsn, archive=old)
    assert (again.returncode, "1 files were lost or damaged" in again.stdout) == (1, True)
