"""Events hold phones: an erasure finds them in the inbox and in the archive, and a replay without them is the same."""

from __future__ import annotations

import psycopg
import pytest
from event_bodies import TASK, ended, rung
from launching import forced
from loading import SECRET
from test_mover import Room, room

from obzvon.events.tidy import forget
from obzvon.stages.erase import erase

__all__ = ["room"]

PHONE, OTHER = "+79160000001", "+79160000002"


@pytest.fixture
def told(room: Room) -> Room:
    """Calls of two people that only events tell, of an intent that is over, and bodies of no use."""
    for phone, row in ((PHONE, 1), (OTHER, 2)):
        room.conn.execute(
            "insert into pii.phone select phone_key, %s from ops.plan_contact where row_no = %s", (phone, row)
        )
    room.move(
        rung(ended(1, 1)), rung(ended(2, 2)), rung(ended(3, 1, taskId="other", variables={"имя": "Я"})),
        rung(ended(4, 2, taskId="other")), "не JSON: тел.89160000001".encode(), b"\xff\xfe 8 (916) 000-00-01",
        b'{"event":"CANDIDATE_CHANGED","taskId":"' + TASK.encode() + b'","lastCallId":"k1"}',
    )  # fmt: skip
    forced(room.conn, "update ops.campaign_intent set state = 'final', final_at = now()")
    room.conn.commit()
    return room


def kept(conn: psycopg.Connection) -> list[tuple[int, str]]:
    rows = conn.execute("select event_id, outcome from pii.vendor_event where body is not null order by 1").fetchall()
    conn.commit()
    return [(event_id, outcome) for event_id, outcome in rows]


def test_a_persons_events_leave_inbox_and_archive_and_others_stay(told: Room) -> None:
    counts = erase(told.dsn, told.archive, PHONE, secret=SECRET).counts
    assert (counts["pii.vendor_event"], counts["archive records"], counts["pii.dialog_turn"]) == (4, 1, 2)
    assert kept(told.conn) == [(4, "unknown_task")]
    ((path, sha),) = told.rows("select path, sha256 from ops.raw_archive")
    with told.archive.open(path, sha) as page:
        left = page.read()
    assert b"9160000001" not in left
    assert rung(ended(2, 2)) in left
    told.conn.execute("delete from dwh.fact_call_attempt")
    told.conn.execute("update ops.raw_archive set loaded_at = null")
    told.conn.commit()
    assert told.mover.begin()
    assert told.rows("select vendor_call_id from dwh.fact_call_attempt") == [("k2",)]
    assert erase(told.dsn, told.archive, PHONE, secret=SECRET).counts["pii.vendor_event"] == 0


def test_an_event_that_comes_after_the_erasure_is_no_call(told: Room) -> None:
    erase(told.dsn, told.archive, PHONE, secret=SECRET)
    assert told.move(rung(ended(9, 1))).loaded == 0


def test_what_waits_is_not_forgotten(told: Room) -> None:
    told.conn.execute("update pii.vendor_event set received_at = now() - interval '31 days'")
    told.conn.execute("update pii.vendor_event set outcome = null, body = 'x' where event_id = 1")
    assert forget(told.conn) == 6
    assert told.rows("select event_id from pii.vendor_event") == [(1,)]
