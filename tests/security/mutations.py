"""Bytes and JSON records changed at random, by a generator that is seeded: the same number gives the same body."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

__all__ = ["VALUES", "changed_bytes", "changed_record"]

#: What breaks readers, as it stands in a document.
_TOKENS = [
    token.encode("utf-8", "surrogatepass")
    for token in (
        "null", "true", "NaN", "-Infinity", "1e999999999", "1e-999999999", "9" * 4_400, "-0", '"', "\\", "\\ud83d",
        "\\u0000", '"\\ud800"', "{", "}", "[", "]", "[" * 1_200, "{" * 50, ",", ":", '"id":', '"data":', '"items":',
        '"count":', "\x00", "\ufeff", "\ud800", "é", "\u2028", "%s", "=cmd|' /C calc'!A0", "../../etc/passwd",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00", "*a", "&a", "<<: *a", "- " * 60, "!!python/name:os.system", "\t", "\r\n", ";" * 40,
    )
]  # fmt: skip
#: Values that a field may turn out to have, as JSON.
VALUES = [
    json.dumps(value)
    for value in (
        None,
        True,
        False,
        0,
        -1,
        7,
        10**30,
        -(10**18),
        0.1,
        1e308,
        "",
        " ",
        "x",
        "7",
        "+7 916 123-45-67",
        "NaN",
        "null",
        "да",
        "\x00",
        "a\x00b",
        "x" * 3_000,
        "\u2028",
        "../..",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-14:00",
        "2030-01-15T10:00:00+03:00",
        "2030-01-15T10:00:00",
        [],
        {},
        [[]],
        [None],
        {"text": 1},
        {"a": {"b": []}},
        [{"author": "BOT", "text": "x", "start": "1e9"}],
        [{"text": "x", "role": [1], "end": True}],
        {"messages": 7},
        "[" * 5_000,
        '{"a": 1e999999999}',
        '[{"text": "\\ud83d"}]',
        "BOT: hello\nclient: 79161234567",
    )
] + [
    "1e999999999",
    "1e-999999999",
    "1e99999999999999999999",
    "9" * 4_400,
    '"\\ud83d"',
    '"\\udc00\\ud83d"',
    "[" * 200 + "]" * 200,
]


def changed_bytes(rng: random.Random, corpus: Sequence[bytes]) -> bytes:
    """A document of the corpus after one to six changes."""
    body = bytearray(rng.choice(corpus))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        at, end = sorted((rng.randint(0, len(body)), rng.randint(0, len(body))))
        match rng.randrange(7):
            case 0 if body:
                body[at - 1] ^= 1 << rng.randrange(8)
            case 1:
                del body[at : min(end, at + 40)]
            case 2:
                body[at:at] = rng.choice(_TOKENS)
            case 3:
                body[at : min(end, at + 8)] = rng.choice(_TOKENS)
            case 4:
                body[at:at] = body[at:end][:200]
            case 5:
                del body[end:]
            case _:
                other = rng.choice(corpus)
                cut = rng.randint(0, len(other))
                body[at:end] = other[cut : cut + 60]
    return bytes(body)


def changed_record(rng: random.Random, record: dict[str, Any]) -> str:
    """The JSON of a record of which one to four fields have other values, have gone, or are new."""
    parts = {name: json.dumps(value, ensure_ascii=False) for name, value in record.items()}
    for _ in range(rng.randint(1, 4)):
        name = rng.choice([*record, "more", ""])
        if rng.randrange(5):
            parts[name] = rng.choice(VALUES)
        else:
            parts.pop(name, None)
    return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in parts.items()) + "}"
