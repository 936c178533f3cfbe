"""Three small campaigns, one for each way a vendor takes contacts, with their people and accounts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from obzvon.campaigns.spec import CampaignSpec
from obzvon.ledger.keys import phone_key
from obzvon.vendors.account import Account

ROOT = Path(__file__).resolve().parents[2]
SECRET = b"a secret of at least thirty-two characters"
VENDORS = ("dialog", "twin", "twin_beta")
#: Tomorrow in Moscow: every zone's window is still to come, at any hour of the day.
CALL_DATE = (datetime.now(ZoneInfo("Europe/Moscow")) + timedelta(days=1)).date()
#: Zone in minutes and how many people live in it: three vendor campaigns of at most CHUNK people.
ZONES = {300: 24, 180: 12}
CHUNK, BATCH = 12, 7
#: Of the sandbox: shorter pages than its lists would fill, so that every list has several.
PAGE = 7

_LIMITS = {"chunk_size": CHUNK, "candidate_batch": BATCH, "max_batches": 1, "qolio_concurrency": 2}
_BETA = {
    "type": "twin",
    "api": "beta",
    "bot_id": "44e62ac6-6c08-4ad1-923d-5ee3299dd737",
    "dialplan_id": "d71c9c44-e942-4c6c-9ccc-ea5a043efb75",
    "intensity": 5,
    "amd": {"enabled": True, "mode": "BACK"},
    "recall_rules": {"NO_ANSWER": {"enabled": True, "tries": 1, "interval": 900}},
}
_OPTIONS: dict[str, dict[str, Any]] = {
    "dialog": {"platform_timezone": "Asia/Yekaterinburg"},
    "twin": {"company_timezone": "Europe/Moscow", "candidates_path": "/tasks/{task_id}/candidates"},
    "qolio": {"integration_path": "/api/v1/integrations/c34f637a-0000-4000-8000-000000000001/phone_calls"},
}
_PASSWORDS = {
    "dialog": "sandbox-dialog-password",
    "twin": "sandbox-twin-password",
    "qolio": "sandbox-qolio-integration-token",
}


@cache
def campaign(vendor: str) -> CampaignSpec:
    """The demo campaign of the vendor, small and impatient."""
    name = "demo_dialog" if vendor == "dialog" else "demo_twin"
    values = yaml.safe_load((ROOT / "include" / "campaigns" / f"{name}.yaml").read_text(encoding="utf-8"))
    values |= {
        "name": f"faults_{vendor}",
        "limits": _LIMITS,
        "wait": {"stable_minutes": 1, "stable_polls": 3},
        "settle": {"looks": 2, "pause_seconds": 0.05, "minutes": 0.1, "absent_minutes": 0},
    }
    if vendor == "twin_beta":
        values["vendor"] = _BETA
    return CampaignSpec.model_validate(values)


def people() -> list[dict[str, Any]]:
    """The prepared list: everybody may be called, the phones are the journal's keys."""
    zones = [offset for offset, count in ZONES.items() for _ in range(count)]
    return [_person(number, offset) for number, offset in enumerate(zones, 1)]


def account(vendor: str, base_url: str, options: Mapping[str, Any]) -> Account:
    """The sandbox's account with this vendor; `options` go before those of every case."""
    given = _OPTIONS[vendor] | {"retry_seconds": 20, "ready_seconds": 5} | dict(options)
    address = f"{base_url}/{vendor}"
    return Account(address, "robot@obzvon.example", _PASSWORDS[vendor], options=given, conn_id=f"{vendor}_default")


def _person(number: int, offset: int) -> dict[str, Any]:
    phone = f"+7916{5000000 + 7919 * number:07d}"
    return {
        "row_no": number,
        "contact_id": f"c{number}",
        "phone_raw": phone,
        "phone_e164": phone,
        "phone_key": phone_key(SECRET, phone),
        "full_name": f"Человек {number}",
        "region": None,
        "segment": None,
        "tz_offsets": [offset],
        "tz_source": "declared",
        "person_key": None,
        "consent_date": date(2026, 1, 15),
        "consent_ref": "form",
        "exclusion_reason": None,
        "variables": '{"name": "Человек"}',
    }
