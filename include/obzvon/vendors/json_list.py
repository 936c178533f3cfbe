"""One long list inside a JSON object, read item by item: memory is that of a block and an item, whatever the length.

The standard decoder is given one item at a time, until two neighbours have shown what stands between items. From then
on msgspec, four times as fast, is given as many items at once as a block holds, cut where that border was seen last.
What it takes between two brackets is whole: brackets and quotes inside it match, so the cut was one between items. What
it does not take goes the way of the standard decoder, which alone says what is broken.
What stands beside the list (counts, columns) is kept on the way, so that an answer is read once.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Collection, Iterator
from decimal import Decimal, InvalidOperation
from typing import IO, Any

import msgspec

from obzvon.vendors.json_text import decoder, whole_characters

__all__ = ["BrokenJson", "JsonList", "document"]

BLOCK = 1 << 18
#: Of characters in one item; what does not end before that is no item but a broken document.
LONGEST = 64 << 20
#: What a number may go on with (`.5`, `e+7`) after a part of it that is a number already.
TAIL = 2

_SPACE = re.compile(r"[ \t\r\n]*")
#: From the end of an object to the first name in the next one.
_BORDER = re.compile(r"\}[ \t\r\n]*,[ \t\r\n]*(\{)[ \t\r\n]*\"[^\"\\]*\"")

_decode = decoder.raw_decode
_decode_all = msgspec.json.Decoder(list[Any], float_hook=Decimal).decode


class BrokenJson(ValueError):
    """The stream is not one whole JSON object."""


def document(text: str) -> Any:
    """A whole document by the rules for items: what this takes can stand in a list. BrokenJson else."""
    try:
        return decoder.decode(text)
    except (ValueError, RecursionError, InvalidOperation):
        raise BrokenJson("not one JSON document") from None


class JsonList:
    """The items of the list `name` of the one object in the stream; numbers with a point are Decimals.

    `found` and `beside` are known when the items have come to their end: whether the object has such a list, and its
    members that `keep` names. Iterating raises BrokenJson where the stream is not one whole JSON object. With `typed`,
    which decodes a JSON list, items that it takes are what it makes of them; the others come as ever.
    """

    def __init__(
        self,
        stream: IO[bytes],
        name: str,
        keep: Collection[str] = (),
        typed: Callable[[bytes], list[Any]] | None = None,
    ) -> None:
        self._decoders = (typed, _decode_all) if typed else (_decode_all,)
        self._stream, self._name, self._keep = stream, name, keep
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._text, self._at, self._ended = "", 0, False
        self._one_by_one = False  # until the next block
        self.found, self.beside = False, dict[str, Any]()

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._object()
        # the decoder's own errors quote what they stopped at; no Decimal has an exponent of twenty digits
        except (ValueError, RecursionError, InvalidOperation):
            raise BrokenJson("not one whole JSON object") from None

    def _object(self) -> Iterator[Any]:
        self._take("{")
        for _ in self._parts("}"):
            name = self._value()
            if not isinstance(name, str):
                raise ValueError("a name is not a text")
            self._take(":")
            if self._next() == "[":
                yield from self._list(name)
            elif name in self._keep:
                self.beside[name] = self._value()
            else:
                self._value()
        if self._next():
            raise ValueError("something follows the document")

    def _list(self, name: str) -> Iterator[Any]:
        """The items of our list; those of others are kept or passed over."""
        self._take("[")
        if name == self._name:
            for _ in self._parts("]"):
                yield self._value()
                while items := self._whole_items():
                    yield from items
            self.found = True
            return
        others = [self._value() for _ in self._parts("]")]
        if name in self._keep:
            self.beside[name] = others

    def _whole_items(self) -> list[Any]:
        """The next items up to the last one that the block holds whole, behind an item; none where that is not sure."""
        border = None if self._one_by_one else _BORDER.match(self._text, self._at - 1)
        end = self._text.rfind(border[0], self._at) + 1 if border else 0
        if border is None or end <= border.start(1):
            return []
        body = f"[{self._text[border.start(1) : end]}]".encode()
        for decode in self._decoders:
            try:
                items: list[Any] = decode(body)
            except (msgspec.DecodeError, ValueError, RecursionError, InvalidOperation):
                continue
            self._at = end
            return items
        self._one_by_one = True
        return []

    def _parts(self, end: str) -> Iterator[None]:
        """Stops before each part up to the closing bracket."""
        if self._next() == end:
            self._at += 1
            return
        while True:
            yield
            if self._next() == end:
                self._at += 1
                return
            self._take(",")

    def _take(self, mark: str) -> None:
        if self._next() != mark:
            raise ValueError("not JSON")
        self._at += 1

    def _next(self) -> str:
        """The character that comes after white space; empty at the end of the stream."""
        while True:
            if space := _SPACE.match(self._text, self._at):
                self._at = space.end()
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def _value(self) -> Any:
        self._next()
        while True:
            try:
                value, end = _decode(self._text, self._at)
            except ValueError:
                if not self._more():  # it may be cut off
                    raise
                continue
            if end + TAIL < len(self._text) or not self._more():
                break
        start, self._at = self._at, end
        if self._text.find("\\ud", start, end) >= 0 or self._text.find("\\uD", start, end) >= 0:
            value, _ = _decode(whole_characters(self._text[start:end]))
        return value

    def _more(self) -> bool:
        """Read on; twice as much where an item needs it, so that a long one is not decoded many times."""
        rest = self._text[self._at :]
        if self._ended or len(rest) > LONGEST:
            return False
        block = self._stream.read(max(BLOCK, len(rest)))
        self._ended = not block
        self._text, self._at, self._one_by_one = rest + self._utf8.decode(block, self._ended), 0, False
        return True
