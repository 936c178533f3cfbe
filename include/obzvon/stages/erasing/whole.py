"""Whether schema `dwh` has what the ledger knows: erasing finds a person's calls by their facts."""

from __future__ import annotations

import psycopg

from obzvon.errors import ConfigError

__all__ = ["check_whole"]

_DWH = """
select bool_and(to_regclass('dwh.' || name) is not null)
from unnest('{dim_contact,fact_campaign_contact,fact_call_attempt}'::text[]) name
"""
# Plans that a replay would load and that are not loaded. One that retention erased has nothing personal left.
_PLANS = """
with loaded as (
    select i.plan_id, min(i.call_date) as call_date
    from ops.campaign_intent i join ops.raw_archive r using (intent_id)
    group by i.plan_id
    having bool_or(r.loaded_at is not null) and bool_and(r.gone_at is null)
)
select count(*) filter (where not exists (select from dwh.fact_campaign_contact f where f.plan_id = l.plan_id)),
       min(call_date), max(call_date)
from loaded l
"""
# Calls without a fact of which something is left elsewhere. Calls of the erased come back with no replay: what Qolio
# has of them stands in their receipts.
_CALLS = """
with missing as materialized (
    select vendor_code, vendor_call_id, call_month from ops.known_call k
    where not exists (select from dwh.fact_call_attempt f where (f.vendor_code, f.vendor_call_id, f.call_month)
                      = (k.vendor_code, k.vendor_call_id, k.call_month))
)
select count(*) from missing m
where exists (select from pii.dialog_turn t where (t.vendor_code, t.vendor_call_id, t.call_month)
              = (m.vendor_code, m.vendor_call_id, m.call_month))
   or exists (select from ops.recording r
              where r.call_uid = m.vendor_code || ':' || m.vendor_call_id and r.state <> 'DELETED')
   or exists (select from ops.qa_delivery q
              where q.call_uid = m.vendor_code || ':' || m.vendor_call_id
                and not exists (select from ops.raw_archive a where a.intent_id = q.intent_id and a.gone_at is not null)
                and q.state in ('SENDING', 'SENT', 'VERIFIED', 'MISSING', 'IN_DOUBT')
                and not exists (select from ops.erasure e where e.left_over -> 'qolio' ? q.call_uid))
"""


def check_whole(conn: psycopg.Connection) -> None:
    """ConfigError while facts are missing that would lead to somebody's transcript, recording or call at Qolio."""
    if conn.execute(_DWH).fetchone() != (True,):
        raise ConfigError(
            "the tables of schema dwh are gone, so nobody's calls are known; replay first. Nothing was changed"
        )
    plans, first, last = conn.execute(_PLANS).fetchall()[0]
    calls = conn.execute(_CALLS).fetchall()[0][0]
    if plans or calls:
        days = f"everything from {first} to {last}" if first else "everything"
        raise ConfigError(
            f"schema dwh is not whole: {plans} plans and {calls} calls with transcripts, recordings or deliveries"
            f" have no facts, so what belongs to whom is not known. Replay {days}, then come again"
            " (docs/operations.md, Erasing a person). Nothing was changed"
        )
