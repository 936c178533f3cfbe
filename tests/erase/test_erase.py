"""Erasing where something is in the way: campaigns that are not over, crashes, quarantine, other stores."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from days import DAYS, Days, contents
from launching import forced
from loading import SECRET

from obzvon.errors import AuditError, ConfigError, LedgerError
from obzvon.ledger.keys import phone_key, plan_id
from obzvon.reports.archive import Archive, StoredPage
from obzvon.stages.erase import erase
from obzvon.vendors.dialog import Dialog

DAY = DAYS[0]
PHONE, OTHER = "+79160000001", "+79160000002"
PLAN = plan_id("test_campaign", DAY)


@pytest.fixture(params=["local", "memory"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive" if request.param == "local" else f"memory://{tmp_path}")


@pytest.fixture
async def days(warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path, archive: Archive) -> Days:
    """One day with a report as Dialog gives it; the second row breaks the contract."""
    days = Days(warehouse_dsn, conn, tmp_path)
    days.archive = archive
    days.dialer = Dialog
    days.plan(DAY)
    for n, phone in ((1, PHONE), (2, OTHER)):
        conn.execute("insert into pii.contact_payload values (%s, %s, %s, %s, 'Имя', '{}')", (PLAN, n, phone, phone))
        conn.execute("insert into pii.phone values (%s, %s, 'Имя')", (phone_key(SECRET, phone), phone))
    two = f"{OTHER}, 8 (916) 000-00-01"
    conn.execute(
        "update ops.plan_contact set intent_id = null, exclusion_code = 'EXCL_INVALID', phone_key = null"
        " where row_no = 3"
    )
    conn.execute("insert into pii.contact_payload values (%s, 3, %s, null, null, '{}')", (PLAN, two))
    conn.commit()
    data = [row("12:00", PHONE), row("soon", OTHER), row("12:02", OTHER), row("12:03", PHONE)]
    await days.pull(DAY, "collect", [{"columns": [], "data": data, "count": len(data)}])
    days.final(DAY)
    return days


def row(at: str, phone: str) -> dict[str, Any]:
    return {"phone_number": phone, "call_start": f"{DAY}T{at}:00+03:00", "status": "Разговор"}


def files(days: Days) -> list[str]:
    return days.archive.files(f"vendor=dialog/call_date={DAY}")


def run(days: Days, archive: Archive | None = None) -> dict[str, int]:
    return dict(erase(days.dsn, archive or days.archive, PHONE, secret=SECRET).counts)


def pages(days: Days) -> str:
    """The bytes of every page that the ledger names."""
    named = days.conn.execute("select path, sha256 from ops.raw_archive where gone_at is null").fetchall()
    days.conn.commit()
    assert files(days) == sorted(path for path, _ in named)
    return "".join(days.archive.open(path, sha256).read().decode() for path, sha256 in named)


def test_rows_in_quarantine_keep_their_place_and_counts_stay_whole(days: Days) -> None:
    query = """select q.row_no, q.rule, r.rows, r.control_count, r.erased_rows
               from ops.quarantine q join ops.raw_archive r using (archive_id)"""
    assert days.conn.execute(query.encode()).fetchall() == [(2, "dialog.started_at", 4, 4, 0)]
    days.conn.commit()
    counts = run(days)
    assert (counts["archive records"], counts["archive pages"]) == (2, 1)
    assert pages(days).count(OTHER) == 2
    assert PHONE not in pages(days)
    assert days.conn.execute(query.encode()).fetchall() == [(1, "dialog.started_at", 4, 4, 2)]
    days.conn.commit()
    before = contents(days.dsn)
    assert [(r.problem, r.rows, r.quarantined) for r in days.replay()] == [(None, 1, 1)]
    assert contents(days.dsn) == before


def test_a_cell_with_two_phones_goes_too_and_the_other_person_stays(days: Days) -> None:
    assert run(days)["pii.contact_payload"] == 2
    assert [r[1:4] for r in contents(days.dsn)["pii.contact_payload"]] == [(2, OTHER, OTHER)]
    assert [r[1] for r in contents(days.dsn)["pii.phone"]] == [OTHER]


@pytest.mark.parametrize("state", ["sending", "created", "in_doubt", "running", "collecting"])
def test_while_a_vendor_may_have_the_person_nothing_is_erased(days: Days, state: str) -> None:
    forced(days.conn, "update ops.campaign_intent set state = %s", (state,))
    days.conn.commit()
    before = contents(days.dsn)
    with pytest.raises(LedgerError, match=rf"test_campaign of {DAY} \({state}\).* Nothing was changed") as refused:
        run(days)
    assert PHONE not in str(refused.value)
    assert contents(days.dsn) == before


def test_who_was_not_sent_yet_is_taken_out_of_the_plan(days: Days) -> None:
    forced(days.conn, "update ops.campaign_intent set state = 'planned', submitted_at = null")
    days.conn.commit()
    assert run(days)["taken out of plans"] == 1
    query = """select row_no, intent_id is null, exclusion_code, exclusion_reason
               from ops.plan_contact where row_no < 3 order by 1"""
    assert days.conn.execute(query.encode()).fetchall() == [
        (1, True, "EXCL_DNC", "suppressed_after_plan"),
        (2, False, None, None),
    ]
    days.conn.commit()
    assert run(days)["taken out of plans"] == 0


def test_an_intent_that_is_being_sent_this_moment_is_not_touched(days: Days) -> None:
    forced(days.conn, "update ops.campaign_intent set state = 'planned', submitted_at = null")
    days.conn.commit()
    (intent,) = days.conn.execute("select intent_id from ops.campaign_intent").fetchall()[0]
    days.conn.execute("select pg_advisory_lock(%s)", (int(intent[:15], 16),))
    days.conn.commit()
    with pytest.raises(LedgerError, match="not over"):
        run(days)


class BeforeCommit(Archive):
    """Dies when the new page is written."""

    def write(self, path: str, body: bytes) -> StoredPage:
        super().write(path, body)
        raise KeyboardInterrupt


class AfterCommit(Archive):
    """Dies before the old page is deleted."""

    def remove(self, path: str) -> None:
        raise KeyboardInterrupt


@pytest.mark.parametrize(("kind", "erased"), [(BeforeCommit, 2), (AfterCommit, 0)])
def test_a_crash_loses_no_page_and_leaves_no_copy_once_it_is_run_again(
    days: Days, kind: type[Archive], erased: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(days, kind(days.archive.root))
    assert len(files(days)) == 2
    assert run(days)["archive records"] == erased
    assert pages(days).count(OTHER) == 2
    assert PHONE not in pages(days)


def test_a_damaged_page_stops_the_erasure_before_anything_is_erased(days: Days) -> None:
    (path,) = files(days)
    (days.archive.root / path).write_bytes(b"damaged")
    with pytest.raises(AuditError, match="sha256 differs"):
        run(days)
    assert len(contents(days.dsn)["pii.phone"]) == 2


def test_another_secret_would_find_nobody_and_is_refused(days: Days) -> None:
    with pytest.raises(ConfigError, match="the secret of the phone keys"):
        erase(days.dsn, days.archive, PHONE, secret=b"another")


@pytest.mark.parametrize("archive", ["local"], indirect=True)
def test_the_command_prints_a_receipt_without_the_phone(days: Days) -> None:
    where = {
        "OBZVON_WAREHOUSE": days.dsn, "OBZVON_ARCHIVE": str(days.archive.root), "OBZVON_PHONE_SECRET": SECRET.decode(),
    }  # fmt: skip
    command = [
        sys.executable,
        "-m",
        "obzvon",
        "erase",
        "--phone",
        "8 (916) 000-00-01",
        "--reference",
        "letter 12",
        "--yes",
    ]
    done = subprocess.run(command, env=os.environ | where, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "Receipt 1 of" in done.stdout
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["archive", "records", "2"] in lines
    assert ["pii.phone", "1"] in lines
    assert f"dialog, campaign task-{DAY}: {PLAN[:12]}-1" in done.stdout
    assert "9160000001" not in done.stdout + done.stderr
    stored = days.conn.execute("select phone_key, reference, counts ->> 'pii.phone' from ops.erasure").fetchall()
    assert stored == [(phone_key(SECRET, PHONE), "letter 12", "1")]
