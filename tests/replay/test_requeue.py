"""Rows that broke the contract come in once after a correction, of the code or of the campaign file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from days import DAYS, Days, contents
from launching import SPEC
from loading import SECRET, JsonlDialer, Line
from whole_way import DAY, ROOT, Run
from whole_way import SECRET as WHOLE_SECRET

from obzvon.campaigns.catalogue import load
from obzvon.campaigns.mapping import corrected
from obzvon.errors import AuditError, ConfigError
from obzvon.reports.archive import Archive
from obzvon.sandbox.process import running_sandbox
from obzvon.stages.audit import audit
from obzvon.stages.replay import replay
from obzvon.stages.requeue import requeue
from obzvon.stages.stored_plans import Rebuilt
from obzvon.vendors.base import Row

#: A row that a correction brings in has the moment of the correction, after a replay that of its pull.
MOMENT = ("loaded_at", "requeued_at")


class Corrected(JsonlDialer):
    """Knows that times without an offset are UTC."""

    @classmethod
    def read(cls, line: Line) -> Row:
        changed = {name: f"{value}+00:00" for name, value in line.items() if name == "started_at" and "+" not in value}
        return super().read({**line, **changed})


@pytest.fixture
async def days(warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path) -> Days:
    """Two days; of the first, one row of each pull has no offset and one is beyond repair."""
    days = Days(warehouse_dsn, conn, tmp_path)
    for day in DAYS[:2]:
        days.plan(day)
    bare = days.call(DAYS[0], 2, 2) | {"started_at": "2031-05-20T09:02:00"}
    for batch in ("collect", "late"):
        await days.pull(DAYS[0], batch, [days.call(DAYS[0], 1, 1), bare, {"broken": "phone"}])
    await days.pull(DAYS[1], "collect", [days.call(DAYS[1], 1, 1)])
    return days


def again(days: Days, folder: Path, **options: Any) -> list[Rebuilt]:
    options = {"secret": SECRET, "dialers": lambda code: days.dialer} | options
    return requeue(days.dsn, days.archive, folder, **options)


def quarantine(days: Days) -> list[tuple[Any, ...]]:
    query = """select r.batch_id, q.row_no, q.rule, q.field, q.cause <> '', q.requeued_at is not null
               from ops.quarantine q join ops.raw_archive r using (archive_id) order by 1, 2"""
    found = days.conn.execute(query.encode()).fetchall()
    days.conn.commit()
    return found


def test_a_row_in_quarantine_says_which_rule_which_page_and_why(days: Days) -> None:
    bare, broken = ("load.fits", "started_at", True, False), ("jsonl.row", "phone", True, False)
    assert quarantine(days) == [
        (batch, row_no, *said) for batch in ("collect", "late") for row_no, said in ((2, bare), (3, broken))
    ]


def test_after_a_fix_of_the_code_sound_rows_come_in_once_and_broken_ones_stay(days: Days, tmp_path: Path) -> None:
    days.dialer = Corrected
    (result,) = again(days, tmp_path)
    assert (result.call_date, result.pulls, result.rows, result.inserted, result.quarantined) == (DAYS[0], 2, 4, 1, 2)
    assert [(row[0], row[1], row[-1]) for row in quarantine(days)] == [
        ("collect", 2, True), ("collect", 3, False), ("late", 2, True), ("late", 3, False),
    ]  # fmt: skip
    before = contents(days.dsn)
    (result,) = again(days, tmp_path)
    assert contents(days.dsn) == before
    assert (result.inserted, result.updated, result.quarantined) == (0, 0, 2)
    days.run("drop schema dwh cascade")
    days.replay()
    assert contents(days.dsn, without=MOMENT) == _without_moments(before, days)


def _without_moments(before: dict[str, list[tuple[Any, ...]]], days: Days) -> dict[str, list[tuple[Any, ...]]]:
    """The same rows without the columns of MOMENT."""
    kept = {}
    for table, rows in before.items():
        cursor = days.conn.execute(f"select * from {table} limit 0".encode())
        places = [n for n, column in enumerate(cursor.description or ()) if column.name not in MOMENT]
        kept[table] = sorted((tuple(row[n] for n in places) for row in rows), key=repr)
    return kept


def test_without_anything_to_put_right_nothing_is_done(days: Days, tmp_path: Path) -> None:
    assert again(days, tmp_path, from_date=DAYS[1]) == []
    with pytest.raises(ConfigError, match="no plan of campaign nobody"):
        again(days, tmp_path, campaign="nobody")


def test_a_plan_is_put_right_whole_or_not_at_all(days: Days, tmp_path: Path) -> None:
    (page,) = days.archive.root.glob("vendor=dialog/call_date=2031-05-20/*/batch=late/*")
    page.unlink()
    before = contents(days.dsn)
    days.dialer = Corrected
    (result,) = again(days, tmp_path)
    assert "is gone" in (result.problem or "")
    assert (result.pulls, result.inserted) == (0, 0)
    assert contents(days.dsn) == before


def test_a_broken_campaign_file_is_named_and_changes_nothing(days: Days, tmp_path: Path) -> None:
    (tmp_path / "test_campaign.yaml").write_text(yaml.safe_dump(SPEC | {"purpose": "fun"}), encoding="utf-8")
    before = contents(days.dsn)
    (result,) = again(days, tmp_path)
    assert (result.problem or "").startswith("test_campaign.yaml: purpose")
    assert contents(days.dsn) == before


def test_lost_tables_are_no_work_for_a_requeue(days: Days, tmp_path: Path) -> None:
    days.run("drop schema dwh cascade")
    with pytest.raises(ConfigError, match="replay first"):
        again(days, tmp_path)


@pytest.mark.parametrize("name", ["demo_dialog", "demo_twin"])
def test_a_file_lends_its_mapping_and_nothing_else(name: str) -> None:
    planned = load(ROOT / "include" / "campaigns" / f"{name}.yaml")
    other = {
        "title": "другое", "window": None, "goal": planned.goal.model_copy(update={"field": "other"}),
        "limits": planned.limits.model_copy(update={"max_quarantine_share": 1.0}), "outcomes": {},
        "vendor": planned.vendor.model_copy(update={"conn_id": "other", "short_talk_seconds": 77}),
    }  # fmt: skip
    spec, changed = corrected(planned, planned.model_copy(update=other))
    assert changed == ["vendor.short_talk_seconds", "outcomes"]
    assert spec.vendor.short_talk_seconds == 77
    assert spec.outcomes == {}
    restored = {"outcomes": planned.outcomes, "vendor": planned.vendor}
    assert spec.model_copy(update=restored).canonical() == planned.canonical()


def test_a_file_of_another_vendor_is_refused() -> None:
    dialog, twin = (load(ROOT / "include" / "campaigns" / f"demo_{vendor}.yaml") for vendor in ("dialog", "twin"))
    with pytest.raises(ConfigError, match="called through dialog"):
        corrected(dialog, twin)


DAMAGES = (
    ("{vendor,report,fields,duration}", '"status"', "quarantined"),
    ("{vendor,report,statuses}", '{"Занято": "BUSY"}', "unknown"),
)
"""What the plan's file says wrongly about the report, and the check that the loads by it break."""

DAMAGE = """
update ops.campaign_plan set spec = jsonb_set(spec, %s, %s)
"""


@pytest.mark.stack
async def test_a_corrected_campaign_file_heals_a_whole_day(
    warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path
) -> None:
    """A duration that is no number refuses every row, a status that is not listed makes its calls UNKNOWN."""
    (tmp_path / "sandbox").mkdir()
    archive, campaigns = Archive(tmp_path / "archive"), ROOT / "include" / "campaigns"
    spec = load(campaigns / "demo_dialog.yaml")
    with running_sandbox(tmp_path / "sandbox", speed=36000) as server:
        run = Run(spec, warehouse_dsn, conn, server, tmp_path / "archive")
        await run.go()
    conn.commit()
    conn.autocommit = True
    before = contents(warehouse_dsn, natural=True, without=MOMENT)

    for place, wrong, check in DAMAGES:
        conn.execute(DAMAGE.encode(), (place, wrong))
        conn.execute("truncate dwh.fact_call_attempt cascade; update dwh.fact_campaign_contact set attempts = 0")
        (lost,) = replay(warehouse_dsn, archive, DAY, DAY, secret=WHOLE_SECRET)
        assert lost.problem is None
        with pytest.raises(AuditError, match=check):
            audit(conn, run.plan_id)

        (healed,) = requeue(warehouse_dsn, archive, campaigns, secret=WHOLE_SECRET, run_id="manual")
        assert (healed.mapping, healed.quarantined) == (("vendor.report",), 0)
        assert not audit(conn, run.plan_id).failed
        after = contents(warehouse_dsn, natural=True, without=MOMENT)
        assert {t for t in before if before[t] != after[t]} <= {"ops.quarantine"}
        assert all(requeued for (requeued,) in conn.execute("select requeued_at is not null from ops.quarantine"))
        assert requeue(warehouse_dsn, archive, campaigns, secret=WHOLE_SECRET) == []

    events = conn.execute("select distinct dag_run_id, from_state = to_state, detail from ops.intent_event "
                          "where detail like 'requeued%'").fetchall()  # fmt: skip
    assert events == [("manual", True, "requeued with the campaign file's mapping of today: vendor.report changed")]
