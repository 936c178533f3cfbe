"""What a stored plan says in numbers: ids and counts only, fit for XCom, logs and the person who approves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from obzvon.ledger.keys import CANARY_BATCH

__all__ = ["ExcludedCount", "PlanSummary", "ZoneCount", "summarise"]


@dataclass(frozen=True, slots=True)
class ExcludedCount:
    """Contacts of one decision; `code` is a Disposition, `reason` is finer."""

    code: str
    reason: str
    contacts: int


@dataclass(frozen=True, slots=True)
class ZoneCount:
    """What one zone adds: vendor campaigns to be (intents) and contacts to call."""

    zone: str
    intents: int
    contacts: int


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """One plan. Moments are UTC; `reused` is True when an earlier plan was already being carried out.

    `worst_case_attempts` is the number of dials if every contact needs every attempt the vendor is allowed.
    """

    plan_id: str
    plan_hash: str
    reused: bool
    contacts_total: int
    contacts_to_call: int
    excluded: tuple[ExcludedCount, ...]
    zones: tuple[ZoneCount, ...]
    batches: tuple[int, ...]
    worst_case_attempts: int
    window_start: datetime
    window_end: datetime

    @property
    def intents(self) -> int:
        """Vendor campaigns the plan makes."""
        return sum(zone.intents for zone in self.zones)


_PLAN = """
select p.plan_hash, p.contacts_total, p.contacts_to_call,
    coalesce(array_agg(distinct i.batch_no order by i.batch_no) filter (where i.batch_no <> %s), '{}'),
    min(i.window_start_utc), max(i.window_end_utc)
from ops.campaign_plan p
join ops.campaign_intent i using (plan_id)
where p.plan_id = %s
group by p.plan_id
"""

_EXCLUDED = """
select exclusion_code as code, exclusion_reason as reason, count(*) as contacts
from ops.plan_contact
where plan_id = %s and exclusion_code is not null
group by exclusion_code, exclusion_reason
order by contacts desc, code, reason
"""

_ZONES = """
select zone, count(*) as intents, sum(contacts_planned)::integer as contacts
from ops.campaign_intent
where plan_id = %s
group by zone
order by min(batch_no), zone
"""

_ATTEMPTS = """
select coalesce(sum(r.max_attempts), 0)::integer
from ops.attempt_reservation r
join ops.campaign_intent i using (intent_id)
where i.plan_id = %s
"""


def summarise(conn: psycopg.Connection, plan_id: str, *, reused: bool) -> PlanSummary:
    """The summary of a stored plan."""
    found = conn.execute(_PLAN, [CANARY_BATCH, plan_id]).fetchone()
    assert found is not None, "a plan exists only complete"
    plan_hash, total, to_call, batches, start, end = found
    attempts = conn.execute(_ATTEMPTS, [plan_id]).fetchone()
    assert attempts is not None
    with conn.cursor(row_factory=class_row(ExcludedCount)) as cursor:
        excluded = tuple(cursor.execute(_EXCLUDED, [plan_id]))
    with conn.cursor(row_factory=class_row(ZoneCount)) as cursor:
        zones = tuple(cursor.execute(_ZONES, [plan_id]))
    return PlanSummary(
        plan_id, plan_hash, reused, total, to_call, excluded, zones, tuple(batches), attempts[0], start, end
    )
