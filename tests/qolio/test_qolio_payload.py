"""The body of `phone_calls`: every field of the vendor's document, and how a call of ours becomes one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from qa_rows import SAMPLE, call, campaign

from obzvon.qolio.payload import PhoneCall, TurnRow, build, payload_hash


def test_the_vendors_example_is_taken_and_sent_field_by_field() -> None:
    assert PhoneCall.model_validate(SAMPLE).body() == SAMPLE


def test_the_vendors_slip_in_started_at_is_refused() -> None:
    with pytest.raises(ValidationError, match="started_at"):
        PhoneCall.model_validate(SAMPLE | {"started_at": "2020-06-21T09:51:13.588Z+03"})


def test_every_documented_field_has_a_place() -> None:
    rest = {
        "phone_call_chain_uid": "chain-1",
        "nps": 9.0,
        "transcription": [
            {"text": "Добрый день", "start_time": 0.5, "end_time": 4.0, "role": "operator"},
            {"text": "Здравствуйте", "start_time": 3.8, "end_time": 8.8, "role": "client"},
        ],
    }
    assert PhoneCall.model_validate(SAMPLE | rest).body() == SAMPLE | rest


@pytest.mark.parametrize("field", ["operator_id", "started_at", "media_url"])
def test_a_required_field_cannot_be_missing(field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        PhoneCall.model_validate({key: value for key, value in SAMPLE.items() if key != field})


@pytest.mark.parametrize(
    "wrong",
    [
        {"direction": "outgoing"},
        {"started_at": "2020-06-21T09:51:13"},
        {"media_url": "s3://bucket/key.mp3"},
        {"operator_id": 7},
        {"custom_fields": {"nested": {"a": 1}}},
        {"transcription": [{"text": "…", "start_time": 0, "end_time": 1, "role": "bot"}]},
        {"metacontent": {}},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_the_document_does_not_allow_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PhoneCall.model_validate(SAMPLE | wrong)


def test_custom_fields_keep_every_documented_type() -> None:
    fields = {"city": "Минск", "index": 220010, "share": 0.5, "languages": ["ru", "kz"], "cars": [175, 998]}
    payload = PhoneCall.model_validate(SAMPLE | {"custom_fields": fields | {"discount": True}})
    assert payload.body()["custom_fields"] == fields | {"discount": "true"}


def test_a_call_becomes_a_record() -> None:
    turns = (TurnRow("bot", "Добрый день", 0.5, 4.0), TurnRow("client", "Занят", 3.8, 5.0))
    assert build(call(turns=turns), campaign(qolio={"custom_fields": {"topic": "опрос", "wave": 3}})).body() == {
        "operator_id": "bot:dialog:10",
        "uid": "dialog:555-0001",
        "started_at": "2030-05-20T12:00:00+03:00",
        "direction": "outcoming",
        "duration": 61.5,
        "client_phone_number": "+79161234567",
        "media_url": "https://records.example.org/555/0001.mp3",
        "phone_call_chain_uid": "autumn_survey:C-17",
        "client": {"id": "C-17"},
        "custom_fields": {
            "vendor": "dialog",
            "campaign": "autumn_survey",
            "purpose": "survey",
            "attempt_no": 2,
            "disposition": "RPC_REFUSED",
            "goal": "false",
            "talk_sec": 61.5,
            "region": "Москва",
            "local_time": "12:00",
            "transferred": "false",
            "call_id": "555-0001",
            "topic": "опрос",
            "wave": 3,
        },
        "transcription": [
            {"text": "Добрый день", "start_time": 0.5, "end_time": 4.0, "role": "operator"},
            {"text": "Занят", "start_time": 3.8, "end_time": 5.0, "role": "client"},
        ],
    }


def test_started_at_is_the_same_moment_with_the_subscribers_offset() -> None:
    moment = datetime(2030, 5, 20, 23, 30, tzinfo=UTC)
    row = call(started_at=moment, local_started_at=(moment + timedelta(hours=12)).replace(tzinfo=None))
    payload = build(row, campaign())
    assert payload.body()["started_at"] == "2030-05-21T11:30:00+12:00"
    assert payload.started_at == moment


def test_the_operators_id_stays_a_string() -> None:
    assert build(call(), campaign(qolio={"operator_id": "007"})).body()["operator_id"] == "007"


@pytest.mark.parametrize(
    ("full_name", "names"),
    [
        ("Иванов Иван Иванович", {"last_name": "Иванов", "first_name": "Иван Иванович"}),
        ("Анна", {"first_name": "Анна"}),
        ("  ", {}),
        (None, {}),
    ],
)
def test_names_go_out_only_where_the_campaign_asks(full_name: str | None, names: dict[str, str]) -> None:
    row = call(full_name=full_name)
    assert build(row, campaign(qolio={"send_client_name": True})).body()["client"] == {"id": "C-17"} | names
    assert build(row, campaign()).body()["client"] == {"id": "C-17"}


def test_row_numbers_of_two_lists_are_never_one_client() -> None:
    first, second = (build(call(contact_id="row:5", phone_key=key * 32), campaign()) for key in ("ab", "cd"))
    assert first.client is not None
    assert second.client is not None
    assert first.client.id == "ab" * 16
    assert first.client.id != second.client.id


def test_a_call_of_nobody_we_know_has_no_client_and_no_chain() -> None:
    body = build(call(contact_id=None, phone_key=None, phone_e164=None), campaign()).body()
    assert not {"client", "phone_call_chain_uid", "client_phone_number"} & set(body)


def test_the_campaign_file_may_rename_or_take_out_a_field() -> None:
    payload = build(call(), campaign(qolio={"custom_fields": {"campaign": "Опрос", "region": None}}))
    assert payload.custom_fields is not None
    assert payload.custom_fields["campaign"] == "Опрос"
    assert "region" not in payload.custom_fields


def test_phrases_without_times_keep_their_order() -> None:
    turns = [TurnRow("bot", "а", 0.0, 2.0), TurnRow("client", "б", None, None), TurnRow("operator", "в", 5.0, None)]
    payload = build(call(turns=turns), campaign())
    assert payload.transcription is not None
    assert [(s.start_time, s.end_time, s.role) for s in payload.transcription] == [
        (0.0, 2.0, "operator"),
        (2.0, 2.0, "client"),
        (5.0, 5.0, "operator"),
    ]


def test_the_hash_follows_the_content_and_not_the_order_of_keys() -> None:
    shuffled = dict(reversed(SAMPLE.items()))
    assert payload_hash(PhoneCall.model_validate(shuffled)) == payload_hash(PhoneCall.model_validate(SAMPLE))
    assert payload_hash(build(call(), campaign())) == payload_hash(build(call(), campaign()))
    assert payload_hash(build(call(goal=True), campaign())) != payload_hash(build(call(), campaign()))


def test_the_body_is_plain_json() -> None:
    body = build(call(), campaign()).body()
    assert json.loads(json.dumps(body)) == body
