"""Who answers and how: drawn from the seed, so the same phone in the same named campaign always has the same fate.

Statuses are TWIN's (wiki.twin-ai.com/voice-bots/concepts/call-statuses); Dialog's report translates them. REJECTED
belongs to TWIN's direct integration and CANCEL to what a user does, so neither is ever drawn.
"""

from __future__ import annotations

import hashlib
import math
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Self

MARKER = re.compile(r"\[af:[0-9a-f]{8}\]")
RUSSIAN = re.compile(r"\+?7\d{10}")

#: What a number is, once for all attempts: share, status of every attempt.
NUMBERS = (
    (0.012, "CONGESTION"),
    (0.012, "UNAVAILABLE"),
    (0.006, "BLACKLIST"),
    (0.006, "FZ230"),
    (0.004, "INVALID"),
    (0.003, "EMPTY_AON"),
)
#: What an attempt to a live number gives: weight, status or kind of answer.
ATTEMPTS = (
    (0.36, "human"),
    (0.14, "machine"),
    (0.28, "NOANSWER"),
    (0.09, "BUSY"),
    (0.06, "UNAVAILABLE"),
    (0.03, "CONGESTION"),
    (0.015, "CHANUNAVAIL"),
    (0.015, "FAILED"),
    (0.01, "EXPIRED"),
)
#: What a conversation ends with; None = the client hung up.
RESULTS = (
    (0.42, "agreed"),
    (0.24, "refused"),
    (0.12, "callback"),
    (0.05, "opt_out"),
    (0.06, "wrong_party"),
    (0.11, None),
)
#: Never dialled: refused before the line is taken.
NOT_DIALED = frozenset({"INVALID", "BLACKLIST", "FZ230", "CANCEL", "EMPTY_AON"})
#: More than this in DIAL and the vendor gives up (call-statuses page).
DIAL_LIMIT = 600.0
LENGTHS = NormalDist()


@dataclass(frozen=True, slots=True)
class Fate:
    """One attempt. Seconds; `record_delay` counts from the end of the call."""

    status: str
    ring: float = 0.0
    talk: float = 0.0
    machine: bool = False
    result: str | None = None
    transferred: bool = False
    record_delay: float = 0.0

    @property
    def answered(self) -> bool:
        return self.status == "ANSWERED"


Table = Sequence[tuple[float, str | None]]


@dataclass(frozen=True, slots=True)
class Chances:
    """How likely everything is; `given` makes other chances of them."""

    numbers: Table = NUMBERS
    attempts: Table = ATTEMPTS
    results: Table = RESULTS

    def given(self, numbers: Mapping[str, float], attempts: Mapping[str, float], results: Mapping[str, float]) -> Self:
        """With these shares as said, the others of an attempt and of a conversation in proportion. ValueError: above 1.

        Number troubles that are not named stay as they are: most numbers have none.
        """
        return replace(
            self,
            numbers=_with(self.numbers, numbers, scaled=False),
            attempts=_with(self.attempts, attempts, scaled=True),
            results=_with(self.results, results, scaled=True),
        )


def _with(table: Table, shares: Mapping[str, float], *, scaled: bool) -> Table:
    if not shares:
        return table
    known = {value: share for share, value in table}
    if unknown := set(shares).difference(filter(None, known)):
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(filter(None, known))}")
    rest = sum(share for share, value in table if value not in shares)
    left = 1 - sum(shares.values())
    if left < 0:
        raise ValueError("the shares are more than 1 together")
    factor = left / rest if scaled and rest else min(1.0, left / rest) if rest else 0.0
    return tuple((shares.get(value or "", share * factor), value) for share, value in table)


def fate_key(name: str) -> str:
    """What a campaign's fates hang on: the marker in its name, else the name."""
    found = MARKER.search(name)
    return found.group() if found else name


def draw(seed: int, key: str, phone: str, attempt: int, chances: Chances | None = None) -> Fate:
    """The fate of one attempt; the same arguments always give the same answer."""
    likely = chances or Chances()
    if not RUSSIAN.fullmatch(phone):
        return Fate("INVALID")
    digits = phone.lstrip("+")
    number = _pick(_chances(f"{seed}|{key}|{digits}"), likely.numbers)
    chance = _chances(f"{seed}|{key}|{digits}|{attempt}")
    return _attempt(chance, number or _pick(chance, likely.attempts) or "NOANSWER", likely)


def _chances(about: str) -> Iterator[float]:
    """Eight numbers in [0, 1) that depend on nothing but the text; a hash is far cheaper than a generator's seeding."""
    for number in struct.unpack("<8Q", hashlib.blake2b(about.encode()).digest()):
        yield number / 2**64


def _attempt(chance: Iterator[float], kind: str, likely: Chances) -> Fate:
    if kind in NOT_DIALED:
        return Fate(kind)
    if kind == "human":
        return _conversation(chance, likely)
    if kind == "machine":
        return Fate("ANSWERED", _between(chance, 12, 25), _between(chance, 4, 14), True, None, False, _late(chance))
    low, high = {"NOANSWER": (25, 45), "EXPIRED": (DIAL_LIMIT, DIAL_LIMIT), "FAILED": (2, 20)}.get(kind, (1, 5))
    return Fate(kind, _between(chance, low, high))


def _conversation(chance: Iterator[float], likely: Chances) -> Fate:
    result = _pick(chance, likely.results)
    talk = _between(chance, 1, 14) if result is None else _spoken(next(chance))
    transferred = result == "agreed" and next(chance) < 0.08
    return Fate("ANSWERED", _between(chance, 3, 22), talk, False, result, transferred, _late(chance))


def _spoken(chance: float) -> float:
    """Length of a real conversation: log-normal with its middle at 42 s, 12 to 600 s."""
    return min(600.0, 12.0 + round(30 * math.exp(0.6 * LENGTHS.inv_cdf(max(chance, 1e-9)))))


def _late(chance: Iterator[float]) -> float:
    return 60.0 * _between(chance, 2, 13)


def _between(chance: Iterator[float], low: float, high: float) -> float:
    return float(math.floor(low + next(chance) * (high - low)))


def _pick(chance: Iterator[float], table: Table) -> str | None:
    point = next(chance)
    for share, value in table:
        point -= share
        if point < 0:
            return value
    return None
