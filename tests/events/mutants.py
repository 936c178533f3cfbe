"""Bodies that nobody should send: true ones with bytes and values changed, and noise."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from event_bodies import TASK, ended, rung

__all__ = ["mutants"]

SEEDS = [
    rung(ended(1)),
    rung(ended(2, result=[], flow=[], callbackData=[], status="NOANSWER")),
    rung(ended(3, callbackData='{"external_id": "x"}', result={"confirmation": "opt_out"})),
    b'{"event":"CANDIDATE_CHANGED","taskId":"' + TASK.encode() + b'","lastCallId":"k1","callbackData":{}}',
    b'{"event":"AUTOCALL_STATUS_CHANGED","taskId":"' + TASK.encode() + b'","status":"FINISHED"}',
    b'{"event":"CALL_REDIRECTED","id":"k1","redirectDestinationId":"10001","callbackData":[]}',
]
PIECES = [
    b"\x00", b"\xff", b"\xed\xa0\x80", b"\\u0000", b"\\ud800", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"NaN",
    b"-Infinity", b"1e999999999", b"9" * 400, b"-", b"0.1", b"null", b"true", b"\xef\xbb\xbf", b"items", b"]}",
    b"[" * 600, b'{"a":' * 600, b"\xd0\x9f\xd1\x80", b"2031-13-45", b"9999-12-31T23:59:59+00:00", b"0001-01-01",
]  # fmt: skip
VALUES: list[Any] = [
    None, True, 0, -1, 2**70, 1.5, 1e300, "", " ", "\x00", "x" * 3000, "\ud800", [], {}, [[]], [None], {"a": {}}, [{}],
    "0001-01-01T00:00:00", "9999-12-31T23:59:59+14:00", "2031-05-20T09:00:00", "+7 (916) 000-00-01", "12", "Я",
    {"messages": [{"author": None, "text": 5}]}, [{"messages": {}}], [{"messages": [{"author": [], "text": "x"}]}],
    {"external_id": {}}, {"initialVariables": {"recordPath": []}}, {"confirmation": ["agreed"]}, '{"a":', "1e5",
]  # fmt: skip


def mutants(draw: random.Random, count: int) -> Iterator[bytes]:
    """So many bodies."""
    for _ in range(count):
        kind = draw.random()
        if kind < 0.05:
            yield draw.randbytes(draw.randrange(200))
        elif kind < 0.5:
            yield _torn(draw, draw.choice(SEEDS))
        else:
            yield _swapped(draw, json.loads(draw.choice(SEEDS)))


def _torn(draw: random.Random, body: bytes) -> bytes:
    made = bytearray(body)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(made) + 1)
        match draw.randrange(5):
            case 0:
                made[at : at + 1] = draw.randbytes(1)
            case 1:
                del made[at : at + draw.randrange(40)]
            case 2:
                made[at:at] = draw.choice(PIECES)
            case 3:
                made[at:at] = made[at : at + draw.randrange(200)]
            case _:
                del made[at:]
    return bytes(made)


def _swapped(draw: random.Random, said: dict[str, Any]) -> bytes:
    for _ in range(draw.randint(1, 3)):
        place: Any = said
        while isinstance(place, dict) and place:
            name = draw.choice(list(place))
            if isinstance(place[name], dict) and place[name] and draw.random() < 0.5:
                place = place[name]
                continue
            if draw.random() < 0.2:
                del place[name]
            else:
                place[name] = deepcopy(draw.choice(VALUES))  # a change of it is of this body alone
            break
    return json.dumps(said, ensure_ascii=draw.random() < 0.5).encode(errors="surrogatepass")
