"""After a change of the mapping every call of a campaign is read anew from the archive, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from days import DAYS, Days, contents
from launching import SPEC
from loading import SECRET, JsonlDialer

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import ConfigError
from obzvon.stages.reclassify import Reclassified, reclassify
from obzvon.vendors.dialog import Dialog

MAPPED = {"Разговор": "RPC_NO_RESULT", "Занято": "BUSY"}


@pytest.fixture
async def days(warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path) -> Days:
    """Two days of a report as Dialog gives it; of the first a second pull, with another word about the first call."""
    days = Days(warehouse_dsn, conn, tmp_path)
    days.dialer = Dialog
    for day in DAYS[:2]:
        days.plan(day)
        await pull(days, day, "collect", "Разговор", "Занято", "Сбой фазы")
    await pull(days, DAYS[0], "late", "Занято", "Занято", "Сбой фазы")
    return days


async def pull(days: Days, day: Any, batch: str, *statuses: str) -> None:
    data = [
        {"phone_number": f"+7916000000{row}", "call_start": f"{day}T12:0{row}:00+03:00", "status": status}
        for row, status in enumerate(statuses, 1)
    ]
    await days.pull(day, batch, [{"columns": [], "data": data, "count": len(data)}])


def file(folder: Path, statuses: dict[str, str]) -> None:
    report = SPEC["vendor"]["report"] | {"statuses": statuses}
    text = yaml.safe_dump(SPEC | {"vendor": SPEC["vendor"] | {"report": report}}, allow_unicode=True)
    (folder / "test_campaign.yaml").write_text(text, encoding="utf-8")


def again(days: Days, folder: Path, **options: Any) -> list[Reclassified]:
    options = {"secret": SECRET, "run_id": "manual"} | options
    return reclassify(days.dsn, days.archive, folder, "test_campaign", **options)


def moved(results: list[Reclassified]) -> list[dict[tuple[str, str], int]]:
    return [dict(result.moved) for result in results]


def alerts(days: Days) -> list[Any]:
    found = days.conn.execute("select name, calls from mart.v_drift where what = 'new_status'").fetchall()
    days.conn.commit()
    return found


def codes(days: Days) -> list[tuple[str, str, int]]:
    query = """select i.call_date::text, f.disposition_code, count(*) from dwh.fact_call_attempt f
               join ops.campaign_intent i using (intent_id) group by 1, 2 order by 1, 2"""
    found = days.conn.execute(query).fetchall()
    days.conn.commit()
    return found


def test_what_moved_is_counted_and_a_second_time_nothing_moves(
    days: Days, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert len(alerts(days)) == 2
    assert codes(days) == [
        ("2031-05-20", "UNKNOWN", 3), ("2031-05-21", "RPC_NO_RESULT", 1), ("2031-05-21", "UNKNOWN", 2),
    ]  # fmt: skip
    file(tmp_path, MAPPED | {"Сбой фазы": "NETWORK_ERROR"})
    with caplog.at_level("ERROR"):
        results = again(days, tmp_path)
    assert caplog.records == []
    assert moved(results) == [
        {("UNKNOWN", "BUSY"): 2, ("UNKNOWN", "NETWORK_ERROR"): 1},
        {("UNKNOWN", "BUSY"): 1, ("UNKNOWN", "NETWORK_ERROR"): 1},
    ]
    assert [(r.mapping, r.pulls, r.conversations, r.problem) for r in results] == [
        (("vendor.report",), 2, 0, None), (("vendor.report",), 1, 0, None),
    ]  # fmt: skip
    # of two answers about a call the later one counts as ever
    assert codes(days) == [
        ("2031-05-20", "BUSY", 2), ("2031-05-20", "NETWORK_ERROR", 1), ("2031-05-21", "BUSY", 1),
        ("2031-05-21", "NETWORK_ERROR", 1), ("2031-05-21", "RPC_NO_RESULT", 1),
    ]  # fmt: skip
    assert alerts(days) == []
    before = contents(days.dsn)
    results = again(days, tmp_path)
    assert [(r.moved, r.mapping, r.inserted, r.updated) for r in results] == [({}, (), 0, 0)] * 2
    assert contents(days.dsn) == before
    events = "select dag_run_id, detail from ops.intent_event where detail like 'reclassified%'"
    assert days.conn.execute(events).fetchall() == [
        ("manual", "reclassified with the campaign file's mapping of today: vendor.report changed")
    ] * 2  # fmt: skip


def test_a_mapping_that_was_wrong_is_put_right_too_and_conversations_are_counted(days: Days, tmp_path: Path) -> None:
    file(tmp_path, {"Разговор": "VOICEMAIL", "Занято": "BUSY", "Сбой фазы": "RPC_REFUSED"})
    results = again(days, tmp_path, from_date=DAYS[1])
    assert moved(results) == [
        {("RPC_NO_RESULT", "VOICEMAIL"): 1, ("UNKNOWN", "BUSY"): 1, ("UNKNOWN", "RPC_REFUSED"): 1}
    ]
    assert results[0].conversations == 2
    assert codes(days)[0] == ("2031-05-20", "UNKNOWN", 3)
    snapshot = "select final_disposition from dwh.fact_campaign_contact where call_date = %s order by row_no"
    assert [code for (code,) in days.conn.execute(snapshot, (DAYS[1],))] == ["VOICEMAIL", "BUSY", "RPC_REFUSED"]


def test_a_correction_of_the_code_counts_without_any_file(days: Days, tmp_path: Path) -> None:
    class Newer(Dialog):
        """Knows one more word."""

        @classmethod
        def contents(cls, spec: CampaignSpec, kind: str, stream: Any) -> Any:
            told = spec.vendor.model_dump(mode="json")
            told["report"]["statuses"] |= {"Сбой фазы": "UNAVAILABLE"}
            return super().contents(spec.model_copy(update={"vendor": cls.parse_settings(told)}), kind, stream)

    results = again(days, tmp_path, dialers=lambda code: Newer)
    assert moved(results) == [{("UNKNOWN", "UNAVAILABLE"): 1}] * 2
    assert [r.mapping for r in results] == [(), ()]


def test_a_plan_whose_page_is_gone_stays_as_it_was_and_the_others_are_reclassified(days: Days, tmp_path: Path) -> None:
    file(tmp_path, MAPPED)
    (page,) = days.archive.root.glob("vendor=dialog/call_date=2031-05-20/*/batch=late/*")
    page.unlink()
    first, second = again(days, tmp_path)
    assert "is gone" in (first.problem or "")
    assert (dict(first.moved), dict(second.moved)) == ({}, {("UNKNOWN", "BUSY"): 1})
    assert codes(days)[0] == ("2031-05-20", "UNKNOWN", 3)


def test_a_campaign_nobody_knows_and_lost_tables_are_refused(days: Days, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no plan of campaign nobody"):
        reclassify(days.dsn, days.archive, tmp_path, "nobody", secret=SECRET)
    days.run("drop schema dwh cascade")
    with pytest.raises(ConfigError, match="replay first"):
        again(days, tmp_path, dialers=lambda code: JsonlDialer)
