"""TWIN's tasks and candidates in the sandbox."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sandbox_api import (
    AUTO_CALL,
    BATCH,
    BETA,
    BOT,
    DAY,
    LOGIN,
    TWIN_PASSWORD,
    Api,
    at,
    auto_call,
    beta_task,
    candidate,
    changed,
    server_time,
)

pytestmark = pytest.mark.stack


def test_the_token_tells_its_own_end_and_is_renewed_by_its_refresh_token(api: Api) -> None:
    body = {"email": LOGIN, "password": TWIN_PASSWORD, "ttl": 60}
    pair = api.http.post("/twin/iam/api/v1/auth/login", json=body).json()
    middle = pair["token"].split(".")[1]
    claims = json.loads(urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    assert claims["exp"] - claims["iat"] == 60
    assert {"sub", "company_id", "version"} <= claims.keys()
    again = api.http.post("/twin/iam/api/v1/auth/refresh", json={"refreshToken": pair["refreshToken"]}).json()
    me = api.http.get("/twin/iam/api/v1/users/me", headers={"Authorization": f"Bearer {again['token']}"})
    assert me.json()["email"] == LOGIN
    bad = api.http.post("/twin/iam/api/v1/auth/refresh", json={"refreshToken": "nonsense"})
    assert (bad.status_code, bad.json().keys()) == (401, {"error", "details"})


def test_a_dead_token_is_told_by_the_documented_words(api: Api) -> None:
    api.fault("twin", "token_death")
    answer = api.get(AUTO_CALL)
    assert (answer.status_code, answer.json()["error"]) == (401, "Token is expired.")


def test_wrong_password_and_no_token_are_unauthorised(api: Api) -> None:
    wrong = api.http.post("/twin/iam/api/v1/auth/login", json={"email": LOGIN, "password": "no"})
    assert wrong.status_code == 401
    assert api.http.get(AUTO_CALL).status_code == 401


def test_a_task_gets_a_nested_id_and_is_journalled_as_sent(api: Api) -> None:
    task = api.task()
    (entry,) = api.look("requests", vendor="twin", method="POST", path="autoCall")
    assert entry["body"] == auto_call()
    shown = api.get(f"{AUTO_CALL}/{task}").json()
    assert (shown["id"], shown["status"], shown["candidateCount"]) == ({"identity": task}, "BLANK", 0)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", ""),
        ("defaultExec", "bot"),
        ("defaultExecData", "not-a-uuid"),
        ("defaultExecData", "00000000-0000-4000-8000-000000000001"),
        ("secondExec", "transfer"),
        ("secondExec", "ch"),
        ("cidData", ...),
        ("cidData", "79001234567"),
        ("startType", "now"),
        ("startMoment", ...),
        ("startMoment", ""),
        ("startMoment", "2030-01-15T10:00:00+03:00"),
        ("startMoment", "2030-02-30 10:00"),
        ("startMoment", "2020-01-15 10:00"),
        ("cps", "1.01"),
        ("cps", 3),
        ("cps", 1.015),
        ("callStrategy", "RANDOM"),
        ("phoneNormalization", "ru"),
        ("normalizationErrorAction", "skip"),
        ("lifetime", 0),
        ("webhookUrls", "https://example.org"),
        ("webhookUrls", [{"url": "https://example.org", "events": {"NO_SUCH": {"name": "NO_SUCH", "value": True}}}]),
        ("additionalOptions", ...),
        ("additionalOptions.fullListMethod", "accept"),
        ("additionalOptions.allowCallTimeFrom", 72001),
        ("additionalOptions.allowCallTimeTo", 86400),
        ("additionalOptions.detectRobotMode", "BACK"),
        ("additionalOptions.unknown", 1),
        ("redialStrategyOptions", ...),
        ("redialStrategyOptions.busy", {"redial": True, "count": 2}),
        ("redialStrategyOptions.candidateLimit", 3),
        ("botId", BOT),
    ],
)
def test_a_task_that_breaks_the_document_is_refused(api: Api, path: str, value: Any) -> None:
    answer = api.post(AUTO_CALL, changed(auto_call(), path, value))
    assert answer.status_code == 400, answer.text
    assert answer.json().keys() == {"error", "details"}
    assert api.get(AUTO_CALL).json()["count"] == 0


@pytest.mark.parametrize(
    "hooks", [["https://example.org/hook"], [{"url": "https://example.org", "partialResults": True, "delay": 4}]]
)
def test_both_forms_of_webhooks_are_taken(api: Api, hooks: list[Any]) -> None:
    assert api.post(AUTO_CALL, auto_call(webhookUrls=hooks)).status_code == 200


def test_start_by_time_is_read_in_the_companys_zone_and_needs_no_play(api: Api) -> None:
    task = api.task()
    api.load(task)
    shown = api.get(f"{AUTO_CALL}/{task}")
    assert (shown.json()["status"], server_time(shown)) == ("PROCESS", at("10:00"))


def test_a_manual_task_waits_for_play(api: Api) -> None:
    task = api.task(startType="manual", startMoment="")
    api.load(task)
    api.advance(hours=5)
    assert (api.status(task), api.look("dials")) == ("READY", [])
    assert api.post(f"{AUTO_CALL}/{task}/play").status_code == 200
    assert api.status(task) == "PROCESS"


def test_force_start_starts_a_manual_task_with_its_candidates(api: Api) -> None:
    task = api.task(startType="manual", startMoment="")
    api.load(task, force=True)
    assert api.status(task) == "PROCESS"


def test_play_before_the_scheduled_moment_dials_at_once(api: Api) -> None:
    task = api.task(additionalOptions={"useTr": False, "fullListMethod": "reject"})
    api.load(task)
    api.post(f"{AUTO_CALL}/{task}/play")
    (first,) = api.look("dials")
    assert datetime.fromisoformat(first["dial_at"]) < at("00:00") - timedelta(hours=12)


def test_pause_lets_calls_end_and_play_goes_on(api: Api) -> None:
    task = api.task()
    api.load(task, 120)
    api.advance(seconds=30)
    api.post(f"{AUTO_CALL}/{task}/pause")
    begun = len(api.look("dials"))
    api.advance(hours=1)
    assert (api.status(task), len(api.look("dials"))) == ("PAUSED", begun)
    assert {call["status"] for call in api.calls(task)} >= {"SCHEDULED"}
    api.post(f"{AUTO_CALL}/{task}/play")
    api.advance(hours=8)
    assert api.status(task) == "FINISHED"
    assert {dial["external_id"] for dial in api.look("dials")} == {f"plan-{n}" for n in range(120)}


def test_halted_stops_for_good_and_tells_who_was_not_called(api: Api) -> None:
    task = api.task()
    api.load(task, 100)
    api.advance(seconds=30)
    api.post(f"{AUTO_CALL}/{task}/halted")
    before = [dial for dial in api.look("dials") if dial["dialed"]]
    api.advance(hours=8)
    assert api.status(task) == "HALTED"
    assert len([dial for dial in api.look("dials") if dial["dialed"]]) == len(before)
    assert {call["status"] for call in api.calls(task)}.isdisjoint({"SCHEDULED", "DIAL", "INPROGRESS"})
    reached = {dial["external_id"] for dial in before}
    assert {call["externalId"] for call in api.calls(task, status="CANCEL")}.isdisjoint(reached)
    assert api.post(f"{AUTO_CALL}/{task}/play").status_code == 400
    assert api.post(BATCH, {"batch": [candidate(task, 500)]}).status_code == 400


def test_a_lifetime_that_runs_out_halts_the_task(api: Api) -> None:
    task = api.task(lifetime=60)
    api.load(task, 100)
    api.advance(hours=1)
    assert api.status(task) == "HALTED"
    assert max(datetime.fromisoformat(dial["dial_at"]) for dial in api.look("dials")) <= at("10:01")


def test_a_task_whose_work_is_done_is_finished(api: Api) -> None:
    task = api.task()
    api.load(task)
    api.advance(hours=9)
    assert api.status(task) == "FINISHED"


def test_the_list_finds_a_task_by_its_marker_and_pages_by_page_or_offset(api: Api) -> None:
    tasks = [api.task(name=f"Опрос {n} [af:0000000{n}]") for n in range(5)]
    found = api.get(AUTO_CALL, keyword="[AF:00000003]").json()
    assert (found["count"], found["items"][0]["id"]) == (1, {"identity": tasks[3]})
    pages = [api.get(AUTO_CALL, page=page, limit=2, sort="createdAt").json()["items"] for page in range(3)]
    offsets = [api.get(AUTO_CALL, offset=2 * page, limit=2, sort="createdAt").json()["items"] for page in range(3)]
    assert pages == offsets
    assert {item["id"]["identity"] for page in pages for item in page} == set(tasks)
    assert api.get(AUTO_CALL, status="READY,PROCESS").json()["count"] == 0
    assert api.get(AUTO_CALL, status="BLANK").json()["count"] == 5
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="milliseconds")
    assert api.get(AUTO_CALL, **{"from": yesterday}).json()["count"] == 5
    assert api.get(AUTO_CALL, to=yesterday).json()["count"] == 0


@pytest.mark.parametrize(
    "params",
    [
        {"page": 0, "offset": 0},
        {"limit": 1001},
        {"limit": 0},
        {"page": -1},
        {"from": "yesterday"},
        {"sort": "color"},
        {"unknown": 1},
    ],
)
def test_a_list_asked_against_the_document_is_refused(api: Api, params: dict[str, Any]) -> None:
    assert api.get(AUTO_CALL, **params).status_code == 400


def test_a_candidate_sent_twice_is_taken_once(api: Api) -> None:
    task = api.task()
    api.load(task, 10)
    api.load(task, 12)
    assert api.get(f"{AUTO_CALL}/{task}").json()["candidateCount"] == 12


def test_candidates_that_come_before_the_real_start_are_dialled_from_the_start(api: Api) -> None:
    task = api.task()
    api.load(task, 10)
    api.advance(hours=30)
    api.load(task, 10, first=10)
    api.advance(hours=9)
    dials = api.look("dials")
    assert {dial["external_id"] for dial in dials} == {f"plan-{n}" for n in range(20)}
    assert all(dial["dial_at"].startswith(DAY.isoformat()) for dial in dials)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("phone", "79120000001"),
        ("phone", []),
        ("phone", ["+79120000001"]),
        ("phone", ["8 912 000-00-01"]),
        ("autoCallId", ...),
        ("autoCallId", "17"),
        ("clientExternalId", 17),
        ("timezone", 180),
        ("timezone", "10800"),
        ("variables", ["Анна"]),
        ("variables", {"deep": {"a": 1}}),
        ("name", "Анна"),
    ],
)
def test_one_wrong_candidate_refuses_the_whole_batch(api: Api, path: str, value: Any) -> None:
    task = api.task()
    batch = [candidate(task, 1), changed(candidate(task, 2), path, value)]
    assert api.post(BATCH, {"forceStart": False, "batch": batch}).status_code == 400
    assert api.get(f"{AUTO_CALL}/{task}").json()["candidateCount"] == 0


def test_an_unknown_task_takes_no_candidates(api: Api) -> None:
    nowhere = "00000000-0000-4000-8000-0000000000ff"
    assert api.post(BATCH, {"batch": [candidate(nowhere, 1)]}).status_code == 404


def test_the_single_endpoint_takes_the_bare_candidate_only(api: Api) -> None:
    task = api.task()
    assert api.post(f"{AUTO_CALL}Candidate", {"batch": [candidate(task, 1)]}).status_code == 400
    assert api.post(f"{AUTO_CALL}Candidate", candidate(task, 1)).status_code == 200
    assert api.get(f"{AUTO_CALL}/{task}").json()["candidateCount"] == 1


def test_a_number_taken_back_is_not_dialled(api: Api) -> None:
    task = api.task()
    api.load(task, 50)
    cancel = f"{AUTO_CALL}Candidate/cancel?autoCallId={task}&phone=79120000040"
    assert api.post(cancel).status_code == 200
    assert api.post(cancel).status_code == 404
    api.advance(hours=9)
    (call,) = api.calls(task, phone="79120000040")
    assert (call["status"], call["startedAt"]) == ("CANCEL", None)
    assert not [dial for dial in api.look("dials") if dial["phone"] == "79120000040" and dial["dialed"]]


def test_the_beta_pages_example_is_accepted_and_gets_a_flat_id(api: Api) -> None:
    answer = api.post(BETA, beta_task())
    assert isinstance(answer.json()["id"], str), answer.text
    (entry,) = api.look("requests", vendor="twin", path="/beta/tasks")
    assert entry["body"] == beta_task()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("intensity", 0),
        ("intensity", 6),
        ("intensity", 1.5),
        ("amd", {"enabled": True, "mode": "BLOCK", "file": None}),
        ("amd", {"enabled": True, "mode": "BACK", "file": "/greeting.wav"}),
        ("amd.mode", "blok"),
        ("defaultCallerId.data", "7913391204779996662211"),
        ("defaultCallerId", {"type": "Default", "data": "79996662211", "additional": None}),
        ("defaultCallerId.additional", "x"),
        ("defaultRedirect", {"type": "Transfer", "data": None, "additional": None}),
        ("defaultRedirect", {"type": "Transfer", "data": "op", "additional": "more"}),
        ("scheduledAt", "15.01.2030 10:00"),
        ("scheduledAt", "2030-01-15T10:00:00"),
        ("scheduledAt", "2020-01-15T10:00:00+03:00"),
        ("allowedTimeRange", {"from": 72000, "to": 32400}),
        ("allowedTimeRange.to", 86400),
        ("phoneNormalization", "kz"),
        ("recallRules.BUSY", {"enabled": True, "tries": None, "interval": 900}),
        ("recallRules.NOT_SUCCESSFUL", {"enabled": True, "tries": 1, "interval": 900, "duration": None}),
        ("recallRules.ANSWERED", {"enabled": False}),
        ("isTest", 0),
        ("botId", ...),
        ("botId", "00000000-0000-4000-8000-000000000001"),
        ("dialplanId", ...),
        ("name", ...),
    ],
)
def test_a_beta_task_that_breaks_the_document_is_refused(api: Api, path: str, value: Any) -> None:
    assert api.post(BETA, changed(beta_task(), path, value)).status_code == 400


def test_letter_case_of_beta_enums_is_not_judged(api: Api) -> None:
    task = changed(beta_task(), "defaultCallerId.type", "Custom ")
    assert api.post(BETA, changed(task, "amd.mode", "back")).status_code == 200


def test_a_beta_task_without_a_moment_starts_when_numbers_are_loaded(api: Api) -> None:
    body = beta_task(scheduledAt=None, allowedTimeRange={"from": 0, "to": 86399})
    task = api.post(BETA, body).json()["id"]
    assert api.look("dials") == []
    answer = api.post(f"{BETA}/{task}/candidates", {"forceStart": False, "batch": [candidate(None, 1)]})
    assert answer.status_code == 200, answer.text
    (dial,) = api.look("dials")
    assert abs(datetime.fromisoformat(dial["dial_at"]) - datetime.now(UTC)) < timedelta(minutes=5)


def test_a_scheduled_beta_task_dials_in_the_subscribers_hours(api: Api) -> None:
    task = api.post(BETA, beta_task()).json()["id"]
    vladivostok = {"timezone": 36000}
    batch = [candidate(task, 1), candidate(task, 2, **vladivostok)]
    api.post(f"{BETA}/{task}/candidates", {"batch": batch})
    api.advance(hours=48)
    dials = {dial["external_id"]: datetime.fromisoformat(dial["dial_at"]) for dial in reversed(api.look("dials"))}
    assert dials["plan-1"] == at("10:00")
    assert dials["plan-2"] == at("10:00") + timedelta(seconds=1)


def test_the_families_do_not_see_each_others_tasks(api: Api) -> None:
    beta = api.post(BETA, beta_task()).json()["id"]
    assert api.get(f"{AUTO_CALL}/{beta}").status_code == 404
    assert api.get(AUTO_CALL).json()["count"] == 0
    assert api.post(BATCH, {"batch": [candidate(beta, 1)]}).status_code == 404
