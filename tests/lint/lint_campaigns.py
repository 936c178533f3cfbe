"""A campaign that the shipped policy finds in order, to be changed by each test."""

from __future__ import annotations

from typing import Any

from obzvon.campaigns.spec import CampaignSpec

CALLER = "74950000001"
BOT, PLAN = "44e62ac6-6c08-4ad1-923d-5ee3299dd737", "d71c9c44-e942-4c6c-9ccc-ea5a043efb75"
DIALOG: dict[str, Any] = {
    "type": "dialog",
    "project_id": 1,
    "scenario_id": 951,
    "start_block_id": 10,
    "phone_id": 5,
    "report": {"fields": {"started_at": "at", "status": "status"}, "statuses": {"Разговор": "RPC_NO_RESULT"}},
}
V1: dict[str, Any] = {
    "type": "twin",
    "api": "v1",
    "bot_id": BOT,
    "calls_per_second": 5,
    "amd": {"enabled": True, "mode": "back"},
}
BETA: dict[str, Any] = {
    "type": "twin",
    "api": "beta",
    "bot_id": BOT,
    "dialplan_id": PLAN,
    "amd": {"enabled": True, "mode": "BACK"},
}
#: The recalls and the hours of TWIN's own example of a request.
EXAMPLE_RECALLS: dict[str, Any] = {
    "BUSY": {"enabled": True, "tries": 3, "interval": 900},
    "NO_ANSWER": {"enabled": True, "tries": 3, "interval": 1800},
    "MACHINE": {"enabled": True, "tries": 2, "interval": 1800},
    "CONGESTION": {"enabled": True, "tries": 3, "interval": 900},
    "NOT_SUCCESSFUL": {"enabled": False, "duration": 0},
}
EXAMPLE_HOURS = {"from": "09:01:40", "to": "21:56:40"}

COLUMNS = {"phone": "Телефон", "contact_id": "ID", "consent_date": "Согласие от", "consent_ref": "Согласие"}


def without(*keys: str) -> dict[str, Any]:
    """`contacts` without some of its columns."""
    columns = {key: column for key, column in COLUMNS.items() if key not in keys}
    return {"source": {"type": "csv", "path": "list.csv"}, "columns": columns}


def data(**changes: Any) -> dict[str, Any]:
    """What the file says; `changes` replace top-level keys, None takes one out."""
    said = {
        "name": "autumn",
        "title": "Опрос",
        "owner": "research",
        "purpose": "survey",
        "caller_ids": [CALLER],
        "contacts": without(),
        "vendor": DIALOG,
        "goal": {"title": "Да", "field": "goal", "in": ["true"]},
        "qolio": {"operator_id": "bot:1"},
        **changes,
    }
    return {key: value for key, value in said.items() if value is not None}


def campaign(**changes: Any) -> CampaignSpec:
    return CampaignSpec.model_validate(data(**changes))
