"""A long list in a JSON object is read as any other parser reads it, whatever falls on the border of two blocks."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from typing import Any

import ijson
import pytest

from obzvon.vendors import json_list
from obzvon.vendors.json_list import BrokenJson, JsonList

ITEMS: list[Any] = [
    {"id": "k1", "name": "Анна \"\\ \\u0434", "said": [{"text": "😀", "start": 1.25}, {}], "none": None},
    -12.5e7, 12345678901234567890123, 0.1, "", "\\ud800", [], [[1], {"data": [2]}], True, 7,
]  # fmt: skip


def read(body: bytes) -> list[Any]:
    return list(JsonList(io.BytesIO(body), "data"))


@pytest.mark.parametrize("block", [1, 2, 3, 7, 64, 1 << 18])
@pytest.mark.parametrize("written", [{"ensure_ascii": True, "indent": 2}, {"ensure_ascii": False}])
def test_as_ijson_reads_it(monkeypatch: pytest.MonkeyPatch, block: int, written: dict[str, Any]) -> None:
    monkeypatch.setattr(json_list, "BLOCK", block)
    document = {"before": {"data": [9]}, "columns": [1, 2.5], "data": ITEMS, "others": [3], "count": 1.5}
    body = json.dumps(document, **written).encode()
    page = JsonList(io.BytesIO(body), "data", {"count", "columns"})
    items = list(page)
    expected = list(ijson.items(io.BytesIO(body), "data.item"))
    assert [(type(one), one) for one in items] == [(type(one), one) for one in expected]
    assert (page.found, page.beside) == (True, {"columns": [1, Decimal("2.5")], "count": Decimal("1.5")})


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[1]", b"1", b'{"data":[1]', b'{"data":[1,]}', b'{"data":[1],}', b'{"data":[1 2]}', b'{"data":[01]}',
        b'{"data":[1]} x', b'{"data":[1]}{}', b'{"data":["\xff"]}', b'{"data":["a\nb"]}', b'{"data":[NaN]}', b'{1:[2]}',
        b'{"data" [1]}', b'{"data":["a]}', b'{"data":' + b"[" * 100_000, b'\xef\xbb\xbf{"data":[1]}', b'{"data":[1.]}',
    ],
)  # fmt: skip
def test_what_is_not_one_whole_object_is_refused(body: bytes) -> None:
    with pytest.raises(BrokenJson):
        read(body)


@pytest.mark.parametrize("half", [r"\ud800", r"\uDC00", r"\ud800\ud800", r"x\uD83Dx"])
def test_half_a_surrogate_pair_becomes_a_character_that_can_be_stored(half: str) -> None:
    body = b'{"data":[{"said":"%s \\ud83d\\ude00 \\\\ud800"}]}' % half.encode()
    ((_, said),) = read(body)[0].items()
    assert "�" in said
    assert said.endswith(" 😀 \\ud800")
    said.encode()


ROW: dict[str, Any] = {
    "id": "k", "cost": 1.10, "long": 0.1234567890123456789, "of": [{"id": 1, "a": 2}, {"id": 3}], "said": "Да"
}  # fmt: skip
#: Rows among the usual ones that another way of reading might take for something else.
ODD = [
    r'{"id":"},{\"id\":1}","said":"]"}', r'{"id":"\ud800"}', r'{"id":[{"id":[{"id":2}]},{"id":3}]}', "7", "null", "[]",
    r'{"said":"a","id":"b","said":"c"}', "{}", '{"id":1e400,"n":-0,"big":123456789012345678901234567890}',
    '{"id":1e99999999999999999999}', '{"id":' + "9" * 5000 + "}",
    '{\n"id" : 1 }', '{"id":' + "[" * 300 + "]" * 300 + "}", '{"id":"' + "x" * 1000 + '"}',
]  # fmt: skip


@pytest.mark.parametrize("block", [50, 333, 1 << 18])
def test_many_at_once_are_what_one_after_the_other_is(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    usual = json.dumps(ROW, ensure_ascii=False)
    texts = [text for odd in ODD for text in (usual, usual, odd, usual)]
    one_by_one = [read(b'{"data":[%s]}' % text.encode())[0] for text in texts]
    monkeypatch.setattr(json_list, "BLOCK", block)
    items = read(('{"data":[' + ",".join(texts) + '],"count":1}').encode())
    assert repr(items) == repr(one_by_one)


@pytest.mark.parametrize("broken", ['{"id":1', '{"id":NaN}', '{"id":"a\nb"}', '{"id":1}}'])
def test_a_broken_item_among_many_ends_the_reading_there(broken: str) -> None:
    usual = json.dumps(ROW)
    items = iter(
        JsonList(io.BytesIO(f'{{"data":[{",".join([usual] * 50 + [broken] + [usual] * 50)}]}}'.encode()), "data")
    )
    found = [next(items) for _ in range(50)]
    assert found == read(f'{{"data":[{usual}]}}'.encode()) * 50
    with pytest.raises(BrokenJson):
        list(items)


@pytest.mark.parametrize("body", [b"{}", b'{"data":null}', b'{"data":{"item":[1]}}', b'{"other":[1]}'])
def test_an_object_without_the_list_says_so(body: bytes) -> None:
    page = JsonList(io.BytesIO(body), "data")
    assert list(page) == []
    assert not page.found


def test_a_document_that_never_ends_is_not_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_list, "LONGEST", 1000)
    monkeypatch.setattr(json_list, "BLOCK", 100)
    stream = io.BytesIO(b'{"data":["' + b"x" * 100_000)
    with pytest.raises(BrokenJson):
        list(JsonList(stream, "data"))
    assert stream.tell() < 5000
