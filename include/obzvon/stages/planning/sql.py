"""The plan as set-based SQL over the staged list. Parameters are named; every statement runs once a plan."""

from __future__ import annotations

TABLES = """
drop table if exists pg_temp.plan_zone, pg_temp.plan_decision, pg_temp.plan_intent;
create temp table plan_zone (
    zone_id smallint primary key, offsets smallint[] not null, label text not null, closed text,
    starts_at timestamptz, ends_at timestamptz, local_from time, local_to time
) on commit drop;
create temp table plan_decision (
    row_no integer not null, zone_id smallint, code text, reason text, chunk_no integer
) on commit drop;
create temp table plan_intent (
    zone_id smallint not null, chunk_no integer not null, batch_no smallint not null, intent_id char(64) not null,
    contacts integer not null
) on commit drop;
"""

ZONE = """
insert into plan_zone (zone_id, offsets, label, closed, starts_at, ends_at, local_from, local_to)
values (%s, %s, %s, %s, %s, %s, %s, %s)
"""

# The first rule that matches decides. A suppression counts when it holds at any moment from now to the last call;
# of several rows with one phone the first one of the list is called, whatever zone the others name.
DECIDE = """
insert into plan_decision (row_no, zone_id, code, reason, chunk_no)
with suppressed as (
    select distinct phone_key from ops.suppression
    where purpose in ('*', %(purpose)s) and valid_from <= %(until)s and (valid_to is null or valid_to > %(now)s)
), judged as (
    select s.row_no, s.zone_id, s.exclusion_reason, z.closed,
        case
            when s.exclusion_reason is not null or s.phone_key is null then 'EXCL_INVALID'
            when x.phone_key is not null then 'EXCL_DNC'
            when row_number() over (
                partition by s.phone_key, s.exclusion_reason is null order by s.row_no) > 1 then 'EXCL_DUPLICATE'
            when z.closed is not null then 'EXCL_WINDOW'
        end as code
    from plan_staging s
    left join plan_zone z using (zone_id)
    left join suppressed x using (phone_key)
)
select row_no, zone_id, code,
    case code
        when 'EXCL_INVALID' then coalesce(exclusion_reason, 'empty')
        when 'EXCL_DNC' then 'suppressed'
        when 'EXCL_DUPLICATE' then 'duplicate_phone'
        when 'EXCL_WINDOW' then closed
    end,
    case when code is null
        then 1 + (row_number() over (partition by zone_id, code is null order by row_no) - 1) / %(chunk_size)s
    end
from judged
"""

COUNTS = "select code, reason, count(*) from plan_decision group by code, reason"

CHUNKS = "select zone_id, chunk_no, count(*) from plan_decision where code is null group by zone_id, chunk_no"

# Blocks keep the text that one digest covers small, however long the list is.
DIGESTS = """
select sha256(convert_to(string_agg(line, E'\\n' order by row_no), 'UTF8'))
from (
    select row_no, row(
        row_no, s.contact_id, s.phone_key, d.code, d.reason, i.intent_id, z.local_from, z.local_to, s.variables
    )::text as line
    from plan_staging s
    join plan_decision d using (row_no)
    left join plan_zone z on z.zone_id = d.zone_id
    left join plan_intent i on i.zone_id = d.zone_id and i.chunk_no = d.chunk_no
) lines
group by row_no / 1000
order by row_no / 1000
"""

POLICY = """
insert into ops.policy (policy_hash, version, policy) values (%(policy_hash)s, %(policy_version)s, %(policy)s)
on conflict do nothing
"""

PLAN = """
insert into ops.campaign_plan (plan_id, campaign_id, call_date, vendor_code, purpose, spec, policy_hash, plan_hash,
    contacts_total, contacts_to_call, planned_at, dag_run_id)
values (%(plan_id)s, %(campaign)s, %(call_date)s, %(vendor)s, %(purpose)s, %(spec)s, %(policy_hash)s, %(plan_hash)s,
    %(total)s, %(to_call)s, %(now)s, %(dag_run_id)s)
"""

INTENTS = """
insert into ops.campaign_intent (intent_id, plan_id, campaign_id, call_date, vendor_code, zone, tz_offsets, chunk_no,
    batch_no, contacts_planned, window_start_utc, window_end_utc, local_from, local_to, dag_run_id)
select i.intent_id, %(plan_id)s, %(campaign)s, %(call_date)s, %(vendor)s, z.label, z.offsets, i.chunk_no,
    i.batch_no, i.contacts, z.starts_at, z.ends_at, z.local_from, z.local_to, %(dag_run_id)s
from plan_intent i
join plan_zone z using (zone_id)
"""

CONTACTS = """
insert into ops.plan_contact (plan_id, row_no, contact_id, phone_key, tz_offsets, tz_source, region, segment,
    person_key, consent_date, consent_ref, exclusion_code, exclusion_reason, intent_id, external_id)
select %(plan_id)s, s.row_no, s.contact_id, s.phone_key, z.offsets, s.tz_source, s.region, s.segment,
    s.person_key, s.consent_date, s.consent_ref, d.code, d.reason, i.intent_id, case when d.code is null then %(external_prefix)s || s.row_no end
from plan_staging s
join plan_decision d using (row_no)
left join plan_zone z on z.zone_id = d.zone_id
left join plan_intent i on i.zone_id = d.zone_id and i.chunk_no = d.chunk_no
order by s.row_no
"""

PAYLOADS = """
insert into pii.contact_payload (plan_id, row_no, phone_raw, phone_e164, full_name, variables)
select %(plan_id)s, row_no, coalesce(phone_raw, ''), phone_e164, full_name, variables::jsonb
from plan_staging
order by row_no
"""

# In the order of the key, so that two plans that share phones wait for each other instead of locking both up.
PHONES = """
insert into pii.phone as known (phone_key, phone_e164, full_name)
select distinct on (phone_key) phone_key, phone_e164, full_name
from plan_staging
where phone_key is not null
order by phone_key, full_name is null, row_no
on conflict (phone_key) do update
    set full_name = coalesce(excluded.full_name, known.full_name), erase_after = null
    where known.erase_after is not null
        or coalesce(excluded.full_name, known.full_name) is distinct from known.full_name
"""

RESERVATIONS = """
insert into ops.attempt_reservation (phone_key, intent_id, local_date, person_key, campaign_id, purpose,
    max_attempts, held)
select s.phone_key, i.intent_id, %(call_date)s, s.person_key, %(campaign)s, %(purpose)s,
    %(max_attempts)s, %(max_attempts)s
from plan_staging s
join plan_decision d using (row_no)
join plan_intent i on i.zone_id = d.zone_id and i.chunk_no = d.chunk_no
where d.code is null
order by s.phone_key
"""
