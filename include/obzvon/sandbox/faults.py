"""Fault scripts: what the sandbox does wrong on purpose, to which requests, how often."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal, get_args

import orjson
from pydantic import Field

from obzvon.sandbox.clock import http_date
from obzvon.sandbox.fault_records import RecordFault, Redirect
from obzvon.sandbox.fault_rows import LateRows, LostColumn, NewColumn, RepeatPage, ShiftRows, UnknownStatus
from obzvon.sandbox.fault_wire import Hold, HoldBefore, Reset, SlowHeaders, Truncate, TruncatedGzip
from obzvon.sandbox.script import Script

#: Key of the request's scope by which a vendor is told to accept it and to do nothing.
SWALLOWED = "obzvon.swallowed"


class Delay(Script):
    """Only `delay`, then everything as usual."""

    do: Literal["delay"]


class DropBefore(Script):
    """Cut the connection before the request is handled: nothing was done."""

    do: Literal["drop_before"]


class DropAfter(Script):
    """Handle the request, then cut the connection without a byte of answer: done, but the client cannot know."""

    do: Literal["drop_after"]


class Answer(Script):
    """Answer `status` with `body` (text or JSON), as a proxy in front of the vendor would.

    The request is not handled; with `handled` it is, and the vendor's own answer is thrown away.
    """

    do: Literal["answer"]
    status: Annotated[int, Field(ge=200, le=599)]
    body: str | dict[str, object] | list[object] = ""
    content_type: str | None = Field(default=None, description="text/html for a text, application/json for JSON")
    handled: bool = False


class TooMany(Script):
    """429 with Retry-After: as seconds, or as an HTTP date when `as_date`."""

    do: Literal["too_many"]
    retry_after: Annotated[float, Field(ge=0)] = 1.0
    as_date: bool = False

    def header(self) -> str:
        return http_date(time.time() + self.retry_after) if self.as_date else f"{self.retry_after:g}"


class TokenDeath(Script):
    """Every token of the vendor is expired at once, then the request is handled (and refused with 401)."""

    do: Literal["token_death"]


class Swallow(Script):
    """Qolio says 200 to a call and does not record it, as it does with calls of operators it does not like."""

    do: Literal["swallow"]


class LoseItems(Script):
    """Take the last `items` contacts (`batch`, `phones`) out of the request and answer as if nothing was."""

    do: Literal["lose_items"]
    items: Annotated[int, Field(ge=1)] = 1

    def without(self, body: bytes) -> bytes:
        sent = orjson.loads(body)
        for key in ("batch", "phones"):
            if key in sent:
                sent[key] = sent[key][: -self.items]
        return orjson.dumps(sent)


AnyFault = Annotated[
    Delay
    | DropBefore
    | HoldBefore
    | Hold
    | DropAfter
    | SlowHeaders
    | Truncate
    | TruncatedGzip
    | Reset
    | Answer
    | TooMany
    | TokenDeath
    | LoseItems
    | Swallow
    | Redirect
    | RecordFault
    | RepeatPage
    | ShiftRows
    | LateRows
    | UnknownStatus
    | NewColumn
    | LostColumn,
    Field(discriminator="do"),
]


def _kinds() -> dict[str, str]:
    union: Any = get_args(AnyFault)[0]
    return {
        get_args(kind.model_fields["do"].annotation)[0]: " ".join((kind.__doc__ or "").split())
        for kind in get_args(union)
    }


#: What `do` may say, with the sentences that explain it.
KINDS = _kinds()


class Faults:
    """The scripts in force, in the order they came. They do not survive a restart."""

    def __init__(self) -> None:
        self._scripts: dict[int, AnyFault] = {}
        self._seen: dict[int, int] = {}

    def add(self, fault: AnyFault) -> int:
        number = len(self._seen) + 1
        self._scripts[number], self._seen[number] = fault, 0
        return number

    def clear(self) -> None:
        self._scripts.clear()

    def listed(self) -> list[dict[str, object]]:
        """Each script with its number and how many requests it has hit so far."""
        return [
            {"id": number, "hits": min(max(0, self._seen[number] - fault.skip), fault.times), **fault.model_dump()}
            for number, fault in self._scripts.items()
        ]

    def hit(self, vendor: str, method: str, path: str, said: str) -> AnyFault | None:
        """The first script due for this request, counted by those before it. `said` is its query and body."""
        struck: AnyFault | None = None
        for number, fault in self._scripts.items():
            if struck is None and fault.meets(vendor, method, path, said):
                self._seen[number] += 1
                if fault.skip < self._seen[number] <= fault.skip + fault.times:
                    struck = fault
        return struck
