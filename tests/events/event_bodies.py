"""Bodies of TWIN's events as its document and public clients show them, and a plan whose calls they tell."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import psycopg
from launching import PLAN, forced, plan_of, spec
from loading import NINE
from psycopg.types.json import Jsonb

from obzvon.campaigns.spec import CampaignSpec
from obzvon.ledger.keys import external_id

__all__ = ["TASK", "ended", "rung", "twin_plan", "twin_spec"]

TASK = "00000000-0000-4000-8000-0000000000bb"
TWIN: dict[str, Any] = {
    "type": "twin", "api": "v1", "bot_id": "44e62ac6-6c08-4ad1-923d-5ee3299dd737", "calls_per_second": 5,
}  # fmt: skip
OUTCOMES = {"RPC_OPTOUT": {"field": "confirmation", "in": ["opt_out"]}}


def twin_spec() -> CampaignSpec:
    """A campaign of TWIN."""
    return spec(vendor=TWIN, outcomes=OUTCOMES)


def twin_plan(conn: psycopg.Connection, contacts: int, state: str = "running") -> str:
    """A plan of one running intent whose task is TASK; the id of the intent."""
    (intent,) = plan_of(conn, contacts)
    forced(
        conn,
        "update ops.campaign_intent set vendor_code = 'twin', vendor_task_id = %s, state = %s, submitted_at = now()",
        (TASK, state),
    )
    forced(conn, "update ops.campaign_plan set vendor_code = 'twin', spec = %s", (Jsonb(twin_spec().canonical()),))
    forced(conn, "update ops.plan_contact set sent_state = 'accepted'")
    conn.commit()
    return intent


def ended(number: int, contact: int = 1, **changes: Any) -> dict[str, Any]:
    """CALL_ENDED: `number` names the call and its minute, `contact` is the row of the list."""
    started = NINE + timedelta(minutes=number)
    said = {
        "event": "CALL_ENDED",
        "type": "OUTGOING",
        "id": f"k{number}",
        "taskId": TASK,
        "botId": TWIN["bot_id"],
        "status": "ANSWERED",
        "callFrom": "74951234567",
        "callTo": f"7916{contact:07d}",
        "startedAt": started.isoformat(),
        "finishedAt": (started + timedelta(minutes=1)).isoformat(),
        "variables": {},
        "result": {"confirmation": "agreed", "initialVariables": {"recordPath": f"https://tcl/{number}.mp3"}},
        "flow": [{"messages": [{"author": "BOT", "text": "Да?"}, {"author": "CLIENT", "text": "Хорошо"}]}],
        "callbackData": {"external_id": external_id(PLAN, contact)},
    }
    return said | changes


def rung(said: dict[str, Any]) -> bytes:
    """The body of an event."""
    return json.dumps(said, ensure_ascii=False).encode()
