"""A campaign and lists as the contacts room hands them over."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd

from obzvon.campaigns.spec import CampaignSpec
from obzvon.ledger.keys import phone_key
from obzvon.stages.plan import PlanSummary
from obzvon.vendors.settings import VendorSettings

FRIDAY = date(2026, 11, 20)
EVE = datetime(2026, 11, 19, 12, 0, tzinfo=UTC)
SECRET = b"a secret of the tests"

Planner = Callable[..., PlanSummary]


class TwoTries(VendorSettings):
    """A dialer that may ring twice."""

    type: str = "two_tries"
    conn_id: str = "nowhere"

    @property
    def script_id(self) -> str:
        return "script"

    @property
    def max_attempts(self) -> int:
        return 2


def campaign(**changes: Any) -> CampaignSpec:
    """A valid campaign; `changes` replace top-level keys."""
    return CampaignSpec.model_validate(
        {
            "name": "autumn",
            "title": "Autumn survey",
            "owner": "research",
            "purpose": "survey",
            "contacts": {"source": {"type": "csv", "path": "list.csv"}, "columns": {"phone": "phone"}},
            "vendor": TwoTries(),
            "goal": {"title": "Answered", "field": "result", "in": ["yes"]},
            "qolio": {"operator_id": "bot:two"},
            **changes,
        }
    )


def row(number: int, **changes: Any) -> dict[str, Any]:
    """A contact of the Moscow zone with a phone of its own."""
    phone = f"+7916{number:07d}"
    return {
        "contact_id": f"c{number}",
        "phone_raw": phone,
        "phone_e164": phone,
        "phone_key": phone_key(SECRET, phone),
        "full_name": f"Person {number}",
        "region": None,
        "segment": None,
        "tz_offsets": [180],
        "tz_source": "declared",
        "person_key": None,
        "consent_date": date(2026, 1, 15),
        "consent_ref": f"form {number}",
        "exclusion_reason": None,
        "variables": '{"sum": 1}',
        **changes,
    }


def same_phone(number: int, **changes: Any) -> dict[str, Any]:
    """Changes that give a row the phone of row `number`."""
    return {key: row(number)[key] for key in ("phone_raw", "phone_e164", "phone_key")} | changes


def bad(number: int, reason: str) -> dict[str, Any]:
    """A contact whose phone nobody can call."""
    return row(
        number,
        phone_e164=None,
        phone_key=None,
        exclusion_reason=reason,
        phone_raw="??",
        tz_offsets=None,
        tz_source=None,
    )


def frames(rows: list[dict[str, Any]], size: int | None = None) -> Iterator[pd.DataFrame]:
    """The list in chunks, small ones unless it is long; row numbers count from 1."""
    size = size or max(3, len(rows) // 10)
    numbered = [{"row_no": number, **cells} for number, cells in enumerate(rows, start=1)]
    for start in range(0, len(numbered), size):
        yield pd.DataFrame(numbered[start : start + size])


def digest(text: str) -> str:
    """sha256 in hex."""
    return hashlib.sha256(text.encode()).hexdigest()
