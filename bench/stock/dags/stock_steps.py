"""The Python steps both stock pipelines share: read the list, append to the table, send conversations to Qolio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from airflow.providers.http.hooks.http import HttpHook
from airflow.providers.postgres.hooks.postgres import PostgresHook

CONTACTS = Path(__file__).parent.parent / "contacts.csv"
INTEGRATION = "c34f637a-0000-4000-8000-000000000001"
COLUMNS = ["call_id", "campaign_id", "phone", "started_at", "status", "result", "duration", "record_url", "phrases"]

# requests waits for ever unless told otherwise, so whoever has been bitten once sets a timeout (seconds)
TIMEOUT = {"timeout": 10}


def read_contacts() -> list[dict[str, str]]:
    """Rows of the list, everything as text: a phone is not a number."""
    return pd.read_csv(CONTACTS, dtype=str).to_dict("records")


def load(rows: list[dict[str, Any]], table: str) -> int:
    """Append the rows. One `to_sql` is one transaction: half a report is never in the table."""
    frame = pd.DataFrame(rows, columns=COLUMNS).drop(columns="phrases")
    engine = PostgresHook("stock_warehouse").get_sqlalchemy_engine()
    frame.to_sql(table, engine, if_exists="append", index=False)
    return len(frame)


def deliver(rows: list[dict[str, Any]], conn_id: str, operator_id: str) -> int:
    """POST each recorded conversation; `uid` makes Qolio update a call it already has."""
    hook = HttpHook(method="POST", http_conn_id=conn_id)
    endpoint = f"api/v1/integrations/{INTEGRATION}/phone_calls"
    recorded = [row for row in rows if row["record_url"] and row["duration"]]
    for row in recorded:
        call = {
            "uid": row["call_id"],
            "operator_id": operator_id,
            "started_at": row["started_at"],
            "media_url": row["record_url"],
            "direction": "outcoming",
            "duration": row["duration"],
            "client_phone_number": row["phone"],
            "transcription": row["phrases"],
        }
        hook.run(endpoint, json=call, extra_options=TIMEOUT)
    return len(recorded)
