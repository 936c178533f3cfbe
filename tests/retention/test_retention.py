"""Plans whose time is over lose what is personal, nothing else; replays say so; a run that died goes on."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from days import DAYS, Days, contents
from launching import forced
from loading import SECRET

from obzvon.ledger.keys import phone_key, plan_id
from obzvon.policy.model import Policy, load_policy
from obzvon.reports.archive import Archive
from obzvon.stages.replay import replay
from obzvon.stages.requeue import requeue
from obzvon.stages.retention import Retained, keep_to_retention
from obzvon.vendors.dialog import Dialog
from obzvon.warehouse.db import connect

ROOT = Path(__file__).resolve().parents[2]
POLICY = load_policy(ROOT / "include" / "policy" / "policy.yaml")
#: The first of the three days is 181 days ago, surveys are kept for 180.
TODAY = DAYS[0] + timedelta(days=181)


@pytest.fixture
async def days(warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path) -> Days:
    """Three days with three people each; the third one is planned on the first day only."""
    days = Days(warehouse_dsn, conn, tmp_path)
    days.dialer = Dialog
    for day in DAYS:
        days.plan(day)
        calls = [
            {"phone_number": f"+7916{n:07d}", "call_start": f"{day}T12:0{n}:00+03:00", "status": "Разговор"}
            for n in (1, 2)
        ]
        await days.pull(day, "collect", [{"columns": [], "data": calls, "count": 2}])
        days.final(day)
        people(conn, day, (1, 2, 3) if day == DAYS[0] else (1, 2))
    return days


def people(conn: psycopg.Connection, day: date, rows: tuple[int, ...]) -> None:
    """What the plan stage and an approval store of people, and a recording with a transcript of every call."""
    plan = plan_id("test_campaign", day)
    for n in rows:
        phone = f"+7916{n:07d}"
        conn.execute("insert into pii.contact_payload values (%s, %s, %s, %s, 'Имя', '{}')", (plan, n, phone, phone))
        known = "insert into pii.phone values (%s, %s, 'Имя') on conflict do nothing"
        conn.execute(known, (phone_key(SECRET, phone), phone))
        approved = "insert into pii.approved_contact values (%s, %s, repeat('0', 64), 'c', %s, repeat('0', 64))"
        conn.execute(approved, (plan, n, phone))
    conn.execute(
        "insert into pii.dialog_turn select vendor_code, vendor_call_id, call_month, 1, 'client', 0, 1, 'да' from"
        " dwh.fact_call_attempt on conflict do nothing"
    )
    conn.execute("update dwh.fact_call_attempt set record_url = 'https://records.example/1', has_record = true")
    conn.commit()


def run(days: Days, today: date = TODAY, policy: Policy = POLICY, archive: Archive | None = None) -> Retained:
    with connect(days.dsn) as conn:
        conn.autocommit = True
        return keep_to_retention(conn, archive or days.archive, policy, today)


def left(days: Days, day: date) -> dict[str, int]:
    """What is personal of a day."""
    query = """select
        (select count(*) from pii.contact_payload where plan_id = %(p)s) as payloads,
        (select count(*) from pii.approved_contact where plan_id = %(p)s) as approved,
        (select count(*) from pii.dialog_turn t join dwh.fact_call_attempt f using (vendor_code, vendor_call_id)
         join ops.campaign_intent i using (intent_id) where i.plan_id = %(p)s) as turns,
        (select count(*) from dwh.fact_call_attempt f join ops.campaign_intent i using (intent_id)
         where i.plan_id = %(p)s and (f.record_url is not null or f.has_record)) as records"""
    cursor = days.conn.execute(query, {"p": plan_id("test_campaign", day)})
    names = [column.name for column in cursor.description or ()]
    found = dict(zip(names, cursor.fetchall()[0], strict=True))
    days.conn.commit()
    files = [file for file in days.archive.root.rglob("*") if file.is_file() and f"call_date={day}" in str(file)]
    return found | {"files": len(files)}


def receipts(days: Days) -> list[tuple[Any, ...]]:
    found = days.conn.execute("select kind, purpose, counts, left_over from ops.erasure order by erasure_id").fetchall()
    days.conn.commit()
    return found


NOTHING = {"payloads": 0, "approved": 0, "turns": 0, "records": 0, "files": 0}
ALL = {"payloads": 2, "approved": 2, "turns": 2, "records": 2, "files": 1}


async def test_what_is_personal_goes_when_its_time_is_over_and_facts_stay(days: Days) -> None:
    before = contents(days.dsn)
    assert run(days, TODAY - timedelta(days=1)) == Retained(0, 0, 0, 0)
    assert contents(days.dsn) == before

    assert run(days) == Retained(plans=1, held_back=0, files=1, phones=1)
    assert left(days, DAYS[0]) == NOTHING
    assert left(days, DAYS[1]) == left(days, DAYS[2]) == ALL
    after = contents(days.dsn)
    same = {"dwh.fact_campaign_contact", "dwh.dim_contact", "ops.suppression", "ops.campaign_intent"}
    assert {table: after[table] for table in same} == {table: before[table] for table in same}
    assert len(after["dwh.fact_call_attempt"]) == len(before["dwh.fact_call_attempt"]) == 6
    # the third person was in the plan that is gone, the others are in younger ones
    assert {row[1] for row in after["pii.phone"]} == {"+79160000001", "+79160000002"}
    trace = days.conn.execute("select sha256 is not null, bytes > 0 from ops.raw_archive where gone_at is not null")
    assert trace.fetchall() == [(True, True)]

    (survey, phones) = receipts(days)
    assert survey[:2] == ("retention", "survey")
    assert survey[2] == {
        "plans": 1, "pii.contact_payload": 3, "pii.approved_contact": 3, "pii.dialog_turn": 2, "archive pages": 1,
        "archive files": 1, "dwh.fact_call_attempt.record_url": 2, "dwh.fact_dialog_goal.goal_value": 0,
        "recordings": 0,
    }  # fmt: skip
    assert survey[3] == {"vendor tasks": [f"dialog: task-{DAYS[0]}"], "qolio calls": 0}
    assert phones[2] == {"pii.phone": 1}
    assert run(days) == Retained(0, 0, 0, 0)
    assert receipts(days) == [survey, phones]


def test_replay_and_requeue_pass_over_an_erased_plan_and_say_so(days: Days, tmp_path: Path) -> None:
    run(days)
    before = contents(days.dsn)
    first, *others = replay(days.dsn, days.archive, DAYS[0], DAYS[2], secret=SECRET, dialers=lambda code: Dialog)
    assert first.skipped is not None
    assert first.skipped.startswith("erased by retention on ")
    assert (first.problem, first.pulls) == (None, 0)
    assert [(r.skipped, r.problem, r.pulls) for r in others] == [(None, None, 1)] * 2
    assert contents(days.dsn) == before
    again = requeue(days.dsn, days.archive, tmp_path, DAYS[0], DAYS[0], secret=SECRET, every_plan=True)
    assert [r.skipped for r in again] == [first.skipped]


@pytest.mark.parametrize("state", ["running", "collecting", "refused"])
def test_a_plan_with_an_intent_that_is_not_over_waits(days: Days, state: str) -> None:
    forced(days.conn, "update ops.campaign_intent set state = %s where call_date = %s", (state, DAYS[0]))
    days.conn.commit()
    before = contents(days.dsn)
    assert run(days) == Retained(0, 1, 0, 0)
    assert contents(days.dsn) == before


def test_a_purpose_without_a_term_keeps_everything(days: Days) -> None:
    rules = {name: rule.model_copy(update={"retention_days": None}) for name, rule in POLICY.purposes.items()}
    before = contents(days.dsn)
    assert run(days, policy=POLICY.model_copy(update={"purposes": rules})) == Retained(0, 0, 0, 0)
    assert contents(days.dsn) == before


class Mortal(Archive):
    """Dies after so many files were deleted."""

    lives = 1

    def remove(self, path: str) -> None:
        super().remove(path)
        if not self.lives:
            raise KeyboardInterrupt
        self.lives -= 1


def test_a_run_that_died_is_finished_by_the_next_one(days: Days) -> None:
    """The first plan is through; of the second one the file is deleted and nothing is committed."""
    died = Mortal(days.archive.root)
    with pytest.raises(KeyboardInterrupt):
        run(days, TODAY + timedelta(days=1), archive=died)
    assert left(days, DAYS[0]) == NOTHING
    assert left(days, DAYS[1]) == ALL | {"files": 0}
    assert run(days, TODAY + timedelta(days=1)) == Retained(1, 0, 1, 1)
    assert left(days, DAYS[1]) == NOTHING
    assert left(days, DAYS[2]) == ALL


def test_files_that_nobody_recorded_go_too(days: Days) -> None:
    """A pull that broke off before it was recorded, and the beginning of a page."""
    folder = Path(str(days.archive.root)) / f"vendor=dialog/call_date={DAYS[0]}"
    (intent,) = folder.iterdir()
    (intent / "batch=dead").mkdir()
    for name in ("report-1.zst", ".report-2.zst.abc"):
        (intent / "batch=dead" / name).write_bytes(b"x")
    assert run(days).files == 3
    assert left(days, DAYS[0]) == NOTHING


def test_a_late_pull_of_an_erased_plan_goes_with_the_next_run(days: Days) -> None:
    run(days)
    page = days.archive.write(f"vendor=dialog/call_date={DAYS[0]}/intent=x/batch=late/report-1.zst", b"{}")
    days.conn.execute(
        "insert into ops.raw_archive (intent_id, batch_id, kind, page_no, path, sha256, bytes, request, fetched_at)"
        " select intent_id, 'late', 'report', 1, %s, %s, 2, '{}', now() from ops.campaign_intent where call_date = %s",
        (page.path, page.sha256, DAYS[0]),
    )
    days.conn.commit()
    assert run(days) == Retained(1, 0, 1, 0)
    assert left(days, DAYS[0]) == NOTHING
