"""TWIN's analytics in the sandbox."""

from __future__ import annotations

import io
import wave
from datetime import datetime, timedelta
from typing import Any

import pytest
from sandbox_api import CALLS, SESSIONS, Api, at, auto_call, server_time

pytestmark = pytest.mark.stack
LIVE = {"SCHEDULED", "DIAL", "INPROGRESS"}


def done(api: Api, count: int = 20) -> str:
    task = api.task()
    api.load(task, count)
    api.advance(hours=9)
    return task


def test_a_call_goes_from_scheduled_to_its_end_and_updated_at_follows(api: Api) -> None:
    task = api.task()
    api.load(task, 25)
    seen: dict[str, list[tuple[str, str]]] = {}
    for _ in range(60):
        for call in api.get(CALLS, taskId=task, limit=1000).json()["items"]:
            states = seen.setdefault(call["id"], [])
            if not states or states[-1] != (call["status"], call["updatedAt"]):
                states.append((call["status"], call["updatedAt"]))
        api.advance(seconds=5)
    assert any([status for status, _ in states][:3] == ["SCHEDULED", "DIAL", "INPROGRESS"] for states in seen.values())
    assert all([moved for _, moved in states] == sorted(moved for _, moved in states) for states in seen.values())
    order = ["SCHEDULED", "DIAL", "INPROGRESS", "end"]
    for states in seen.values():
        ranks = [order.index(status if status in LIVE else "end") for status, _ in states]
        assert ranks == sorted(ranks)


def test_a_scheduled_call_has_no_start_yet(api: Api) -> None:
    task = api.task()
    api.load(task, 10)
    waiting = [call for call in api.calls(task) if call["status"] == "SCHEDULED"]
    assert waiting
    assert all(call["startedAt"] is None and call["recordPath"] is None for call in waiting)


def test_the_answer_about_one_task_tells_that_tasks_time(api: Api) -> None:
    task = api.task()
    api.load(task)
    api.advance(hours=3)
    assert server_time(api.get(CALLS, taskId=task)) == at("13:00")
    assert server_time(api.get(SESSIONS, taskId=task)) == at("13:00")
    assert abs(server_time(api.get(CALLS)) - datetime.now(at("13:00").tzinfo)) < timedelta(minutes=5)


def test_calls_carry_documented_fields_results_and_recordings(api: Api) -> None:
    task = done(api)
    calls = api.calls(task)
    talk = next(call for call in calls if call["responder"] == "human" and call["dialogResults"])
    assert talk["dialogResults"]["confirmation"] in {"agreed", "refused", "callback", "opt_out", "wrong_party"}
    assert talk["recordPath"].startswith("http")
    assert talk["messagesAsString"].startswith("BOT: ")
    assert talk["price"] > 0
    assert talk["externalId"].startswith("plan-")
    assert {call["responder"] for call in calls if call["status"] == "ANSWERED"} == {"human", "machine"}
    silent = [call for call in calls if call["status"] != "ANSWERED"]
    assert all(call["dialogResults"] is None and call["messages"] == [] and call["price"] == 0 for call in silent)


def test_without_the_detector_nobody_knows_who_answered(api: Api) -> None:
    options = auto_call()["additionalOptions"] | {"detectRobot": False, "detectRobotMode": None, "recordCall": False}
    task = api.task(additionalOptions=options)
    api.load(task, 20)
    api.advance(hours=9)
    calls = api.calls(task)
    assert {call["responder"] for call in calls} == {None}
    assert {call["recordPath"] for call in calls} == {None}


def test_only_the_asked_fields_come(api: Api) -> None:
    task = done(api, 3)
    page = api.get(CALLS, taskId=task, fields="id,status,externalId").json()
    assert {tuple(item) for item in page["items"]} == {("id", "status", "externalId")}


def test_pages_by_offset_and_by_page_are_the_same_and_hold_every_call_once(api: Api) -> None:
    task = done(api, 12)
    count = api.get(CALLS, taskId=task).json()["count"]
    by_offset = [
        item["id"]
        for first in range(0, count, 5)
        for item in api.get(CALLS, taskId=task, limit=5, offset=first, sort="startedAt").json()["items"]
    ]
    by_page = [
        item["id"]
        for page in range(-(-count // 5))
        for item in api.get(CALLS, taskId=task, limit=5, page=page, sort="startedAt").json()["items"]
    ]
    assert by_offset == by_page
    assert len(set(by_offset)) == count > 12


def test_sorting_by_a_documented_field_in_both_directions(api: Api) -> None:
    task = done(api, 12)
    up = [item["duration"] for item in api.get(CALLS, taskId=task, sort="+duration", limit=25).json()["items"]]
    down = [item["duration"] for item in api.get(CALLS, taskId=task, sort="-duration", limit=25).json()["items"]]
    assert up == sorted(up)
    assert down == sorted(down, reverse=True)


def test_one_period_never_shows_more_than_the_record_cap(api: Api) -> None:
    """The test's sandbox is started with a cap of 25; the documented one is 50 000."""
    task = done(api, 60)
    whole = api.get(CALLS, taskId=task, limit=1000).json()
    assert (whole["count"], len(whole["items"])) == (25, 25)
    assert api.get(CALLS, taskId=task, limit=1000, offset=25).json()["items"] == []
    assert len(api.get(CALLS, taskId=task, limit=1000, offset=20).json()["items"]) == 5
    found: dict[str, Any] = {}
    moment = at("10:00")
    while moment < at("20:00"):
        period = {"from": moment.isoformat(), "to": (moment + timedelta(seconds=10)).isoformat()}
        page = api.get(CALLS, taskId=task, limit=1000, dateField="startedAt", **period).json()
        assert page["count"] < 25
        found |= {item["id"]: item for item in page["items"]}
        moment += timedelta(minutes=20) if moment >= at("10:02") else timedelta(seconds=10)
    assert len(found) >= 55


def test_a_period_filters_by_creation_unless_told_otherwise(api: Api) -> None:
    task = done(api, 10)
    start = {"from": at("10:00").isoformat(), "to": at("10:00").isoformat()}
    assert api.get(CALLS, taskId=task, **start).json()["count"] == 10
    assert api.get(CALLS, taskId=task, dateField="startedAt", **start).json()["count"] == 1


def test_calls_are_found_by_phone_status_id_and_external_id(api: Api) -> None:
    task = done(api)
    call = api.calls(task)[0]
    assert [item["id"] for item in api.get(CALLS, id=call["id"]).json()["items"]] == [call["id"]]
    for name in ("phone", "externalId", "status"):
        items = api.get(CALLS, limit=25, **{name: call[name]}).json()["items"]
        assert {item[name] for item in items} == {call[name]}
    two = api.get(CALLS, taskId=task, status="NOANSWER,BUSY", limit=25).json()["items"]
    assert {item["status"] for item in two} <= {"NOANSWER", "BUSY"}


@pytest.mark.parametrize(
    "params",
    [
        {"fields": "id,colour"},
        {"limit": 1001},
        {"page": 1, "offset": 10},
        {"sort": "phone"},
        {"from": "2030-01-15"},
        {"colour": "red"},
        {"dateField": "deletedAt"},
    ],
)
def test_a_question_the_document_does_not_know_is_refused(api: Api, params: dict[str, Any]) -> None:
    assert api.get(CALLS, **params).status_code == 400


def test_an_unknown_task_has_no_calls_but_a_404(api: Api) -> None:
    assert api.get(CALLS, taskId="00000000-0000-4000-8000-0000000000ff").status_code == 404


def test_sessions_tell_what_was_said_under_the_calls_own_id(api: Api) -> None:
    task = done(api, 10)
    call = next(call for call in api.calls(task) if call["dialogResults"])
    (session,) = api.get(SESSIONS, id=call["id"], taskId=task).json()["items"]
    assert session["currentStatusName"] == call["status"]
    assert session["number"] == call["phone"]
    assert session["results"] == call["dialogResults"]
    assert session["messagesAsString"] == call["messagesAsString"]
    assert [turn["author"] for turn in session["messages"]][:2] == ["BOT", "CLIENT"]


def test_recordings_come_minutes_after_the_call(api: Api) -> None:
    task = api.task()
    api.load(task, 30)
    api.advance(minutes=1, seconds=30)
    fresh = [call for call in api.calls(task) if call["status"] == "ANSWERED"]
    assert fresh
    assert all(call["recordPath"] is None for call in fresh)
    api.advance(minutes=20)
    later = {call["id"]: call for call in api.calls(task)}
    assert all(later[call["id"]]["recordPath"] for call in fresh if call["id"] in later)
    assert all(later[call["id"]]["updatedAt"] > call["updatedAt"] for call in fresh if call["id"] in later)


def test_a_recording_is_a_wav_that_is_there_when_its_link_is_shown(api: Api) -> None:
    task = api.task()
    api.load(task, 30)
    api.advance(minutes=1, seconds=30)
    fresh = next(call["id"] for call in api.calls(task) if call["status"] == "ANSWERED")
    assert api.http.get(f"/twin/records/{fresh}.wav").status_code == 404
    api.advance(minutes=20)
    link = next(call["recordPath"] for call in api.calls(task) if call["id"] == fresh)
    first, second = api.http.get(link), api.http.get(link)
    with wave.open(io.BytesIO(first.content)) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (8000, 1)
        assert sound.getnframes() > 0
    assert (first.headers["content-type"], first.content) == ("audio/wav", second.content)
    assert api.http.get(f"/dialog/records/{fresh}.wav").status_code == 404
    api.fault("twin", "record", path="/records/", login=True, times=2)
    assert api.http.get(link).status_code == 401
    assert api.get(link.removeprefix(str(api.http.base_url).rstrip("/"))).status_code == 200
