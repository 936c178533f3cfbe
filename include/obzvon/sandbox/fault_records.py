"""Faults of recordings, and of what stands at their links."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from obzvon.sandbox.script import Script

#: Key of the request's scope by which the route of the recordings is told how to misbehave.
RECORD = "obzvon.record"


class Redirect(Script):
    """Send the client elsewhere, as a link that goes through a balancer or to somebody else's host would."""

    do: Literal["redirect"]
    to: str
    status: Literal[301, 302, 303, 307, 308] = 302


class RecordFault(Script):
    """A recording that is `late` (404 for so many virtual seconds), wants the vendor's `login`, or has `size` bytes."""

    do: Literal["record"]
    late: Annotated[float, Field(ge=0)] = 0.0
    login: bool = False
    size: Annotated[int, Field(ge=44, le=200_000_000)] | None = None
