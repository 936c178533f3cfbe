"""Storing a plan as set-based SQL. Parameters are named; every statement runs once a plan."""

from __future__ import annotations

POLICY = """
insert into ops.policy (policy_hash, version, policy) values (%(policy_hash)s, %(policy_version)s, %(policy)s)
on conflict do nothing
"""

PLAN = """
insert into ops.campaign_plan (plan_id, campaign_id, call_date, vendor_code, purpose, spec, policy_hash, plan_hash,
    contacts_total, contacts_to_call, list_changed_at, planned_at, dag_run_id)
values (%(plan_id)s, %(campaign)s, %(call_date)s, %(vendor)s, %(purpose)s, %(spec)s, %(policy_hash)s, %(plan_hash)s,
    %(total)s, %(to_call)s, %(list_changed_at)s, %(now)s, %(dag_run_id)s)
"""

INTENTS = """
insert into ops.campaign_intent (intent_id, plan_id, campaign_id, call_date, vendor_code, zone, tz_offsets, chunk_no,
    batch_no, local_date, contacts_planned, window_start_utc, window_end_utc, local_from, local_to, dag_run_id)
select i.intent_id, %(plan_id)s, %(campaign)s, %(call_date)s, %(vendor)s, z.label, z.offsets, i.chunk_no,
    i.batch_no, nullif(z.local_date, %(call_date)s), i.contacts, z.starts_at, z.ends_at, z.local_from, z.local_to,
    %(dag_run_id)s
from plan_intent i
join plan_zone z using (zone_id)
"""

CONTACTS = """
insert into ops.plan_contact (plan_id, row_no, contact_id, phone_key, tz_offsets, tz_source, region, segment,
    person_key, consent_date, consent_ref, exclusion_code, exclusion_reason, intent_id, external_id)
select %(plan_id)s, s.row_no, s.contact_id, s.phone_key, z.offsets, s.tz_source, s.region, s.segment,
    s.person_key, d.consent_date, d.consent_ref, d.code, d.reason, i.intent_id,
    case when d.code is null then %(external_prefix)s || s.row_no end
from plan_staging s
join plan_decision d using (row_no)
left join plan_zone z on z.zone_id = d.zone_id
left join plan_intent i on i.zone_id = d.zone_id and i.chunk_no = d.chunk_no
order by s.row_no
"""

# Who said no, was erased, or never said yes is in the list all the same: no more is kept of them than their hash.
_KEPT = "d.code is null or d.code not in ('EXCL_DNC', 'EXCL_NO_CONSENT')"

PAYLOADS = f"""
insert into pii.contact_payload (plan_id, row_no, phone_raw, phone_e164, full_name, variables)
select %(plan_id)s, s.row_no, coalesce(s.phone_raw, ''), s.phone_e164, s.full_name, s.variables::jsonb
from plan_staging s join plan_decision d using (row_no)
where {_KEPT}
order by s.row_no
"""

# In the order of the key, so that two plans that share phones wait for each other instead of locking both up.
PHONES = f"""
insert into pii.phone as known (phone_key, phone_e164, full_name)
select distinct on (s.phone_key) s.phone_key, s.phone_e164, s.full_name
from plan_staging s join plan_decision d using (row_no)
where s.phone_key is not null and ({_KEPT})
order by s.phone_key, s.full_name is null, s.row_no
on conflict (phone_key) do update
    set full_name = coalesce(excluded.full_name, known.full_name), erase_after = null
    where known.erase_after is not null
        or coalesce(excluded.full_name, known.full_name) is distinct from known.full_name
"""

# Redials a day later belong to the next date. In the order of the key, as PHONES.
RESERVATIONS = """
insert into ops.attempt_reservation (phone_key, intent_id, local_date, person_key, campaign_id, purpose,
    max_attempts, held)
select s.phone_key, i.intent_id, z.local_date + later.days, s.person_key, %(campaign)s, %(purpose)s,
    later.dials, later.dials
from plan_staging s
join plan_decision d using (row_no)
join plan_zone z on z.zone_id = d.zone_id
join plan_intent i on i.zone_id = d.zone_id and i.chunk_no = d.chunk_no
cross join (values (0, %(dials_a_day)s), (1, %(dials)s - %(dials_a_day)s)) later (days, dials)
where d.code is null and later.dials > 0
order by s.phone_key
"""
