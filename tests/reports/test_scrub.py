"""One person's records leave a page; everything else keeps its exact bytes."""

from __future__ import annotations

import json

import pytest

from obzvon.ledger.keys import phone_key
from obzvon.reports.scrub import Marks, scrubbed

SECRET = b"secret"
PHONE = "+79161234567"
MARKS = Marks(SECRET, frozenset({phone_key(SECRET, PHONE)}), frozenset({"plan-1", "call-7"}))


def page(*items: object) -> bytes:
    return json.dumps({"count": len(items), "items": items}, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "written",
    [
        "+79161234567",
        "89161234567",
        "9161234567",
        79161234567,
        "8 (916) 123-45-67",
        "8-916-123-45-67",
        "+7\u00a0916\u00a0123\u00a045\u00a067",
        "звоните: 8 916 123 45 67, спасибо",
        "https://records.example/20310520_79161234567_1.mp3",
        "https://records.example/?to=%2B79161234567",
        "20310520120000279161234567",
        "5 8 916 123 45 67",
    ],
)
def test_a_phone_is_found_however_it_is_written(written: object) -> None:
    body, cleaned = scrubbed(page({"id": "a", "phone": "79160000002"}, {"id": "b", "of": {"who": written}}), MARKS)
    assert (json.loads(body)["items"], cleaned) == ([{"id": "a", "phone": "79160000002"}], 1)


@pytest.mark.parametrize("written", ["791612345680", "+7 916 123-45-68", "916123456", 7916123456.7, True, None])
def test_another_number_is_left_alone(written: object) -> None:
    before = page({"id": "b", "phone": written})
    assert scrubbed(before, MARKS) == (before, 0)


def test_ids_are_compared_whole() -> None:
    items = [{"id": "call-7", "messages": []}, {"id": "call-77"}, {"externalId": "plan-1"}, {"externalId": "plan-10"}]
    body, cleaned = scrubbed(page(*items), MARKS)
    assert json.loads(body)["items"] == [{"id": "call-77"}, {"externalId": "plan-10"}]
    assert cleaned == 2


def test_what_stays_keeps_its_bytes() -> None:
    rows = '{"price" : 3.50,"name": "\\u0418\\u0432\\u0430\\u043d"}', '{"phone":"79161234567"}', "[1.10 , 2]", "7e1"
    before = ('{ "data":[ ' + " ,\n".join(rows) + '],"total": 1.0}').encode()
    kept = ",".join((rows[0], rows[2], rows[3]))
    assert scrubbed(before, MARKS) == (('{"data":[' + kept + '],"total": 1.0}').encode(), 1)


def test_of_another_persons_call_only_the_utterance_goes() -> None:
    call = {"id": "a", "messages": [{"text": "да"}, {"text": "жене: 8 916 123 45 67"}], "price": 1}
    body, cleaned = scrubbed(page(call), MARKS)
    assert json.loads(body)["items"] == [{"id": "a", "messages": [{"text": "да"}], "price": 1}]
    assert cleaned == 1


def test_pages_keyed_by_call_lose_the_key_and_bare_values_too() -> None:
    before = {
        "call-7": [{"text": "да"}],
        "call-8": [{"text": "нет"}],
        "asked": "89161234567",
        "deep": {"a": ["plan-1"]},
    }
    body, cleaned = scrubbed(json.dumps(before).encode(), MARKS)
    assert json.loads(body) == {"call-8": [{"text": "нет"}], "asked": None, "deep": {"a": []}}
    assert cleaned == 3


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"items": [{}', b'{"items": [] "a": 1}', b'{"a": 1}\n{"b": 2}', b"<html>"]
)
def test_what_is_not_one_json_document_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        scrubbed(body, MARKS)


def test_bytes_that_are_no_utf8_survive() -> None:
    before = b'{"items":[{"id":"call-7"},{"id":"x","raw":"\xff\xfe"}]}'
    assert scrubbed(before, MARKS) == (b'{"items":[{"id":"x","raw":"\xff\xfe"}]}', 1)
