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
