"""What CALL_ENDED says becomes a call, and gives way to the report whichever came first."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from event_bodies import TASK, ended, rung, twin_plan, twin_spec
from loading import NINE, SECRET

from obzvon.errors import ContractBreak
from obzvon.reports.archive import Archive, Pull
from obzvon.vendors.base import EVENTS, Event
from obzvon.vendors.twin import Twin
from obzvon.warehouse.load.batch import LoadResult, load

CALL_DAY = NINE.date()


def report(number: int, contact: int = 1, **changes: Any) -> dict[str, Any]:
    """The same call in TWIN's list of calls."""
    started = NINE + timedelta(minutes=number)
    said = {
        "id": f"k{number}", "phone": f"7916{contact:07d}", "duration": 40, "taskId": TASK, "status": "ANSWERED",
        "responder": None, "transferredToOperator": False, "createdAt": NINE.isoformat(),
        "updatedAt": (started + timedelta(seconds=30)).isoformat(), "startedAt": started.isoformat(), "price": 3.2,
        "recordPath": f"https://tcl/{number}.mp3", "externalId": None, "dialogResults": {"confirmation": "agreed"},
    }  # fmt: skip
    return said | changes


class Pulls:
    """Pages of one intent, archived and loaded as a test says."""

    def __init__(self, conn: psycopg.Connection, folder: Path) -> None:
        self.conn, self.archive, self.spec = conn, Archive(folder), twin_spec()
        self.intent = twin_plan(conn, 5)

    def keep(self, batch: str, kind: str, page: bytes) -> None:
        pull = Pull("twin", CALL_DAY, self.intent, batch)
        stored = self.archive.write(f"{pull.folder}/{kind}-1.zst", page)
        self.conn.execute(
            "insert into ops.raw_archive (intent_id, batch_id, kind, page_no, path, sha256, bytes, request, fetched_at)"
            " values (%s, %s, %s, 1, %s, %s, %s, '{}', clock_timestamp())",
            (self.intent, batch, kind, stored.path, stored.sha256, stored.bytes),
        )
        self.conn.commit()

    def load(self, batch: str) -> LoadResult:
        return load(self.conn, self.archive, self.spec, Twin, self.intent, batch, secret=SECRET)

    def events(self, batch: str, *said: dict[str, Any]) -> LoadResult:
        self.keep(batch, EVENTS, Twin.events_page([rung(each) for each in said]))
        return self.load(batch)

    def report(self, batch: str, *said: dict[str, Any]) -> LoadResult:
        self.keep(batch, "calls", json.dumps({"count": len(said), "items": said}).encode())
        return self.load(batch)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        found = self.conn.execute(query.encode()).fetchall()
        self.conn.commit()
        return found


@pytest.fixture
def pulls(conn: psycopg.Connection, tmp_path: Path) -> Pulls:
    return Pulls(conn, tmp_path)


FACTS = "select to_jsonb(f) - '{loaded_at,batch_id}'::text[] from dwh.fact_call_attempt f order by vendor_call_id"
GOALS = "select vendor_call_id, goal_name, goal_value from dwh.fact_dialog_goal order by 1, 2"
TURNS = "select vendor_call_id, turn_no, role, text_redacted from pii.dialog_turn order by 1, 2"


def test_an_event_is_a_call_with_outcome_results_transcript_and_recording(pulls: Pulls) -> None:
    result = pulls.events("event-1", ended(1))
    assert (result.rows, result.inserted, result.unmatched, result.control_count) == (1, 1, 0, None)
    attempt = pulls.rows("select disposition_code, talk_sec, cost_rub, record_url from dwh.fact_call_attempt")
    assert attempt == [("GOAL", None, 0, "https://tcl/1.mp3")]
    assert pulls.rows(GOALS) == [("k1", "confirmation", "agreed")]
    assert [row[2:] for row in pulls.rows(TURNS)] == [("bot", "Да?"), ("client", "Хорошо")]
    assert pulls.rows("select attempts, final_disposition from dwh.fact_campaign_contact where row_no = 1") == [
        (1, "GOAL")
    ]


@pytest.mark.parametrize("updated", ["2031-05-20T08:00:00+00:00", "2031-05-20T23:00:00+00:00", None])
def test_the_report_of_a_call_stands_whichever_came_first(
    conn: psycopg.Connection, tmp_path: Path, pulls: Pulls, updated: str | None
) -> None:
    said = report(1, updatedAt=updated, dialogResults={"confirmation": "refused"})
    pulls.report("collect-1", said)
    alone = [pulls.rows(query) for query in (FACTS, GOALS, TURNS)]
    later = pulls.events("event-1", ended(1))
    assert (later.older, later.inserted, later.updated) == (1, 0, 0)
    assert [pulls.rows(query) for query in (FACTS, GOALS, TURNS)] == alone
    conn.execute("delete from dwh.fact_call_attempt; delete from dwh.fact_dialog_goal; delete from pii.dialog_turn")
    conn.commit()
    assert pulls.load("event-1").inserted == 1
    assert pulls.rows(FACTS) != alone[0]
    assert pulls.load("collect-1").updated == 1
    assert [pulls.rows(query) for query in (FACTS, GOALS, TURNS)] == alone
    assert pulls.rows("select batch_id from dwh.fact_call_attempt") == [("collect-1",)]


def test_a_report_that_says_the_same_takes_the_call_over_all_the_same(pulls: Pulls) -> None:
    bare = {"result": {}, "flow": [], "status": "BUSY"}
    pulls.events("event-1", ended(1, **bare))
    same = report(
        1, status="BUSY", price=0, duration=None, recordPath=None, dialogResults=None,
        updatedAt=(NINE + timedelta(minutes=2)).isoformat(),
    )  # fmt: skip
    assert pulls.report("collect-1", same).updated == 1
    assert pulls.rows("select batch_id from dwh.fact_call_attempt") == [("collect-1",)]
    assert pulls.load("collect-1").unchanged == 1


def test_of_two_events_about_a_call_the_newer_one_stands(pulls: Pulls) -> None:
    late = ended(1, finishedAt="2031-05-20T09:05:00+00:00", result={"confirmation": "opt_out"})
    pulls.events("event-1", late)
    assert pulls.events("event-2", ended(1)).older == 1
    assert pulls.rows("select disposition_code from dwh.fact_call_attempt") == [("RPC_OPTOUT",)]
    pulls.conn.execute("delete from dwh.fact_call_attempt")
    pulls.conn.commit()
    pulls.events("event-3", ended(1), late, ended(1))
    assert pulls.rows("select disposition_code from dwh.fact_call_attempt") == [("RPC_OPTOUT",)]


def test_who_asks_not_to_be_called_is_suppressed_by_the_event(pulls: Pulls) -> None:
    pulls.events("event-1", ended(1, result={"confirmation": "opt_out"}))
    assert pulls.rows("select source, evidence_ref from ops.suppression") == [("bot", "twin:k1")]


def test_a_call_of_nobody_in_our_list_waits_for_the_report(pulls: Pulls) -> None:
    stranger = ended(1, contact=77, callbackData=[])
    result = pulls.events("event-1", stranger, ended(2))
    assert (result.rows, result.inserted, result.unmatched) == (2, 1, 0)
    assert pulls.rows("select vendor_call_id from dwh.fact_call_attempt") == [("k2",)]


@pytest.mark.parametrize(
    "echo", [{"external_id": "x"}, '{"external_id": "x"}', [{"external_id": "x"}], [], None, "x", '["x"]', 5]
)
def test_without_our_id_the_phone_says_whose_call_it_is(pulls: Pulls, echo: Any) -> None:
    assert pulls.events("event-1", ended(1, contact=2, callbackData=echo)).inserted == 1
    assert pulls.rows("select row_no, attempts from dwh.fact_campaign_contact where attempts > 0") == [(2, 1)]


def test_events_count_against_the_caps_and_hold_what_the_intent_reserved(pulls: Pulls) -> None:
    pulls.events("event-1", ended(1))
    pulls.events("event-2", ended(2, result=[], status="NOANSWER"))
    held = "select held, attempts, answered from ops.attempt_reservation where attempts > 0"
    assert pulls.rows(held) == [(1, 2, 1)]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"[]", "body"),
        (b'{"event": "CALL_ENDED"', "body"),
        (b'{"event": "CALL_ENDED"}', "id"),
        (b'{"event": "CALL_ENDED", "id": NaN}', "body"),
        (b'{"event": "CALL_ENDED", "id": "1"} {}', "body"),
        (b'{"event": "X"}],"x":[{}', "body"),
        (b'{"event": {"a": 1}}', "event"),
        (b'{"event": "X", "taskId": true}', "taskId"),
        (b'{"event": "X", "taskId": "\\ud800"}', "taskId"),
        (b'{"event": "X", "x": "\xff"}', "body"),
        (b'{"event": "X", "x": ' + b"[" * 40 + b"]" * 40 + b"}", "body"),
        (b'{"event": "X", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "body"),
        (rung({"event": "X", "taskId": "t" * 201}), "taskId"),
        (rung({"taskId": "t"}), "event"),
    ],
)
def test_a_body_that_tells_nothing_names_the_field_and_no_value(body: bytes, field: str) -> None:
    with pytest.raises(ContractBreak) as broken:
        Twin.event(body)
    assert (broken.value.rule, broken.value.field) == ("twin.event", field)


def test_other_events_tell_whom_they_concern() -> None:
    assert Twin.event(b'{"event":"CANDIDATE_CHANGED","taskId":"t","lastCallId":"c"}') == Event(
        "CANDIDATE_CHANGED", "t", "c"
    )
    assert Twin.event(b'{"event":"AUTOCALL_STATUS_CHANGED","taskId":7}').turned
    assert Twin.event(rung(ended(1))).ended
