"""Plans that the warehouse knows, with what is stored of them: all that a replay or a requeue starts from."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import class_row
from pydantic import ValidationError

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import ConfigError, LedgerError
from obzvon.ledger.key_guard import check_secret
from obzvon.vendors.base import Dialer
from obzvon.warehouse.load.batch import LoadResult

__all__ = ["Dialers", "Pull", "Rebuilt", "StoredPlan", "check_secret", "plans_between", "pulls_of"]

log = logging.getLogger(__name__)

#: The dialer for a vendor code.
Dialers = Callable[[str], type[Dialer]]

# A plan is in the warehouse when a pull of it was loaded, or an audit has brought it in.
_PLANS = """
select plan_id, campaign_id, call_date, vendor_code, planned_at, spec,
       (select max(r.gone_at)::date from ops.raw_archive r join ops.campaign_intent i using (intent_id)
        where i.plan_id = p.plan_id) as erased_on
from ops.campaign_plan p
where (%(first)s::date is null or call_date >= %(first)s) and (%(last)s::date is null or call_date <= %(last)s)
  and (%(campaign)s::text is null or campaign_id = %(campaign)s)
  and (exists (select from ops.raw_archive r join ops.campaign_intent i using (intent_id)
               where i.plan_id = p.plan_id and r.loaded_at is not null)
       or exists (select from ops.audit_check a where a.plan_id = p.plan_id))
order by planned_at, plan_id
"""
# A pull that was archived but never loaded is the business of the task that pulled it.
_PULLS = """
select r.intent_id, r.batch_id, min(r.loaded_at) as loaded_at,
       exists (select from ops.quarantine q join ops.raw_archive a using (archive_id)
               where a.intent_id = r.intent_id and a.batch_id = r.batch_id and q.requeued_at is null) as has_broken_rows
from ops.raw_archive r join ops.campaign_intent i using (intent_id)
where i.plan_id = %s
group by r.intent_id, r.batch_id
having bool_and(r.loaded_at is not null)
order by min(r.fetched_at), min(r.archive_id)
"""


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """One row of `ops.campaign_plan`."""

    plan_id: str
    campaign_id: str
    call_date: date
    vendor_code: str
    planned_at: datetime
    spec: Mapping[str, Any]
    erased_on: date | None = None

    @property
    def skipped(self) -> str | None:
        """Why nothing can be loaded again; None while the plan has its archive."""
        if self.erased_on is None:
            return None
        return (
            f"erased by retention on {self.erased_on}: its answers are gone, so it is passed over; its facts stay as"
            " they are, and what is lost of them cannot be rebuilt"
        )

    def campaign(self) -> CampaignSpec:
        """The campaign file that the plan goes by. LedgerError when this version of Obzvon cannot read it."""
        try:
            return CampaignSpec.model_validate(self.spec)
        except ValidationError as error:
            keys = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors(include_input=False))
            raise LedgerError(f"the stored campaign file of plan {self.plan_id[:12]} is not valid at {keys}") from None


@dataclass(frozen=True, slots=True)
class Pull:
    """One fetching of one report that was loaded; `loaded_at` is when that happened first."""

    intent_id: str
    batch_id: str
    loaded_at: datetime
    has_broken_rows: bool


@dataclass(slots=True)
class Rebuilt:
    """What loading a plan again did; counts only.

    `problem` is the sentence of the error that ended it, `skipped` says why it was passed over.
    """

    campaign_id: str
    call_date: date
    contacts: int = 0
    pulls: int = 0
    rows: int = 0
    inserted: int = 0
    updated: int = 0
    quarantined: int = 0
    mapping: tuple[str, ...] = ()
    problem: str | None = None
    skipped: str | None = None

    def add(self, result: LoadResult) -> None:
        """Count one pull."""
        self.pulls += 1
        for name in ("rows", "inserted", "updated", "quarantined"):
            setattr(self, name, getattr(self, name) + getattr(result, name))

    def tell(self, number: int, plans: int) -> None:
        """One line of progress."""
        if self.skipped:
            log.info("plan %d of %d, %s %s: %s", number, plans, self.campaign_id, self.call_date, self.skipped)
            return
        log.info(
            "plan %d of %d, %s %s: %d contacts written, %d pulls read, %d calls: %d new, %d changed, %d in quarantine",
            number, plans, self.campaign_id, self.call_date, self.contacts, self.pulls, self.rows, self.inserted,
            self.updated, self.quarantined,
        )  # fmt: skip
        if self.problem:
            log.error("%s %s: %s", self.campaign_id, self.call_date, self.problem)


def plans_between(
    conn: psycopg.Connection, first: date | None, last: date | None, campaign: str | None
) -> list[StoredPlan]:
    """The plans of the warehouse with a call date in the range (ends included; None: no end), oldest plan first.

    Raises ConfigError when there is none: a range or a name with a slip must not look like success.
    """
    if first and last and first > last:
        raise ConfigError(f"the range is reversed: from {first} is after to {last}; swap them")
    with conn.cursor(row_factory=class_row(StoredPlan)) as cursor:
        plans = cursor.execute(_PLANS, {"first": first, "last": last, "campaign": campaign}).fetchall()
    if not plans:
        of = f" of campaign {campaign}" if campaign else ""
        raise ConfigError(f"no plan{of} with a call date from {first or 'ever'} to {last or 'now'} was ever loaded")
    return plans


def pulls_of(conn: psycopg.Connection, plan: StoredPlan) -> list[Pull]:
    """The loaded pulls of a plan, in the order in which they were fetched."""
    with conn.cursor(row_factory=class_row(Pull)) as cursor:
        return cursor.execute(_PULLS, (plan.plan_id,)).fetchall()
