"""What may still dial at the vendors, as the ledger knows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import psycopg
from psycopg.rows import class_row

__all__ = ["AtVendor", "at_vendors"]

_RUNNING = """
select campaign_id, call_date, zone, chunk_no, vendor_code, state, vendor_task_id, contacts_accepted as contacts,
       window_end_utc as dials_until, stop_asked_at, stop_outcome
from ops.campaign_intent
where state in ('sending', 'created', 'in_doubt', 'running') and stop_outcome is distinct from 'confirmed'
  and (%(campaign)s::text is null or campaign_id = %(campaign)s)
order by campaign_id, call_date, zone, chunk_no
"""


@dataclass(frozen=True, slots=True)
class AtVendor:
    """One vendor campaign that nobody has confirmed to be stopped. Moments are UTC."""

    campaign_id: str
    call_date: date
    zone: str
    chunk_no: int
    vendor_code: str
    state: str
    vendor_task_id: str | None
    contacts: int
    dials_until: datetime
    stop_asked_at: datetime | None
    stop_outcome: str | None

    @property
    def to_be_halted(self) -> bool:
        """True while its stop has no outcome yet: the running tasks are to tell the vendor."""
        return self.stop_outcome is None

    @property
    def fate(self) -> str:
        """What becomes of it once its campaign is switched off, in words."""
        until = f"{self.dials_until:%Y-%m-%d %H:%M} UTC"
        if self.stop_outcome == "not_possible":
            return f"dials until its schedule ends at {until}; stop it in the vendor's cabinet"
        if self.stop_outcome == "unconfirmed":
            return f"told to stop, not confirmed, may dial until {until}: look into the vendor's cabinet"
        if self.vendor_task_id is None:
            return f"not known whether the vendor has it, may dial until {until}"
        return f"being halted, may dial until {until}"


def at_vendors(conn: psycopg.Connection, campaign: str | None = None) -> list[AtVendor]:
    """Every vendor campaign that may still dial, of one campaign or of all."""
    with conn.cursor(row_factory=class_row(AtVendor)) as cur:
        return cur.execute(_RUNNING, {"campaign": campaign}).fetchall()
