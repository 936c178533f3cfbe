"""What the sandbox can be told to do wrong, and what its journal says about it."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest
from sandbox_api import AUTO_CALL, BATCH, LOGIN, QOLIO_CALLS, TWIN_PASSWORD, Api, candidate, dialog_campaign, phone_call

pytestmark = pytest.mark.stack
CAMPAIGNS = "/dialog/api/campaigns"


def test_a_connection_dropped_before_handling_leaves_nothing_done(api: Api) -> None:
    api.fault("dialog", "drop_before", path="/campaigns$")
    with pytest.raises(httpx.RemoteProtocolError):
        api.post(CAMPAIGNS, dialog_campaign())
    assert api.look("campaigns") == []
    assert api.post(CAMPAIGNS, dialog_campaign()).status_code == 200


def test_a_connection_dropped_after_handling_leaves_it_done(api: Api) -> None:
    api.fault("dialog", "drop_after", path="/campaigns$")
    with pytest.raises(httpx.RemoteProtocolError):
        api.post(CAMPAIGNS, dialog_campaign())
    assert [made["contacts"] for made in api.look("campaigns")] == [20]
    (entry,) = api.look("requests", path="/campaigns")
    assert (entry["status"], entry["fault"]) == (None, "drop_after")


def test_an_answer_can_break_off_in_the_middle(api: Api) -> None:
    api.fault("twin", "truncate")
    with pytest.raises(httpx.RemoteProtocolError):
        api.get(AUTO_CALL)
    assert api.get(AUTO_CALL).status_code == 200


def test_a_proxys_html_page_can_stand_before_the_vendor(api: Api) -> None:
    api.fault("qolio", "answer", status=502, body="<html><h1>502 Bad Gateway</h1></html>")
    answer = api.post(QOLIO_CALLS, phone_call())
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert api.look("qolio/calls") == []


def test_a_proxy_can_answer_for_a_vendor_that_has_done_it(api: Api) -> None:
    api.fault("dialog", "answer", status=502, body="<html></html>", handled=True)
    assert api.post(CAMPAIGNS, dialog_campaign()).status_code == 502
    assert len(api.look("campaigns")) == 1


def test_a_scripted_json_answer(api: Api) -> None:
    api.fault("twin", "answer", status=200, body={"id": 17})
    answer = api.post(AUTO_CALL, {})
    assert (answer.status_code, answer.json(), answer.headers["content-type"]) == (200, {"id": 17}, "application/json")


def test_retry_after_as_seconds_and_as_a_date(api: Api) -> None:
    api.fault("twin", "too_many", retry_after=2)
    api.fault("twin", "too_many", retry_after=120, as_date=True)
    seconds, date = api.get(AUTO_CALL), api.get(AUTO_CALL)
    assert (seconds.status_code, seconds.headers["retry-after"]) == (429, "2")
    wait = parsedate_to_datetime(date.headers["retry-after"]) - datetime.now(UTC)
    assert timedelta(seconds=60) < wait <= timedelta(seconds=120)


def test_a_delay_only_delays(api: Api) -> None:
    api.fault("twin", "delay", delay=0.3)
    began = time.monotonic()
    assert api.get(AUTO_CALL).status_code == 200
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize(("vendor", "path"), [("dialog", "/dialog/api/analytics/1/report"), ("twin", AUTO_CALL)])
def test_tokens_can_die_at_once_and_a_new_login_helps(api: Api, vendor: str, path: str) -> None:
    api.fault(vendor, "token_death")
    ask = (lambda: api.post(path, {})) if vendor == "dialog" else (lambda: api.get(path))
    assert [ask().status_code, ask().status_code] == [401, 401]
    api.sign_in()
    assert ask().status_code != 401


def test_contacts_of_a_batch_can_be_lost_silently(api: Api) -> None:
    task = api.task()
    api.fault("twin", "lose_items", path="batch", items=3)
    sent = {"forceStart": False, "batch": [candidate(task, number) for number in range(10)]}
    assert api.post(BATCH, sent).status_code == 200
    assert api.get(f"{AUTO_CALL}/{task}").json()["candidateCount"] == 7
    (entry,) = api.look("requests", path="batch")
    assert entry["body"] == sent


def test_a_script_strikes_only_what_it_names_only_so_often(api: Api) -> None:
    api.fault("twin", "answer", status=503, method="GET", path="/autoCall$", skip=1, times=2)
    assert api.post(AUTO_CALL, {}).status_code == 400
    assert [api.get(AUTO_CALL).status_code for _ in range(4)] == [200, 503, 503, 200]
    (script,) = api.look("faults")
    assert (script["hits"], script["times"]) == (2, 2)


def test_scripts_are_taken_back(api: Api) -> None:
    api.fault("twin", "answer", status=503, times=99)
    api.http.delete("/_sandbox/faults").raise_for_status()
    assert (api.look("faults"), api.get(AUTO_CALL).status_code) == ([], 200)


@pytest.mark.parametrize(
    "script",
    [
        {"vendor": "acme", "do": "delay"},
        {"vendor": "twin", "do": "explode"},
        {"vendor": "twin", "do": "delay", "path": "("},
    ],
)
def test_a_script_that_makes_no_sense_is_refused(api: Api, script: dict[str, str]) -> None:
    assert api.http.post("/_sandbox/faults", json=script).status_code == 422


def test_the_journal_keeps_every_body_with_its_hash_but_no_password(api: Api) -> None:
    entries = api.look("requests")
    assert [entry["path"] for entry in entries] == ["/dialog/api/login/", "/twin/iam/api/v1/auth/login"]
    form, login = (entry["body"] for entry in entries)
    assert "password=***" in form
    assert login == {"email": LOGIN, "password": "***", "ttl": 3600}
    raw = f'{{"email":"{LOGIN}","password":"{TWIN_PASSWORD}","ttl":3600}}'.encode()
    assert entries[1]["sha256"] == hashlib.sha256(raw).hexdigest()


def test_the_journal_is_read_in_pages_and_by_vendor_and_path(api: Api) -> None:
    for _ in range(3):
        api.get(AUTO_CALL)
    first = api.look("requests", vendor="twin", path="autoCall", limit=2)
    rest = api.look("requests", vendor="twin", path="autoCall", after=first[-1]["id"], bodies=False)
    assert [len(first), len(rest)] == [2, 1]
    assert rest[0]["body"] is None


def test_dials_are_shown_only_when_their_time_has_come(api: Api) -> None:
    campaign = api.dialog_campaign(50)
    task = api.task()
    api.load(task, 50)
    early = api.look("dials")
    api.advance(hours=9)
    late = api.look("dials")
    assert len(early) < 10 < 100 <= len(late)
    assert {dial["vendor"] for dial in late} == {"dialog", "twin"}
    assert {dial["task_id"] for dial in api.look("dials", vendor="dialog")} == {str(campaign)}
    assert {dial["task_id"] for dial in api.look("dials", task=task)} == {task}
    table = api.http.get("/_sandbox/dials.csv", params={"task": task}).text.splitlines()
    assert len(table) == 1 + len(api.look("dials", task=task))
    assert table[0].startswith("vendor,task_id,")


def test_dials_report_and_call_list_agree_to_the_row(api: Api) -> None:
    campaign, task = api.dialog_campaign(100), api.task()
    api.load(task, 20)
    api.advance(hours=9)
    dials = {dial["call_id"]: dial for dial in api.look("dials")}
    rows = {row["call_id"] for row in api.report(campaign).json()["data"]}
    calls = {call["id"]: call["status"] for call in api.calls(task, sort="startedAt")}
    assert rows == {key for key, dial in dials.items() if dial["vendor"] == "dialog"}
    assert all(dials[key]["status"] == status for key, status in calls.items())


def test_the_clock_can_be_run_stopped_and_pushed(api: Api) -> None:
    assert api.look("clock")["speed"] == 0
    api.admin("clock", {"speed": 3600})
    assert api.look("clock")["speed"] == 3600
    api.admin("clock", {"speed": 0})
    stood = api.look("clock")["elapsed"]
    api.advance(hours=1)
    assert api.look("clock")["elapsed"] == stood + 3600
    assert api.http.post("/_sandbox/clock", json={"speed": -1}).status_code == 422


def test_the_page_explains_and_counts_without_anything_from_outside(api: Api) -> None:
    api.dialog_campaign(7)
    page = api.http.get("/")
    assert page.headers["content-type"].startswith("text/html")
    for word in ("sandbox-dialog-password", "/twin/cis/api/v1/telephony/autoCall", "drop_after", "Опрос [af:0a1b2c3d]"):
        assert word in page.text
    assert "src=" not in page.text
    assert "<link" not in page.text
    assert api.http.get("/docs").status_code == 404


def test_a_campaigns_name_is_no_markup_on_the_page(api: Api) -> None:
    body = dialog_campaign()
    body["campaign"]["name"] = "<script>alert(1)</script>"
    api.post(CAMPAIGNS, body)
    assert "<script>alert" not in api.http.get("/").text
