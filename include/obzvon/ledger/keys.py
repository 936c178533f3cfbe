"""Identities that come from the business, not from a run: the same facts always give the same key."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import date

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
    return hmac.digest(secret, f"person|{registry}|{contact_id}".encode(), "sha256").hex()


def phone_key(secret: bytes, e164: str) -> str:
    """HMAC-SHA256 of the number: stands for the phone everywhere outside `pii` and request bodies."""
    return hmac.digest(secret, e164.encode(), "sha256").hex()
