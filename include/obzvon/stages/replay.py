"""Replay: the tables of the warehouse rebuilt from ledger and archive alone. No vendor is asked."""

from __future__ import annotations

import logging
from datetime import date

import psycopg

from obzvon.errors import ObzvonError
from obzvon.reports.archive import Archive
from obzvon.stages.reviews import republish
from obzvon.stages.stored_plans import Dialers, Rebuilt, StoredPlan, check_secret, plans_between, pulls_of
from obzvon.vendors.registry import dialer_class
from obzvon.warehouse.db import connect
from obzvon.warehouse.load.batch import load
from obzvon.warehouse.load.plan import load_plan
from obzvon.warehouse.migrate import restore_dwh

__all__ = ["replay"]

log = logging.getLogger(__name__)


def replay(
    dsn: str,
    archive: Archive,
    from_date: date,
    to_date: date,
    campaign: str | None = None,
    *,
    secret: bytes,
    dialers: Dialers = dialer_class,
) -> list[Rebuilt]:
    """Rebuild what loading wrote for the plans with a call date in the range, ends included; counts of each plan.

    Tables of schema `dwh` that are missing are made again. Plans come in the order in which they were made, the pulls
    of a plan in the order in which they were fetched, and rows carry the moments of their first loading, so that what
    was lost comes back as it was; so do the reviews of their calls, which the ledger keeps. Where nothing is lost
    nothing is written. A plan that cannot be read (a page of the archive is gone, say) has a `problem` in its result,
    and the others go on; one that retention erased is `skipped`.

    Raises ConfigError when no plan of the range was ever loaded, the schema is not the newest or the secret is another.
    """
    with connect(dsn) as conn:
        conn.autocommit = True
        made = restore_dwh(dsn)
        check_secret(conn, secret)
        plans = plans_between(conn, from_date, to_date, campaign)
        if made:
            others = len(plans_between(conn, None, None, None)) - len(plans)
            log.warning("%s were gone and are made anew; %d plans outside the range stay out", ", ".join(made), others)
        results = []
        for number, plan in enumerate(plans, 1):
            results.append(result := _rebuild(conn, archive, plan, secret, dialers))
            result.tell(number, len(plans))
        if reviews := republish(conn):
            log.info("%d reviews are back at their calls", reviews)
    return results


def _rebuild(conn: psycopg.Connection, archive: Archive, plan: StoredPlan, secret: bytes, dialers: Dialers) -> Rebuilt:
    result = Rebuilt(plan.campaign_id, plan.call_date, skipped=plan.skipped)
    if result.skipped:
        return result
    pulls = pulls_of(conn, plan)
    try:
        spec, dialer = plan.campaign(), dialers(plan.vendor_code)
        first = min((pull.loaded_at for pull in pulls), default=plan.planned_at)
        result.contacts = load_plan(conn, spec, plan.plan_id, loaded_at=first)
        for pull in pulls:
            known = (pull.intent_id, pull.batch_id)
            result.add(load(conn, archive, spec, dialer, *known, secret=secret, loaded_at=pull.loaded_at))
    except ObzvonError as error:
        result.problem = str(error)
    return result
