-- What must never happen; a row here fails the audit. Caps are article 7 of 230-FZ: 1 a day, 2 a week, 8 a month,
-- calendar periods of the subscriber, every dial counted.
create or replace view mart.v_compliance_breach as
with dialed as (
    select a.*,
           coalesce(i.local_from, k.window_from)                                     as window_from,
           coalesce(i.local_to, k.window_to)                                         as window_to,
           coalesce(nullif(p.tz_offsets, '{}'), array[a.tz_offset_min])              as offsets
    from mart.v_attempt a
    left join ops.campaign_intent i on i.intent_id = a.intent_id
    left join dwh.dim_campaign k on k.campaign_key = a.campaign_key
    left join ops.plan_contact p on p.plan_id = a.plan_id and p.row_no = a.row_no
    where a.is_dialed
),
debt as (
    select d.*,
           row_number() over (partition by phone_key, local_started_at::date order by started_at)               as of_day,
           row_number() over (partition by phone_key, date_trunc('week', local_started_at) order by started_at) as of_week,
           row_number() over (partition by phone_key, date_trunc('month', local_started_at) order by started_at) as of_month
    from dialed d
    where purpose = 'debt' and counts_towards_cap and phone_key is not null
)
select 'OUTSIDE_WINDOW' as rule, campaign_id, call_date, vendor_code, vendor_call_id, started_at,
       local_started_at::text as detail
from dialed d
-- where the zone is not certain every candidate zone must have been inside its window
where exists (
    select from unnest(d.offsets) as o(minutes)
    cross join lateral (select ((d.started_at at time zone 'UTC') + make_interval(mins => o.minutes))::time as clock) l
    where l.clock < d.window_from or l.clock >= d.window_to
)
union all
select 'AFTER_OPTOUT', d.campaign_id, d.call_date, d.vendor_code, d.vendor_call_id, d.started_at, min(s.reason)
from dialed d
join ops.suppression s on s.phone_key = d.phone_key
                      and s.purpose in ('*', d.purpose)
                      and d.started_at > s.valid_from
                      and (s.valid_to is null or d.started_at < s.valid_to)
group by 2, 3, 4, 5, 6
union all
select 'CAP_DAY', campaign_id, call_date, vendor_code, vendor_call_id, started_at, of_day::text from debt where of_day > 1
union all
select 'CAP_WEEK', campaign_id, call_date, vendor_code, vendor_call_id, started_at, of_week::text from debt where of_week > 2
union all
select 'CAP_MONTH', campaign_id, call_date, vendor_code, vendor_call_id, started_at, of_month::text from debt where of_month > 8
union all
select 'ORPHAN_CALL', campaign_id, call_date, vendor_code, vendor_call_id, started_at,
       case when intent_id is null then 'no intent' else 'no contact of the list' end
from mart.v_attempt
where intent_id is null or contact_key is null;

comment on view mart.v_compliance_breach is 'Нарушения правил обзвона; должна быть пуста';
comment on column mart.v_compliance_breach.rule is 'OUTSIDE_WINDOW — вне окна абонента; AFTER_OPTOUT — после отказа; CAP_* — лимиты 230-ФЗ; ORPHAN_CALL — звонок не из нашего списка';
comment on column mart.v_compliance_breach.detail is 'Местное время, причина отказа или порядковый номер звонка';
