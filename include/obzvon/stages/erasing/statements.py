"""Statements that take personal data out of the warehouse. Facts and hashes stay.

Rows of `pii.contact_payload` are deleted, not emptied: a contact without one can never be sent (launch joins it), while
an empty one could. Nothing refers to them; replays and audits go by `ops.plan_contact`.
"""

from __future__ import annotations

__all__ = [
    "ALL_PLAN_CALLS",
    "APPROVED",
    "APPROVED_OF_PLAN",
    "CALLS",
    "CONTACTS",
    "EVENTS",
    "GOALS",
    "LEFT_AT_QOLIO",
    "LEFT_AT_VENDORS",
    "LOADS",
    "MENTIONED",
    "PAYLOADS",
    "PAYLOADS_OF_PLAN",
    "PHONE",
    "RECORDS",
    "SUPPRESS",
    "TURNS",
    "UNFINISHED",
    "WITHDRAW",
]

# Where the phone was planned or, planned or not, called; until a moment where one is given.
CONTACTS = """
select i.plan_id, i.intent_id, c.external_id
from ops.plan_contact c join ops.campaign_intent i using (intent_id)
where c.phone_key = %(key)s
  and (%(until)s::timestamptz is null or coalesce(i.submitted_at, i.window_start_utc) <= %(until)s)
union
select i.plan_id, i.intent_id, null
from dwh.dim_contact d join dwh.fact_call_attempt f using (contact_key) join ops.campaign_intent i using (intent_id)
where d.phone_key = %(key)s
  and (%(until)s::timestamptz is null or coalesce(i.submitted_at, i.window_start_utc) <= %(until)s)
"""
UNFINISHED = """
select i.intent_id, i.campaign_id, i.call_date, i.state,
       pg_try_advisory_xact_lock(('x' || left(i.intent_id, 15))::bit(60)::bigint) as free
from ops.plan_contact c join ops.campaign_intent i using (intent_id)
where c.phone_key = %s and i.state not in ('final', 'final_partial', 'cancelled')
order by i.call_date, i.campaign_id
for update of i
"""
WITHDRAW = """
with out as (
    update ops.plan_contact set intent_id = null, sent_state = null, exclusion_code = 'EXCL_DNC',
        exclusion_reason = 'suppressed_after_plan'
    where phone_key = %(key)s and intent_id = any(%(intents)s)
    returning plan_id, row_no
), released as (
    update ops.attempt_reservation set held = 0, released_at = now()
    where phone_key = %(key)s and intent_id = any(%(intents)s)
)
select count(*) from out
"""
SUPPRESS = """
-- from now on, or from the last call on that is known: a call that was made before nobody can take back
insert into ops.suppression (phone_key, purpose, reason, source, valid_from, evidence_ref)
select %(key)s, '*', 'asked for erasure', 'erasure',
       greatest(now(), (select max(f.started_at) from dwh.fact_call_attempt f join dwh.dim_contact c using (contact_key)
                        where c.phone_key = %(key)s)), %(reference)s
where not exists (select from ops.suppression where phone_key = %(key)s and purpose = '*' and source = 'erasure'
                  and valid_to is null)
on conflict (phone_key, person_key, purpose, source, evidence_ref) do update
    set valid_from = excluded.valid_from, valid_to = null
"""
# The calls themselves, also those that only the archive knew, as rows of a temporary table.
CALLS = """
drop table if exists pg_temp.erased_call;
create temp table erased_call on commit drop as
select f.vendor_code, f.vendor_call_id, f.call_month
from dwh.fact_call_attempt f join dwh.dim_contact d using (contact_key) where d.phone_key = {key}
union
select f.vendor_code, f.vendor_call_id, f.call_month
from dwh.fact_call_attempt f where f.intent_id = any({intents}) and f.vendor_call_id = any({calls});
"""
ALL_PLAN_CALLS = """
drop table if exists pg_temp.erased_call;
create temp table erased_call on commit drop as
select f.vendor_code, f.vendor_call_id, f.call_month
from dwh.fact_call_attempt f join ops.campaign_intent i using (intent_id) where i.plan_id = {plan};
"""
TURNS = """
delete from pii.dialog_turn t using erased_call c
where (t.vendor_code, t.vendor_call_id, t.call_month) = (c.vendor_code, c.vendor_call_id, c.call_month)
"""
RECORDS = """
update dwh.fact_call_attempt f set record_url = null, has_record = false
from erased_call c
where (f.vendor_code, f.vendor_call_id, f.call_month) = (c.vendor_code, c.vendor_call_id, c.call_month)
  and f.record_url is not null
"""
# A value that the campaign file itself names is no free text.
GOALS = """
update dwh.fact_dialog_goal g set goal_value = null
from erased_call c, dwh.fact_call_attempt f, ops.campaign_intent i, ops.campaign_plan p
where (g.vendor_code, g.vendor_call_id, g.call_month) = (c.vendor_code, c.vendor_call_id, c.call_month)
  and (f.vendor_code, f.vendor_call_id, f.call_month) = (c.vendor_code, c.vendor_call_id, c.call_month)
  and i.intent_id = f.intent_id and p.plan_id = i.plan_id and g.goal_value is not null
  and lower(btrim(g.goal_value)) not in (
      select lower(btrim(value))
      from jsonb_array_elements_text(jsonb_path_query_array(p.spec, '$.goal.in[*]')
                                     || jsonb_path_query_array(p.spec, '$.outcomes.*.in[*]')) value)
"""
PAYLOADS = """
delete from pii.contact_payload y using ops.plan_contact c
where c.phone_key = %s and (y.plan_id, y.row_no) = (c.plan_id, c.row_no)
"""
# Rows that had no valid phone of their own and mention this one: two phones in a cell, a phone beside a name.
MENTIONED = """
delete from pii.contact_payload y using ops.plan_contact c
where (y.plan_id, y.row_no) = (c.plan_id, c.row_no) and c.intent_id is null
  and concat_ws(' ', y.phone_raw, y.phone_e164, y.full_name, y.variables::text) ~ %s
"""
APPROVED = """
delete from pii.approved_contact a
where a.phone_e164 = (select phone_e164 from pii.phone where phone_key = %(key)s)
   or (a.plan_id, a.row_no) in (select plan_id, row_no from ops.plan_contact where phone_key = %(key)s)
"""
PHONE = "delete from pii.phone where phone_key = %s"
# Bodies of events that are not in the archive: whose they are stands in them alone. A trace stays, so that the same
# body, which the vendor repeats for a day, is not taken for a new one.
EVENTS = """
update pii.vendor_event set body = null, outcome = 'erased', reason = null, settled_at = clock_timestamp()
where body is not null and (regexp_replace(encode(body, 'escape'), '\\\\[0-3][0-7]{2}', ' ', 'g') ~ %(pattern)s
                           or vendor_call_id = any(%(calls)s))
"""
PAYLOADS_OF_PLAN = "delete from pii.contact_payload where plan_id = %s"
APPROVED_OF_PLAN = "delete from pii.approved_contact where plan_id = %s"
# Who loads a pull of these intents is waited for, and waits: a load must not bring back what is being taken out.
LOADS = "select pg_advisory_xact_lock(hashtextextended('obzvon.load:' || id, 0)) from unnest(%s::text[]) id order by id"
LEFT_AT_VENDORS = """
select i.vendor_code, i.vendor_task_id,
       (select jsonb_agg(c.external_id order by c.row_no) from ops.plan_contact c
        where c.intent_id = i.intent_id and c.phone_key = %(key)s),
       (select jsonb_agg(f.vendor_call_id order by f.started_at) from dwh.fact_call_attempt f
        join dwh.dim_contact d using (contact_key) where f.intent_id = i.intent_id and d.phone_key = %(key)s)
from ops.campaign_intent i
where i.intent_id = any(%(intents)s) and i.vendor_task_id is not null
order by i.call_date, i.intent_id
"""
LEFT_AT_QOLIO = """
select q.call_uid
from ops.qa_delivery q join dwh.fact_call_attempt f using (vendor_code, vendor_call_id)
join dwh.dim_contact d using (contact_key)
where d.phone_key = %s and q.state in ('SENDING', 'SENT', 'VERIFIED', 'MISSING', 'IN_DOUBT')
order by q.call_uid
"""
