"""Identities that come from the business, not from a run: the same facts always give the same key."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash

#: Offsets of the Russian zones in minutes east of UTC (no daylight saving), +2 … +12.
ALL_OFFSETS = tuple(hours * 60 for hours in range(2, 13))

#: `batch_no` of the contacts who are called first and alone; doubts are numbered from 1000 on.
CANARY_BATCH = 900


def _sha(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


def plan_id(campaign: str, call_date: date) -> str:
    """Key of the one plan of a campaign for a call date."""
    return _sha(campaign, call_date.isoformat())


def intent_id(campaign: str, call_date: date, zone: str, chunk_no: int) -> str:
    """Key of one vendor campaign to be. Clearing a task, a backfill and two parallel runs all find the same one."""
    return _sha(campaign, call_date.isoformat(), zone, chunk_no)


def marker(intent: str) -> str:
    """What a vendor campaign's name carries so that it can be found again and never be mistaken for another's."""
    return f"[af:{intent[:8]}]"


def zone_label(offsets: Iterable[int]) -> str:
    """`+03:00`, or several joined with `/` where the zone is not certain."""
    return "/".join(f"{'+' if m >= 0 else '-'}{abs(m) // 60:02d}:{abs(m) % 60:02d}" for m in sorted(offsets))


def external_id(plan: str, row_no: int) -> str:
    """Our id of a contact at the vendor; the same on every retry."""
    return f"{plan[:12]}-{row_no}"


def person_key(secret: bytes, registry: str, contact_id: str) -> str:
    """HMAC-SHA256 of a person's id in the system that `registry` names: one person, whatever the phone."""
    return _hmac(secret, f"person|{registry}|{contact_id}".encode())


def phone_key(secret: bytes, e164: str) -> str:
    """HMAC-SHA256 of the number: stands for the phone everywhere outside `pii` and request bodies."""
    return _hmac(secret, e164.encode())


#: Bytes that SHA-256 takes at a time.
_BLOCK = 64


def _hmac(secret: bytes, text: bytes) -> str:
    """HMAC-SHA256 (RFC 2104) as hex. A list asks twice a contact: `hmac.digest` takes the secret in anew each time."""
    begun, closing = _taken_in(secret)
    inner, outer = begun.copy(), closing.copy()
    inner.update(text)
    outer.update(inner.digest())
    return outer.hexdigest()


@lru_cache(maxsize=8)
def _taken_in(secret: bytes) -> tuple[_Hash, _Hash]:
    """The inner and the outer hash with the secret's block in them."""
    short = secret if len(secret) <= _BLOCK else hashlib.sha256(secret).digest()
    block = short.ljust(_BLOCK, b"\0")
    return hashlib.sha256(block.translate(hmac.trans_36)), hashlib.sha256(block.translate(hmac.trans_5C))
