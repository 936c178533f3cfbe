"""Dialog in the sandbox: as strict as its book, and a report that grows with virtual time."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sandbox_api import DAY, Api, at, changed, dialog_campaign, dialog_report, server_time

from obzvon.sandbox.dialog.report import COLUMNS, RESULTS, STATUSES

pytestmark = pytest.mark.stack
ZONE = "Asia/Yekaterinburg"
CAMPAIGNS = "/dialog/api/campaigns"


def test_the_documents_example_is_accepted_and_journalled_field_by_field(api: Api) -> None:
    example = dialog_campaign(1, start_time="09:00", end_time="17:00", attempts={"id": 1, "title": "1"}, interval="5")
    example["phones"] = [
        {"phone": "+79999999999", "add_data": {"name": "Иванов Иван", "time": "10:00", "phone": 123456}}
    ]
    answer = api.post(CAMPAIGNS, example)
    assert answer.json() == {"campaign": {"id": 12345}}
    (entry,) = api.look("requests", vendor="dialog", path="/campaigns")
    assert (entry["status"], entry["body"]) == (200, example)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("campaign.schedule.attempts", {"id": 6, "title": "6"}),
        ("campaign.schedule.attempts", {"id": 2, "title": "3"}),
        ("campaign.schedule.attempts", {"id": "2", "title": "2"}),
        ("campaign.schedule.attempts.title", 3),
        ("campaign.schedule.periods", {"id": 2, "title": "Ежедневно"}),
        ("campaign.schedule.interval", 15),
        ("campaign.schedule.interval", "soon"),
        ("campaign.schedule.date", "15.01.2030"),
        ("campaign.schedule.date", "2030-02-30"),
        ("campaign.schedule.start_time", "9:00"),
        ("campaign.schedule.end_time", "08:00"),
        ("campaign.schedule.end_time", ...),
        ("campaign.schedule", ...),
        ("campaign.state", "Запущено"),
        ("campaign.project_id", "1"),
        ("campaign.project_id", 2),
        ("campaign.start_block_id", 11),
        ("campaign.phone_id", ...),
        ("campaign.scenario_id", 951),
        ("phones", []),
        ("phones.0.name", "extra"),
        ("phones.0.phone", 79120000000),
        ("phones.0.add_data", {"nested": {"a": 1}}),
    ],
)
def test_a_body_that_breaks_the_document_is_refused_and_nobody_is_called(api: Api, path: str, value: Any) -> None:
    answer = api.post(CAMPAIGNS, changed(dialog_campaign(), path, value))
    assert answer.status_code == 422, answer.text
    assert answer.json().keys() == {"message"}
    assert api.look("campaigns") == []


def test_a_start_in_the_past_is_refused_by_the_platforms_own_zone(api: Api) -> None:
    past = (datetime.now(UTC) - timedelta(days=1)).date()
    answer = api.post(CAMPAIGNS, dialog_campaign(date=past.isoformat()))
    assert answer.status_code == 422
    assert "past" in answer.json()["message"]


def test_the_constant_state_may_be_left_out(api: Api) -> None:
    assert api.post(CAMPAIGNS, changed(dialog_campaign(), "campaign.state", ...)).status_code == 200


def test_malformed_json_is_a_bad_request(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.tokens['dialog']}", "Content-Type": "application/json"}
    assert api.http.post(CAMPAIGNS, content=b'{"campaign": ', headers=headers).status_code == 400


def test_the_campaigns_clock_starts_at_its_own_start_whenever_it_was_created(api: Api) -> None:
    campaign = api.dialog_campaign()
    assert server_time(api.report(campaign)) == at("09:00", ZONE)
    api.advance(hours=2)
    assert server_time(api.report(campaign)) == at("11:00", ZONE)


def test_rows_appear_change_and_settle_with_virtual_time(api: Api) -> None:
    campaign = api.dialog_campaign(200)
    seen = []
    for _ in range(4):
        seen.append(api.report(campaign).json())
        api.advance(seconds=20)
    sizes = [len(page["data"]) for page in seen]
    assert sizes == sorted(set(sizes))
    assert 1 <= sizes[0] < 5
    running = [row for row in seen[1]["data"] if row["status"] in (STATUSES["DIAL"], STATUSES["INPROGRESS"])]
    later = {row["call_id"]: row for row in seen[3]["data"]}
    assert running
    assert all(later[row["call_id"]]["updated_at"] >= row["updated_at"] for row in running)
    assert any(later[row["call_id"]]["status"] != row["status"] for row in running)


def test_a_recording_appears_minutes_after_the_conversation_and_moves_updated_at(api: Api) -> None:
    campaign = api.dialog_campaign(100)
    api.advance(minutes=2)
    early = {row["call_id"]: row for row in api.report(campaign).json()["data"]}
    api.advance(minutes=30)
    late = {row["call_id"]: row for row in api.report(campaign).json()["data"]}
    talks = [key for key, row in early.items() if row["status"] == STATUSES["human"]]
    waited = [key for key in talks if early[key]["record_url"] is None]
    assert waited
    assert all(late[key]["record_url"].startswith("http") for key in talks)
    assert all(late[key]["updated_at"] > early[key]["updated_at"] for key in waited)


def test_no_number_gets_more_attempts_than_asked_for_and_none_outside_the_window(api: Api) -> None:
    campaign = api.dialog_campaign(300, attempts={"id": 2, "title": "2"}, interval="240", end_time="12:00")
    api.advance(hours=24)
    rows = api.report(campaign).json()["data"]
    assert max(Counter(row["phone_number"] for row in rows).values()) <= 2
    starts = [datetime.fromisoformat(row["call_start"]) for row in rows]
    assert min(starts) >= at("09:00", ZONE)
    assert max(starts) < at("12:00", ZONE)


def test_the_report_has_the_documented_frame_and_totals_that_agree_with_its_rows(api: Api) -> None:
    campaign = api.dialog_campaign(100)
    api.advance(hours=8)
    report = api.report(campaign).json()
    assert report.keys() == {"columns", "data", "total_duration", "avg_duration", "count"}
    assert [column["field"] for column in report["columns"]] == list(COLUMNS)
    assert {column["type"] for column in report["columns"]} == {"text", "number", "datetime", "dialog", "goal"}
    assert report["count"] == len(report["data"]) > 100
    assert report["total_duration"] == sum(row["duration"] for row in report["data"])
    assert report["avg_duration"] == round(report["total_duration"] / report["count"], 2)
    assert {row["result"] for row in report["data"]} == {None, *RESULTS.values()}
    assert all(row["goal"] is (row["result"] == "Согласие") for row in report["data"])


def test_filters_sorting_and_choice_of_columns_are_honoured(api: Api) -> None:
    campaign = api.dialog_campaign(100)
    api.advance(hours=8)
    example = {
        "id": 1,
        "name": "phone_number",
        "display_name": "Phone Number",
        "column_type": "field",
        "data_type": "number",
        "filter_type": "contains",
        "filter_value": "79120000007",
        "sorting": "asc",
    }
    one = api.report(campaign, [example]).json()
    assert one["columns"] == [{"field": "phone_number", "display_name": "Phone Number", "type": "text"}]
    assert {tuple(row.items()) for row in one["data"]} == {(("phone_number", "+79120000007"),)}
    goals = api.report(campaign, [{"name": "goal", "filter_type": "is_true"}, {"name": "duration", "sorting": "desc"}])
    lengths = [row["duration"] for row in goals.json()["data"]]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths
    times = api.report(campaign, [{"data_type": "datetime"}]).json()
    assert [column["field"] for column in times["columns"]] == ["call_start", "updated_at"]


def test_the_period_of_the_report_is_honoured(api: Api) -> None:
    campaign = api.dialog_campaign(200)
    api.advance(hours=8)
    whole, half = (api.report(campaign, date_end=end).json() for end in (f"{DAY}T23:00:00Z", f"{DAY}T04:00:30Z"))
    starts = [row["call_start"] for row in whole["data"] if row["call_start"] <= f"{DAY}T09:00:30+05:00"]
    assert [row["call_start"] for row in half["data"]] == starts
    assert 0 < half["count"] < whole["count"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"scenario_id": 952}, 404),
        ({"outgoing_campaign_id": 1}, 404),
        ({"date_start": "2030-01-15"}, 422),
        ({"date_start": "2030-01-15T08:00:59.096"}, 422),
        ({"date_end": "2000-01-01T00:00:00.000Z"}, 422),
    ],
)
def test_a_report_about_nothing_known_is_refused(api: Api, changes: dict[str, Any], status: int) -> None:
    campaign = api.dialog_campaign()
    assert api.report(campaign, **changes).status_code == status


@pytest.mark.parametrize(
    "column",
    [
        {"name": "nobody_knows"},
        {"name": "status", "filter_type": "like", "filter_value": "x"},
        {"name": "status", "filter_type": "equal"},
        {"name": "status", "sorting": "up"},
        {"data_type": "phone"},
        {"name": "status", "width": 3},
    ],
)
def test_a_column_that_does_not_exist_or_asks_nonsense_is_refused(api: Api, column: dict[str, Any]) -> None:
    assert api.report(api.dialog_campaign(), [column]).status_code == 422


def test_without_a_token_or_with_a_wrong_password_nothing_is_told(api: Api) -> None:
    bare = api.http.post("/dialog/api/analytics/1/report", json=dialog_report(1))
    assert (bare.status_code, bare.json().keys()) == (401, {"message"})
    wrong = api.http.post("/dialog/api/login/", data={"username": "robot@obzvon.example", "password": "no"})
    assert wrong.status_code == 401


def test_login_takes_a_form_and_nothing_else(api: Api) -> None:
    body = {"username": "robot@obzvon.example", "password": "sandbox-dialog-password"}
    assert api.http.post("/dialog/api/login/", json=body).status_code == 422


def test_five_thousand_contacts_are_no_trouble(api: Api) -> None:
    campaign = api.dialog_campaign(5000)
    api.advance(hours=10)
    report = api.report(campaign).json()
    assert len({row["phone_number"] for row in report["data"]}) == 5000
    assert report["data"][0]["call_start"].startswith(DAY.isoformat())
