"""Discover: what a campaign's report really holds, by the archive or asked of the vendor."""

from __future__ import annotations

from tempfile import TemporaryFile

import psycopg

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import ConfigError
from obzvon.ledger.intents import Intent, intents_of
from obzvon.reports.archive import Archive, drain
from obzvon.stages.wait import task_of
from obzvon.vendors.base import Dialer
from obzvon.vendors.observed import Observation
from obzvon.warehouse.db import connect, connect_async

__all__ = ["pulled", "stored"]

#: Pages of the newest pulls; a report of a chunk is one page.
MOST_PAGES = 50
_PAGES = """
with pull as (
    select distinct on (r.intent_id) r.intent_id, r.batch_id, r.fetched_at
    from ops.raw_archive r join ops.campaign_intent i using (intent_id)
    where i.campaign_id = %s and r.gone_at is null and r.kind <> 'events'
    order by r.intent_id, r.fetched_at desc, r.archive_id desc
)
select r.kind, r.path, r.sha256 from ops.raw_archive r join pull using (intent_id, batch_id)
order by pull.fetched_at desc, r.archive_id limit %s
"""
_PLAN = """
select plan_id from ops.campaign_intent
where campaign_id = %s and vendor_task_id is not null and submitted_at is not null
order by window_start_utc desc limit 1
"""


def stored(dsn: str, archive: Archive, spec: CampaignSpec, dialer: type[Dialer]) -> Observation:
    """What the newest archived reports of the campaign hold; nobody is asked. ConfigError when there is none."""
    seen = Observation()
    with connect(dsn) as conn:
        pages = conn.execute(_PAGES, (spec.name, MOST_PAGES)).fetchall()
    if not pages:
        raise ConfigError(f"no report of campaign {spec.name} is archived; collect one first, or ask with --pull")
    for kind, path, sha256 in pages:
        with archive.open(path, sha256) as stream:
            columns = dialer.totals(kind, stream).columns
        with archive.open(path, sha256) as stream:
            seen.add(columns, dialer.raw_rows(kind, stream))
            drain(stream)
    return seen


async def pulled(dsn: str, spec: CampaignSpec, dialer: Dialer) -> Observation:
    """What the vendor answers about the campaign's newest vendor campaign when every column is asked for.

    Only reads; nothing is stored. ConfigError when the campaign was never launched.
    """
    async with await connect_async(dsn) as conn:
        intent = await _newest(conn, spec)
    seen = Observation()
    async for page in dialer.whole_report(task_of(intent, spec)):
        with TemporaryFile(prefix="obzvon-discover-") as spool:
            async for chunk in page.chunks:
                spool.write(chunk)
            spool.seek(0)
            columns = dialer.totals(page.kind, spool).columns
            spool.seek(0)
            seen.add(columns, dialer.raw_rows(page.kind, spool))
    return seen


async def _newest(conn: psycopg.AsyncConnection, spec: CampaignSpec) -> Intent:
    row = await (await conn.execute(_PLAN, (spec.name,))).fetchone()
    if row is None:
        raise ConfigError(f"campaign {spec.name} was never launched, so the vendor has no report of it")
    at_vendor = [intent for intent in await intents_of(conn, row[0]) if intent.vendor_task_id]
    return max(at_vendor, key=lambda intent: intent.window_start_utc)
