"""The plan as a document: everything that a person needs to say yes or no, read from the stored plan.

Ids, counts, moments and money only: no phone, no name. `document_text` renders it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

import psycopg
from psycopg.rows import class_row

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import LedgerError
from obzvon.ledger.keys import CANARY_BATCH
from obzvon.policy.lint import Level, lint
from obzvon.policy.model import Policy
from obzvon.stages.planning.differences import Differences, differences
from obzvon.stages.planning.forecast import Forecast, read_forecast
from obzvon.stages.planning.summary import PlanSummary, summarise

__all__ = ["CanaryPart", "Holder", "PlanDocument", "PlanHead", "ZonePart", "read_document"]


@dataclass(frozen=True, slots=True)
class ZonePart:
    """One zone: its window at the people's own clocks and in UTC, vendor campaigns (intents) and contacts."""

    zone: str
    local_date: date
    local_from: time
    local_to: time
    starts_at: datetime
    ends_at: datetime
    intents: int
    contacts: int


@dataclass(frozen=True, slots=True)
class CanaryPart:
    """Who is called first and alone; their window (UTC)."""

    contacts: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Holder:
    """A campaign that has contacts of this list on that day, by the `reason` for which they are not called."""

    reason: str
    campaign: str
    contacts: int


@dataclass(frozen=True, slots=True)
class PlanHead:
    """What a plan is about. Moments are UTC; `policy_version` is None where no policy was stored with the plan."""

    campaign: str
    title: str
    vendor: str
    purpose: str
    call_date: date
    planned_at: datetime
    approval_needed: bool
    chunk_size: int
    policy_version: date | None
    list_changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class PlanDocument:
    """One stored plan.

    `zones` are without the canary. `holders` are those of now: what was given back since is not named. `forecast` is
    None for a plan of a version without forecasts, `last` for the first plan of the campaign. `warnings` are those that
    the lint of campaign and policy has, as they are stored.
    """

    head: PlanHead
    summary: PlanSummary
    forecast: Forecast | None
    zones: tuple[ZonePart, ...]
    canary: CanaryPart | None
    holders: tuple[Holder, ...]
    last: Differences | None
    warnings: tuple[str, ...]

    @property
    def hash(self) -> str:
        """The start of the plan's hash: enough for a person to compare."""
        return self.summary.plan_hash[:12]


_HEAD = """
select p.campaign_id as campaign, p.spec ->> 'title' as title, p.vendor_code as vendor, p.purpose, p.call_date,
    p.planned_at, p.approval = 'needed' as approval_needed, (p.spec #>> '{limits,chunk_size}')::integer as chunk_size,
    y.version as policy_version, p.list_changed_at
from ops.campaign_plan p left join ops.policy y using (policy_hash)
where p.plan_id = %s
"""

_ZONES = """
select zone, coalesce(local_date, call_date) as local_date, local_from, local_to,
    min(window_start_utc) as starts_at, max(window_end_utc) as ends_at,
    count(*)::integer as intents, sum(contacts_planned)::integer as contacts
from ops.campaign_intent
where plan_id = %s and batch_no <> %s
group by 1, 2, 3, 4
order by starts_at, zone
"""

_CANARY = """
select sum(i.contacts_planned)::integer as contacts, min(i.window_start_utc) as starts_at,
    least(max(i.window_end_utc),
          min(i.window_start_utc) + make_interval(mins => (p.spec #>> '{canary,minutes}')::integer)) as ends_at
from ops.campaign_intent i join ops.campaign_plan p using (plan_id)
where i.plan_id = %s and i.batch_no = %s
group by p.plan_id
"""

# A contact may be with several campaigns, and counts for each.
_HELD = """
select '{reason}' as reason, r.campaign_id as campaign, count(distinct c.row_no)::integer as contacts
from ops.plan_contact c join ops.attempt_reservation r on r.{key} = c.{key} join ops.campaign_intent i
    on i.intent_id = r.intent_id and i.plan_id <> c.plan_id
where c.plan_id = %(plan)s and c.exclusion_reason = '{reason}' and greatest(r.held, r.attempts) > 0
  and r.local_date in (
    select call_date from ops.campaign_plan where plan_id = %(plan)s
    union select local_date from ops.campaign_intent where plan_id = %(plan)s)
group by r.campaign_id
"""
_HOLDERS = "{} union all {} order by contacts desc, campaign".format(
    _HELD.format(reason="other_campaign_phone", key="phone_key"),
    _HELD.format(reason="other_campaign_person", key="person_key"),
)

_RULES = """
select p.spec, y.policy from ops.campaign_plan p join ops.policy y using (policy_hash) where p.plan_id = %s
"""


def read_document(conn: psycopg.Connection, plan_id: str, *, reused: bool = False) -> PlanDocument:
    """The stored plan as a document; LedgerError when there is none. `reused` as in the summary."""
    with conn.cursor(row_factory=class_row(PlanHead)) as cursor:
        head = cursor.execute(_HEAD, [plan_id]).fetchone()
    if head is None:
        raise LedgerError(f"plan {plan_id[:8]} is not in the ledger; run the task `plan` of this DAG run again")
    with conn.cursor(row_factory=class_row(ZonePart)) as cursor:
        zones = tuple(cursor.execute(_ZONES, [plan_id, CANARY_BATCH]))
    with conn.cursor(row_factory=class_row(CanaryPart)) as cursor:
        canary = cursor.execute(_CANARY, [plan_id, CANARY_BATCH]).fetchone()
    summary = summarise(conn, plan_id, reused=reused)
    warnings = [*_warnings(conn, plan_id), *_closed_before(canary, zones)]
    return PlanDocument(
        head=head,
        summary=summary,
        forecast=read_forecast(conn, plan_id),
        zones=zones,
        canary=canary,
        holders=_holders(conn, plan_id, summary),
        last=differences(conn, plan_id),
        warnings=tuple(warnings),
    )


def _holders(conn: psycopg.Connection, plan_id: str, summary: PlanSummary) -> tuple[Holder, ...]:
    """Which campaigns have the people who are left to other campaigns, most people first."""
    if not any(group.reason.startswith("other_campaign_") for group in summary.excluded):
        return ()
    with conn.cursor(row_factory=class_row(Holder)) as cursor:
        return tuple(cursor.execute(_HOLDERS.encode(), {"plan": plan_id}))


def _closed_before(canary: CanaryPart | None, zones: Sequence[ZonePart]) -> Iterator[str]:
    """Who will not be called because their hours are over before the canary's results are there."""
    late = [part for part in zones if canary and part.ends_at <= canary.ends_at]
    if late and canary:
        people, where = sum(part.contacts for part in late), ", ".join(part.zone for part in late)
        yield (
            f"{people} contacts in {where} will not be called: their hours are over before the canary's results are "
            f"there ({canary.ends_at:%H:%M} UTC)"
        )


def _warnings(conn: psycopg.Connection, plan_id: str) -> Iterator[str]:
    for spec, policy in conn.execute(_RULES, [plan_id]):
        for finding in lint(CampaignSpec.model_validate(spec), Policy.model_validate(policy)):
            if finding.level is Level.WARNING:
                yield f"{finding.key}: {finding.message}"
