"""Requeue: after a correction of the mapping, rows that broke the contract are read again and come in, once.

The correction reaches a plan in one of two ways. A newer Obzvon reads the pages with its own code. A corrected campaign
file lends the plan its mapping (`campaigns/mapping.py` says which keys those are). `ops.campaign_plan.spec` holds it
from then on, so late rows and replays are read by it too; `ops.intent_event` says when that was and what changed.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import psycopg
from psycopg.types.json import Jsonb

from obzvon.campaigns.catalogue import load as load_file
from obzvon.campaigns.mapping import corrected
from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import ConfigError, ObzvonError
from obzvon.reports.archive import Archive
from obzvon.stages.stored_plans import Dialers, Pull, Rebuilt, StoredPlan, check_secret, plans_between, pulls_of
from obzvon.vendors.registry import dialer_class
from obzvon.warehouse.db import connect
from obzvon.warehouse.load.batch import LoadResult, load

__all__ = ["Correction", "requeue"]

_DWH = "select to_regclass('dwh.fact_call_attempt') is not null"
_UNKNOWN = """
select exists (select from dwh.fact_call_attempt f join ops.campaign_intent i using (intent_id)
               where i.plan_id = %s and f.disposition_code = 'UNKNOWN')
"""
_ADOPT = "update ops.campaign_plan set spec = %s where plan_id = %s"
_NOTE = """
insert into ops.intent_event (intent_id, from_state, to_state, dag_run_id, detail)
select intent_id, state, state, %s, %s from ops.campaign_intent where plan_id = %s
"""


def requeue(
    dsn: str,
    archive: Archive,
    campaigns: Path,
    from_date: date | None = None,
    to_date: date | None = None,
    campaign: str | None = None,
    *,
    secret: bytes,
    every_plan: bool = False,
    run_id: str = "",
    dialers: Dialers = dialer_class,
) -> list[Rebuilt]:
    """Load again what is in quarantine or UNKNOWN; counts of each plan where there was something to do.

    `campaigns` is the folder of campaign files. A plan with such rows takes over the mapping of its file as it is
    today (a plan without a file keeps its own); with `every_plan` so does one without, whose mapping was wrong and
    not lacking. If the mapping changed every pull of the plan is loaded again, else those with rows in quarantine:
    rows that are sound now come in and get `requeued_at`, the others stay. A plan is put right whole or not at all.
    A second requeue changes nothing. A plan that retention erased is `skipped`. Raises ConfigError when no plan of
    the range was ever loaded.
    """
    with connect(dsn) as conn:
        correction = Correction(conn, archive, secret, run_id, dialers)
        plans, results = plans_between(conn, from_date, to_date, campaign), []
        for number, plan in enumerate(plans, 1):
            if result := _put_right(conn, correction, plan, campaigns / f"{plan.campaign_id}.yaml", every_plan):
                result.tell(number, len(plans))
                results.append(result)
    return results


def _put_right(
    conn: psycopg.Connection, correction: Correction, plan: StoredPlan, file: Path, every_plan: bool
) -> Rebuilt | None:
    if plan.skipped:
        return Rebuilt(plan.campaign_id, plan.call_date, skipped=plan.skipped)
    pulls = pulls_of(conn, plan)
    broken = [pull for pull in pulls if pull.has_broken_rows]
    if not (every_plan or broken or conn.execute(_UNKNOWN, (plan.plan_id,)).fetchone() == (True,)):
        return None
    result = Rebuilt(plan.campaign_id, plan.call_date)
    try:
        with conn.transaction():
            spec, result.mapping = correction.adopt(plan, file)
            for pull in pulls if result.mapping else broken:
                result.add(correction.load(plan, spec, pull))
    except ObzvonError as error:
        result = Rebuilt(plan.campaign_id, plan.call_date, problem=str(error))
    return result if result.pulls or result.problem else None


class Correction:
    """Plans take over the mapping of today's campaign files, and their pulls are loaded by it. Commits nothing itself.

    Takes the connection over (autocommit). ConfigError: the secret is another one, or the tables of `dwh` are gone.
    `word` is what the ledger calls it.
    """

    def __init__(
        self,
        conn: psycopg.Connection,
        archive: Archive,
        secret: bytes,
        run_id: str,
        dialers: Dialers,
        *,
        word: str = "requeued",
    ) -> None:
        self._conn, self._archive, self._secret, self._run_id, self._dialers = conn, archive, secret, run_id, dialers
        self._word = word
        conn.autocommit = True
        check_secret(conn, secret)
        if conn.execute(_DWH).fetchone() != (True,):
            raise ConfigError("the tables of schema dwh are gone; replay first")

    def adopt(self, plan: StoredPlan, file: Path) -> tuple[CampaignSpec, tuple[str, ...]]:
        """What the plan's reports are read by from now on, and the keys of the file that changed."""
        spec, changed = _mapped(plan.campaign(), file)
        if changed:
            self._conn.execute(_ADOPT, (Jsonb(spec.canonical()), plan.plan_id))
            detail = f"{self._word} with the campaign file's mapping of today: {', '.join(changed)} changed"
            self._conn.execute(_NOTE, (self._run_id, detail, plan.plan_id))
        return spec, tuple(changed)

    def load(self, plan: StoredPlan, spec: CampaignSpec, pull: Pull) -> LoadResult:
        """Load one pull of the plan again."""
        dialer = self._dialers(plan.vendor_code)
        return load(self._conn, self._archive, spec, dialer, pull.intent_id, pull.batch_id, secret=self._secret)


def _mapped(planned: CampaignSpec, file: Path) -> tuple[CampaignSpec, list[str]]:
    return corrected(planned, load_file(file)) if file.exists() else (planned, [])
