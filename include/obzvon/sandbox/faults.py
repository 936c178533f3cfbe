"""Fault scripts: what the sandbox does wrong on purpose, to which requests, how often."""

from __future__ import annotations

import re
import time
from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, field_validator

from obzvon.sandbox.clock import http_date


class Script(BaseModel):
    """Base of a fault. The first `skip` matching requests pass, the next `times` are hit (default 1)."""

    model_config = ConfigDict(extra="forbid")

    vendor: Literal["dialog", "twin", "qolio"]
    method: str = Field(default="*", description="HTTP method, * = any")
    path: str = Field(default="", description="regular expression searched in the path")
    skip: Annotated[int, Field(ge=0)] = 0
    times: Annotated[int, Field(ge=1)] = 1
    delay: Annotated[float, Field(ge=0, le=600)] = Field(default=0.0, description="real seconds before anything else")

    @field_validator("path")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value


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
    """Do not handle; answer `status` with `body` (text or JSON), as a proxy in front of the vendor would."""

    do: Literal["answer"]
    status: Annotated[int, Field(ge=200, le=599)]
    body: str | dict[str, object] | list[object] = ""
    content_type: str | None = Field(default=None, description="text/html for a text, application/json for JSON")


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


class Truncate(Script):
    """Handle, then send the head and only half of the body and cut the connection."""

    do: Literal["truncate"]


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
    Delay | DropBefore | DropAfter | Answer | TooMany | TokenDeath | Truncate | LoseItems, Field(discriminator="do")
]


#: What `do` may say, with the sentence that explains it.
KINDS = {
    "delay": Delay.__doc__,
    "drop_before": DropBefore.__doc__,
    "drop_after": DropAfter.__doc__,
    "truncate": Truncate.__doc__,
    "answer": Answer.__doc__,
    "too_many": TooMany.__doc__,
    "token_death": TokenDeath.__doc__,
    "lose_items": LoseItems.__doc__,
}


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

    def hit(self, vendor: str, method: str, path: str) -> AnyFault | None:
        """The script that strikes this request. Each matching script counts it; the first due one strikes."""
        struck: AnyFault | None = None
        for number, fault in self._scripts.items():
            if fault.vendor != vendor or fault.method not in ("*", method) or not re.search(fault.path, path):
                continue
            if struck is None:
                self._seen[number] += 1
                if fault.skip < self._seen[number] <= fault.skip + fault.times:
                    struck = fault
        return struck
