"""Reclassify: after a change of the mapping, what calls came to is read anew from the archive. No vendor is asked.

Where a requeue looks for rows that were refused or UNKNOWN, this reads every pull of a campaign again, so a mapping
that was wrong is put right as well. It takes the mapping of today's campaign file, as a requeue does.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import psycopg

from obzvon.dispositions import HUMAN
from obzvon.errors import ObzvonError
from obzvon.reports.archive import Archive
from obzvon.stages.requeue import Correction
from obzvon.stages.stored_plans import Dialers, Rebuilt, StoredPlan, plans_between, pulls_of
from obzvon.vendors.registry import dialer_class
from obzvon.warehouse.db import connect

__all__ = ["Reclassified", "reclassify"]

_BEFORE = """
drop table if exists pg_temp.classified;
create temp table classified (
    vendor_code text, vendor_call_id text, call_month date, disposition_code text) on commit drop
"""
_CLASSIFIED = """
insert into classified
select f.vendor_code, f.vendor_call_id, f.call_month, f.disposition_code
from dwh.fact_call_attempt f join ops.campaign_intent i using (intent_id)
where i.plan_id = %s
"""
_MOVED = """
select b.disposition_code, f.disposition_code, count(*)
from dwh.fact_call_attempt f
join ops.campaign_intent i using (intent_id)
join classified b on b.vendor_code = f.vendor_code and b.vendor_call_id = f.vendor_call_id
                 and b.call_month = f.call_month
where i.plan_id = %s and f.disposition_code <> b.disposition_code
group by 1, 2
"""


@dataclass(slots=True)
class Reclassified(Rebuilt):
    """As `Rebuilt`; `moved` counts calls by the outcome they had and the one they have now.

    `updated` is more where other values changed too (results, goals, transcripts), `inserted` are calls that came in.
    """

    moved: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def conversations(self) -> int:
        """Calls that became a conversation, or another one, or are none any more: Qolio has them as they were."""
        return sum(calls for codes, calls in self.moved.items() if HUMAN.intersection(codes))


def reclassify(
    dsn: str,
    archive: Archive,
    campaigns: Path,
    campaign: str,
    from_date: date | None = None,
    to_date: date | None = None,
    *,
    secret: bytes,
    run_id: str = "",
    dialers: Dialers = dialer_class,
) -> list[Reclassified]:
    """Load every archived pull of a campaign's plans by today's mapping; what moved, plan by plan, oldest first.

    `campaigns` is the folder of campaign files; a plan without a file keeps its own mapping. Pulls come in the order in
    which they were fetched, so of two answers about a call the newest counts as ever. A plan is reclassified whole or
    not at all (`problem`); one that retention erased is `skipped`. Running it again changes nothing. Raises ConfigError
    when no plan of the campaign was ever loaded in the range.
    """
    with connect(dsn) as conn:
        correction = Correction(conn, archive, secret, run_id, dialers, word="reclassified")
        plans, results = plans_between(conn, from_date, to_date, campaign), []
        for number, plan in enumerate(plans, 1):
            result = _plan(conn, correction, plan, campaigns / f"{plan.campaign_id}.yaml")
            result.tell(number, len(plans))
            results.append(result)
    return results


def _plan(conn: psycopg.Connection, correction: Correction, plan: StoredPlan, file: Path) -> Reclassified:
    result = Reclassified(plan.campaign_id, plan.call_date, skipped=plan.skipped)
    if result.skipped:
        return result
    try:
        with conn.transaction():
            conn.execute(_BEFORE)
            conn.execute(_CLASSIFIED, (plan.plan_id,))
            spec, result.mapping = correction.adopt(plan, file)
            for pull in pulls_of(conn, plan):
                result.add(correction.load(plan, spec, pull))
            for before, now, calls in conn.execute(_MOVED, (plan.plan_id,)):
                result.moved[before, now] = calls
    except ObzvonError as error:
        return Reclassified(plan.campaign_id, plan.call_date, problem=str(error))
    return result
