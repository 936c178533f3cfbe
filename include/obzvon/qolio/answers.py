"""What a POST of one call can come to. Anything that would stop every call alike is an error, not an answer."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Accepted", "Answer", "Rejected", "Unanswered"]


@dataclass(frozen=True, slots=True)
class Accepted:
    """Qolio took the call (any 2xx; the document names no status)."""

    status: int
    tries: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """Qolio refuses this call and would refuse it again; `fields` names what it objects to, without its words."""

    status: int
    tries: int
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No usable answer after every try: Qolio may or may not have the call."""

    tries: int
    status: int | None
    cause: str


Answer = Accepted | Rejected | Unanswered
