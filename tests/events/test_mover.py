"""From the inbox into archive and facts: whatever comes, however often and in whatever order, the same facts stand."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from event_bodies import TASK, ended, rung, twin_plan
from launching import forced
from loading import SECRET

from obzvon.events.bell import Ear
from obzvon.events.follow import follow
from obzvon.events.inbox import Arrived
from obzvon.events.mover import Moved, Mover, pending
from obzvon.reports.archive import Archive
from obzvon.warehouse.db import connect

FACTS = "select to_jsonb(f) - '{loaded_at,batch_id}'::text[] from dwh.fact_call_attempt f order by vendor_call_id"


def posted(conn: psycopg.Connection, *bodies: bytes) -> None:
    """Bodies in the inbox, as the receiver leaves them."""
    for body in bodies:
        arrived = Arrived("twin", "twin_default", body)
        conn.execute(
            "insert into pii.vendor_event as e (vendor_code, conn_id, sha256, body, bytes) values (%s, %s, %s, %s, %s)"
            " on conflict (sha256) do update set times = e.times + 1",
            ("twin", "twin_default", arrived.sha256, body, len(body)),
        )
    conn.commit()


class Room:
    """A warehouse with a plan of TWIN's, and a mover at work."""

    def __init__(self, dsn: str, folder: Path, conn: psycopg.Connection) -> None:
        self.dsn, self.conn, self.intent = dsn, conn, twin_plan(conn, 5)
        self.archive = Archive(folder)
        self._conn = connect(dsn)
        self._conn.autocommit = True
        self.mover = Mover(self._conn, self.archive, secret=SECRET)

    def move(self, *bodies: bytes) -> Moved:
        posted(self.conn, *bodies)
        return self.mover.move()

    def rows(self, query: str) -> list[Any]:
        found = self.conn.execute(query.encode()).fetchall()
        self.conn.commit()
        return found

    def close(self) -> None:
        self._conn.close()


@pytest.fixture
def room(warehouse_dsn: str, tmp_path: Path, conn: psycopg.Connection) -> Iterator[Room]:
    made = Room(warehouse_dsn, tmp_path, conn)
    yield made
    made.close()


def test_a_call_that_ended_is_archived_and_loaded_and_leaves_the_inbox(room: Room) -> None:
    body = rung(ended(1))
    done = room.move(body)
    assert (done.read, done.archived, done.loaded) == (1, 1, 1)
    assert room.rows("select outcome, body, event, vendor_task_id, vendor_call_id from pii.vendor_event") == [
        ("archived", None, "CALL_ENDED", TASK, "k1")
    ]
    ((path, sha, loaded),) = room.rows("select path, sha256, loaded_at is not null from ops.raw_archive")
    with room.archive.open(path, sha) as page:
        assert page.read() == b'{"items":[' + body + b"]}"
    assert loaded
    assert room.rows("select vendor_call_id, disposition_code from dwh.fact_call_attempt") == [("k1", "GOAL")]
    assert not pending(room.conn)


def test_doubled_events_are_one_and_counted(room: Room) -> None:
    body = rung(ended(1))
    assert room.move(body, body, body).read == 1
    assert room.move(body, body).read == 0
    assert room.rows("select times from pii.vendor_event") == [(5,)]
    assert len(room.rows(FACTS)) == 1


@pytest.mark.parametrize("seed", range(2))
def test_lost_doubled_and_reordered_events_end_in_the_facts_of_those_that_came(room: Room, seed: int) -> None:
    draw = random.Random(seed)
    calls = [ended(n, contact=n % 5 + 1) for n in range(1, 13)]
    room.move(*(rung(call) for call in calls[:9]))
    straight = room.rows(FACTS)
    room.conn.execute("delete from dwh.fact_call_attempt; delete from pii.vendor_event")
    room.conn.commit()
    bodies = [rung(call) for call in calls[:9] for _ in range(draw.randint(1, 3))]
    draw.shuffle(bodies)
    while bodies:
        room.move(*(bodies.pop() for _ in range(min(len(bodies), draw.randint(1, 4)))))
    assert room.rows(FACTS) == straight


def test_what_is_no_call_of_ours_stays_with_its_reason_and_stops_nobody(room: Room) -> None:
    done = room.move(
        b"not json", b"", b"[]", b'{"event":"CALL_ENDED"}', rung(ended(1, taskId="other")), rung(ended(2, taskId=None)),
        rung(ended(3, startedAt="never", finishedAt=None)), rung(ended(4, status="INPROGRESS")),
        b'{"event":"CANDIDATE_CHANGED","taskId":"' + TASK.encode() + b'"}', rung(ended(5)),
    )  # fmt: skip
    assert (done.read, done.broken, done.unknown_task, done.told, done.loaded) == (10, 5, 2, 2, 1)
    assert room.mover.problems == []
    kept = "select outcome, reason is not null, body is not null from pii.vendor_event where outcome <> 'archived'"
    assert {(o, reason == (o == "broken"), body) for o, reason, body in room.rows(kept)} == {
        ("broken", True, True), ("unknown_task", True, True), ("told", True, True)
    }  # fmt: skip
    reasons = "\n".join(reason for (reason,) in room.rows("select reason from pii.vendor_event where reason <> ''"))
    assert "7916" not in reasons
    assert "never" not in reasons


def test_a_task_that_is_known_later_gets_its_events(room: Room) -> None:
    forced(room.conn, "update ops.campaign_intent set vendor_task_id = null")
    room.conn.commit()
    assert room.move(rung(ended(1))).unknown_task == 1
    forced(room.conn, "update ops.campaign_intent set vendor_task_id = %s", (TASK,))
    room.conn.commit()
    assert room.mover.begin()
    assert room.mover.move().loaded == 1


def test_a_mover_that_died_before_loading_is_finished_by_the_next(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:

        def dies(*args: object, **kwargs: object) -> None:
            raise KeyboardInterrupt

        patch.setattr("obzvon.events.mover.load", dies)
        with pytest.raises(KeyboardInterrupt):
            room.move(rung(ended(1)))
    assert room.rows(FACTS) == []
    assert not pending(room.conn)
    assert room.mover.begin()
    assert len(room.rows(FACTS)) == 1


def test_a_mover_that_died_before_the_commit_leaves_the_body_in_the_inbox(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("obzvon.events.mover._SETTLE", "select nothing_of_this_name")
        with pytest.raises(psycopg.ProgrammingError):
            room.move(rung(ended(1)))
    assert room.rows("select * from ops.raw_archive") == []
    assert room.mover.move().loaded == 1
    assert [path for path in room.archive.files("vendor=twin") if "events" in path] == [
        path for (path,) in room.rows("select path from ops.raw_archive")
    ]


def test_a_damaged_page_is_a_problem_of_its_own_and_the_others_go_on(room: Room) -> None:
    room.move(rung(ended(1)))
    room.conn.execute("update ops.raw_archive set loaded_at = null, sha256 = %s", ("0" * 64,))
    room.conn.commit()
    assert room.mover.begin()
    assert [type(problem).__name__ for problem in room.mover.problems] == ["AuditError"]
    assert room.move(rung(ended(2))).loaded == 1


def test_only_one_moves_at_a_time(room: Room, warehouse_dsn: str, tmp_path: Path) -> None:
    assert room.mover.begin()
    with connect(warehouse_dsn) as other:
        assert not Mover(other, Archive(tmp_path), secret=SECRET).begin()
    room.mover.end()
    with connect(warehouse_dsn) as other:
        assert Mover(other, Archive(tmp_path), secret=SECRET).begin()


def test_old_events_are_forgotten_and_those_that_wait_are_not(room: Room) -> None:
    room.move(rung(ended(1)), b"broken", rung(ended(2, taskId="other")))
    posted(room.conn, rung(ended(3)))
    for days, left in ((4, ["broken", "unknown_task", None]), (31, [None])):
        room.conn.execute("update pii.vendor_event set received_at = now() - make_interval(days => %s)", (days,))
        room.conn.commit()
        room.mover.begin()
        assert [outcome for (outcome,) in room.rows("select outcome from pii.vendor_event order by event_id")] == left


def test_a_step_takes_no_more_bytes_than_it_may(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("obzvon.events.mover.MOST_BYTES", 1500)
    bodies = [rung(ended(n, variables={"long": "x" * size})) for n, size in ((1, 10), (2, 10), (3, 9000), (4, 10))]
    assert room.move(*bodies).loaded == 4
    batches = [batch for (batch,) in room.rows("select batch_id from ops.raw_archive order by archive_id")]
    assert batches == ["event-1", "event-3", "event-4"]


def test_following_moves_what_rings_and_ends_after_the_silence(room: Room) -> None:
    ear = Ear(room.dsn)
    posted(room.conn, rung(ended(1)))
    with connect(room.dsn) as other:
        other.execute("notify obzvon_events, '*'")
    done = follow(room.mover, ear, datetime.now(UTC) + timedelta(minutes=5), quiet=0.2, pace=0)
    ear.close()
    assert (done.loaded, pending(room.conn)) == (1, False)


def test_following_ends_at_its_moment_however_much_comes(room: Room) -> None:
    ear = Ear(room.dsn)
    posted(room.conn, rung(ended(1)))
    assert follow(room.mover, ear, datetime.now(UTC) - timedelta(seconds=1), quiet=60).loaded == 1
    ear.close()
