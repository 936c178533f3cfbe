"""Plans a list in a process of its own and prints every stored row: `plan_in_a_zone.py DSN`, under whatever `TZ`."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

#: Tables that a plan fills.
TABLES = (
    "ops.policy", "ops.campaign_plan", "ops.campaign_intent", "ops.plan_contact", "ops.attempt_reservation",
    "pii.contact_payload", "pii.phone",
)  # fmt: skip
#: Columns that say when the database wrote a row; every other moment is the plan's own.
CLOCKS = {"created_at", "updated_at", "stored_at", "first_seen_at"}
WINDOW = {"from": "10:00", "to": "20:00", "dayoff": {"from": "11:00", "to": "18:00"}}
LENIENT = {
    "source": {"type": "csv", "path": "list.csv"},
    "columns": {"phone": "phone"},
    "max_reject_share": 1,
}


def main(dsn: str) -> dict[str, Any]:
    """Plan for a Friday when Tokyo has Saturday and half of the zones are over; the rows by table."""
    sys.path.append(str(Path(__file__).parents[1]))
    from plan_lists import FRIDAY, bad, campaign, frames, row
    from policies import relaxed

    from obzvon.stages.plan import plan
    from obzvon.warehouse.db import connect

    late = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
    spec = campaign(window=WINDOW, when_late="next_day", contacts=LENIENT)
    zones = ([120], [180], [420], [720], [180, 300], [600, 720])
    rows = [row(number, tz_offsets=offsets) for number, offsets in enumerate(zones * 2, 1)]
    rows += [bad(90, "empty"), row(91, consent_date=date(2026, 11, 20)), row(92, tz_offsets=None)]
    with connect(dsn) as conn:
        made = plan(conn, spec, relaxed(), FRIDAY, now=late, chunks=frames(rows))
        conn.commit()
        stored = {table: _rows(conn, table) for table in TABLES}
    return {"zone": time.tzname[0], "hash": made.plan_hash, "summary": str(made), "stored": stored}


def _rows(conn: Any, table: str) -> list[str]:
    found = conn.execute(f"select to_jsonb(t) from {table} t").fetchall()
    kept = ({name: value for name, value in row.items() if name not in CLOCKS} for (row,) in found)
    return sorted(json.dumps(row, sort_keys=True) for row in kept)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
