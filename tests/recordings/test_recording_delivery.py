"""Qolio gets signed links to copies; a call whose recording is not there waits where everybody sees it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from recording_scene import CALLS, Scene

from obzvon.checks.contracts import contracts
from obzvon.errors import AuditError, ConfigError
from obzvon.recordings.links import Links, page_link, signing_key
from obzvon.recordings.settings import Recordings
from obzvon.stages.audit import audit
from obzvon.stages.checks import evaluate

pytestmark = pytest.mark.stack
BASE = "https://obzvon.example.ru/obzvon/recordings"


def signed(expires: int = 2_000_000_000) -> Links:
    """Links as they are signed at some moment."""
    key = signing_key(b"k" * 32)
    return Links("page", lambda path: page_link(BASE, key, path, expires))


def recorded(scene: Scene) -> tuple[bool, int, str | None]:
    """What the audit says of conversations with a recording: holds, explained, explanation."""
    with suppress(AuditError):  # the scene has no archive
        audit(scene.conn, scene.world.plan_id)
    found = scene.conn.execute(
        "select holds, explained, explanation from ops.audit_check where check_name = 'recorded'"
    ).fetchall()
    scene.conn.commit()
    (row,) = found
    return row


async def test_a_late_recording_is_delivered_later_once_with_its_signed_link(scene: Scene) -> None:
    late = scene.calls[0]
    scene.fault(late, "record", late=100 * 3600)
    assert (await scene.copy()).missing == 1
    assert scene.said() == {late: ("MISSING", "it is not there yet (HTTP 404)")}
    first = await scene.deliver(signed())
    assert (first.sent, first.late, first.skipped) == (CALLS - 1, 1, 0)
    assert scene.deliveries()[late] == ("SKIPPED", "recording_late")
    assert recorded(scene) == (True, 1, "1 without the copy they wait for")

    scene.admin("POST", "clock", json={"advance_seconds": 101 * 3600})
    assert (await scene.copy()).copied == 1
    second = await scene.deliver(signed(2_100_000_000))  # signed anew: the sound is the same, so nothing is sent again
    assert (second.sent, second.unchanged, second.late) == (1, CALLS - 1, 0)
    assert (await scene.deliver(signed(2_200_000_000))).unchanged == CALLS
    calls = scene.qolio()
    assert {call["writes"] for call in calls.values()} == {1}
    path = scene.rows()[late]["path"]
    assert calls[f"dialog:{late}"]["body"]["media_url"] == signed(2_100_000_000).address(path)
    assert path.removeprefix("recordings/") in calls[f"dialog:{late}"]["body"]["media_url"]
    assert recorded(scene) == (True, 0, None)
    moved = Links("page elsewhere", signed().address)
    assert (await scene.deliver(moved)).sent == CALLS  # links of another address or key replace the old ones


async def test_a_link_that_never_comes_is_waited_for_reported_and_then_goes_as_the_file_says(scene: Scene) -> None:
    gone, unlinked, unanswered, *_ = scene.calls
    scene.fault(gone, "answer", status=410)
    without = "update dwh.fact_call_attempt set record_url = null, has_record = false"
    scene.run(f"{without} where vendor_call_id = %s", unlinked)
    scene.run(f"{without}, disposition_code = 'NO_ANSWER' where vendor_call_id = %s", unanswered)
    assert (await scene.copy()).missing == 1
    assert scene.said() == {
        gone: ("MISSING", "the link has expired (HTTP 410)"),
        unlinked: ("MISSING", "the vendor's report has no link to it yet"),
    }
    assert (await scene.deliver(signed())).late == 2
    assert overdue(scene) == 0

    scene.run("update ops.recording set first_tried_at = now() - interval '49 hours' where state = 'MISSING'")
    assert overdue(scene) == 2
    assert (await scene.deliver(signed())).late == 0
    assert {call: scene.deliveries()[call] for call in (gone, unlinked)} == dict.fromkeys(
        (gone, unlinked), ("SKIPPED", "recording_never_came")
    )
    assert recorded(scene)[0]
    change(scene, after_deadline="wait")
    assert (await scene.deliver(signed())).late == 2
    change(scene, after_deadline="link")
    assert (await scene.deliver(signed())).sent == 1
    assert scene.qolio()[f"dialog:{gone}"]["body"]["media_url"] == scene.links[gone]

    scene.sound()
    assert (await scene.copy()).copied == 1
    assert (await scene.deliver(signed())).sent == 1
    assert scene.qolio()[f"dialog:{gone}"]["body"]["media_url"].startswith(BASE)


def change(scene: Scene, **settings: object) -> None:
    rules = Recordings.model_validate(scene.spec.recordings.model_dump() | settings)
    scene.spec = scene.spec.model_copy(update={"recordings": rules})


def overdue(scene: Scene) -> int:
    """Calls that the data checks warn of."""
    now = scene.conn.execute("select now()").fetchall()[0][0]
    found = [r.failed for r in evaluate(scene.conn, contracts(), now=now) if r.rule == "recordings_come"]
    scene.conn.commit()
    return found[0]


async def test_a_campaign_that_copies_sends_nothing_before_it_is_known_how_copies_are_shown(scene: Scene) -> None:
    await scene.copy()
    with pytest.raises(ConfigError, match=r"`recordings\.mode` is copy"):
        await scene.deliver(None)
    assert scene.deliveries() == {}


async def test_a_campaign_that_links_asks_for_no_recording(scene: Scene) -> None:
    change(scene, mode="link")
    assert (await scene.copy()).copied == 0
    assert (scene.asked(), scene.rows()) == ([], {})
