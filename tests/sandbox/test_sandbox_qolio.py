"""Qolio in the sandbox."""

from __future__ import annotations

from typing import Any

import pytest
from sandbox_api import QOLIO_CALLS, QOLIO_TOKEN, Api, changed, phone_call

pytestmark = pytest.mark.stack


def test_the_documents_example_is_recorded_as_sent(api: Api) -> None:
    assert api.post(QOLIO_CALLS, phone_call()).status_code == 200
    (record,) = api.look("qolio/calls")
    assert record == {"uid": phone_call()["uid"], "writes": 1, "body": phone_call()}


def test_the_same_uid_updates_the_record(api: Api) -> None:
    api.post(QOLIO_CALLS, phone_call())
    api.post(QOLIO_CALLS, phone_call(duration=12.5))
    (record,) = api.look("qolio/calls")
    assert (record["writes"], record["body"]["duration"]) == (2, 12.5)


def test_calls_without_uid_are_records_of_their_own(api: Api) -> None:
    for _ in range(2):
        assert api.post(QOLIO_CALLS, changed(phone_call(), "uid", ...)).status_code == 200
    assert len(api.look("qolio/calls")) == 2


def test_a_transcript_may_overlap_as_in_the_vendors_sample(api: Api) -> None:
    said = [
        {"text": "Здравствуйте", "start_time": 0.5, "end_time": 4, "role": "operator"},
        {"text": "Алло", "start_time": 3.8, "end_time": 5, "role": "client"},
    ]
    assert api.post(QOLIO_CALLS, phone_call(transcription=said)).status_code == 200


@pytest.mark.parametrize("operator", ["nobody", "bot:inactive"])
def test_an_unknown_or_inactive_operator_is_named_and_nothing_recorded(api: Api, operator: str) -> None:
    answer = api.post(QOLIO_CALLS, phone_call(operator_id=operator))
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["status"], list(error["fields"])) == (422, 422, ["operator_id"])
    assert error.keys() == {"status", "code", "title", "detail", "fields"}
    assert api.look("qolio/calls") == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("operator_id", ...),
        ("operator_id", 7),
        ("started_at", ...),
        ("started_at", "2020-06-21T09:51:13.588Z+03"),
        ("started_at", "2020-06-21T09:51:13"),
        ("media_url", ...),
        ("media_url", "ftp://example.org/a.wav"),
        ("media_url", "a.wav"),
        ("direction", "outgoing"),
        ("duration", "410.1"),
        ("client.phone", "+7"),
        ("client.id", 7),
        ("custom_fields.flag", True),
        ("custom_fields.deep", {"a": 1}),
        ("custom_fields.mixed", ["a", 1]),
        ("custom_fields.nothing", None),
        ("transcription", [{"text": "Алло", "start_time": 0, "end_time": 1, "role": "bot"}]),
        ("transcription", [{"text": "Алло", "role": "client"}]),
        ("metacontent", {}),
    ],
)
def test_a_body_that_breaks_the_document_is_refused(api: Api, path: str, value: Any) -> None:
    answer = api.post(QOLIO_CALLS, changed(phone_call(), path, value))
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["fields"]
    assert api.look("qolio/calls") == []


@pytest.mark.parametrize("zone", ["+03:00", "+03", "Z"])
def test_the_start_may_carry_any_valid_zone(api: Api, zone: str) -> None:
    assert api.post(QOLIO_CALLS, phone_call(started_at=f"2030-01-15T10:03:12{zone}")).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"city": "Минск"},
        {"index": 220010},
        {"rate": 1.5},
        {"languages": ["ru", "by"]},
        {"cars": [1, 2.5]},
        {"on": "true"},
    ],
)
def test_custom_fields_of_every_documented_type_are_taken(api: Api, fields: dict[str, Any]) -> None:
    assert api.post(QOLIO_CALLS, phone_call(custom_fields=fields)).status_code == 200


def test_malformed_json_is_an_invalid_document(api: Api) -> None:
    headers = {"Authorization": QOLIO_TOKEN, "Content-Type": "application/json"}
    answer = api.http.post(QOLIO_CALLS, content=b"{", headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["title"]) == (400, "Invalid Document")


@pytest.mark.parametrize("header", [f"Bearer {QOLIO_TOKEN}", "", "nonsense"])
def test_the_token_stands_bare_in_the_header(api: Api, header: str) -> None:
    answer = api.http.post(QOLIO_CALLS, json=phone_call(), headers={"Authorization": header})
    assert answer.status_code == 401


def test_another_integration_is_not_found(api: Api) -> None:
    elsewhere = QOLIO_CALLS.replace("c34f637a", "00000000")
    assert api.post(elsewhere, phone_call()).status_code == 404


def test_the_root_tells_the_version(api: Api) -> None:
    assert "version" in api.http.get("/qolio/").json()
