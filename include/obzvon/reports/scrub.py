"""One person's records taken out of an archived page; every other record keeps its exact bytes. Pure.

A record is a JSON object inside an array, at any depth: a call of TWIN's `items`, a row of Dialog's `data`, one
utterance of `messages`. It is the person's when one of its own values (arrays inside it are looked at apart) is one of
the person's ids, or holds the person's phone in any writing. What is left of them outside of records becomes null.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from obzvon.ledger.keys import phone_key

__all__ = ["Marks", "scrubbed"]

_SEPARATOR = r"[\s().\-‐‑–—/]{0,3}"
#: Ten digits, or eleven that begin with 7 or 8, with what people write between them.
_WRITTEN = re.compile(rf"(?<!\d)(?=\+?((?:[78]{_SEPARATOR})?\d(?:{_SEPARATOR}\d){{9}})(?!\d))")
#: A phone in the middle of a longer run of digits, as in the name of a recording.
_GLUED = re.compile(r"(?=[78](\d{10}))")
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
_MANGLED = "surrogateescape"
#: All surrogates but those that stand for a byte which was no UTF-8.
_HALVES = re.compile("[\ud800-\udc7f\udd00-\udfff]")


@dataclass(frozen=True, slots=True)
class Marks:
    """How people are recognised: phones by their keys (`secret` makes them), and ids that are theirs alone."""

    secret: bytes = field(repr=False)
    phone_keys: frozenset[str]
    ids: frozenset[str] = frozenset()

    def on(self, value: Any) -> bool:
        """Whether a single value is theirs."""
        if isinstance(value, bool) or not isinstance(value, str | int):
            return False
        text = str(value)
        return text in self.ids or any(phone_key(self.secret, f"+7{n}") in self.phone_keys for n in _nationals(text))


def _nationals(text: str) -> Iterator[str]:
    """The ten national digits of everything in a text that may be a Russian phone."""
    if len(text) >= 10:
        for found in _WRITTEN.finditer(text):
            yield re.sub(r"\D", "", found[1])[-10:]
        yield from (found[1] for found in _GLUED.finditer(text))


def scrubbed(page: bytes, marks: Marks) -> tuple[bytes, int]:
    """The page without the records of those whom `marks` recognises, and how many places were cleaned.

    Nothing found: the very same bytes. ValueError when the page is not one JSON document, or nested without end.
    """
    walk = _Walk(page.decode(errors=_MANGLED), marks)
    try:
        text = walk.document()
    except RecursionError:
        raise ValueError("nested too deep") from None
    return (text.encode(errors=_MANGLED), walk.cleaned) if walk.cleaned else (page, 0)


def _written(value: Any) -> str:
    """JSON again; half characters, which no encoding has, as the escapes that they were."""
    return _HALVES.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


class _Walk:
    """Goes through the outer levels of a document by position, so that what is kept is copied and not written anew."""

    def __init__(self, text: str, marks: Marks) -> None:
        self._text, self._marks, self._at, self.cleaned = text, marks, 0, 0

    def document(self) -> str:
        self._skip()
        text = self._container()
        self._skip()
        if self._at != len(self._text):
            raise ValueError("more than one document")
        return text

    def _container(self) -> str:
        match self._text[self._at : self._at + 1]:
            case "{":
                return "{" + ",".join(self._parts("}", self._member)) + "}"
            case "[":
                return "[" + ",".join(self._parts("]", self._element)) + "]"
        return self._plain()

    def _parts(self, end: str, part: Any) -> Iterator[str]:
        """What is kept between two brackets."""
        self._at += 1
        self._skip()
        while self._text[self._at : self._at + 1] != end:
            if (kept := part()) is not None:
                yield kept
            self._skip()
            if self._text[self._at : self._at + 1] == ",":
                self._at += 1
                self._skip()
            elif self._text[self._at : self._at + 1] != end:
                raise ValueError("not JSON")
        self._at += 1

    def _member(self) -> str | None:
        start = self._at
        key = self._decoded()
        self._skip()
        if not isinstance(key, str) or self._text[self._at : self._at + 1] != ":":
            raise ValueError("not JSON")
        self._at += 1
        self._skip()
        head = self._text[start : self._at]
        if self._marks.on(key):
            self._decoded()
            self.cleaned += 1
            return None
        return head + (self._container() if self._text[self._at : self._at + 1] == "[" else self._plain())

    def _element(self) -> str | None:
        start = self._at
        value = self._decoded()
        if self._theirs(value):
            self.cleaned += 1
            return None
        return self._kept(start, value)

    def _plain(self) -> str:
        start = self._at
        return self._kept(start, self._decoded())

    def _kept(self, start: int, value: Any) -> str:
        before = self.cleaned
        clean = self._clean(value)
        same = self.cleaned == before
        return self._text[start : self._at] if same else _written(clean)

    def _theirs(self, value: Any) -> bool:
        """Whether an element of an array is a record of theirs, or a bare value of theirs."""
        if isinstance(value, dict):
            return any(self._marks.on(name) or self._theirs(own) for name, own in value.items())
        return self._marks.on(value)

    def _clean(self, value: Any) -> Any:
        if isinstance(value, dict):
            kept = {name: self._clean(own) for name, own in value.items() if not self._marks.on(name)}
            self.cleaned += len(value) - len(kept)
            return kept
        if isinstance(value, list):
            others = [own for own in value if not self._theirs(own)]
            self.cleaned += len(value) - len(others)
            return [self._clean(own) for own in others]
        if self._marks.on(value):
            self.cleaned += 1
            return None
        return value

    def _decoded(self) -> Any:
        value, self._at = _DECODER.raw_decode(self._text, self._at)
        return value

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at
