-- What must never happen; a row here fails the audit and stops its campaign. Each call is judged by the policy that its
-- plan was made under, a plan older than stored policies by the newest one; without any, debt by article 7 of 230-FZ.
-- Read for one plan it costs what that plan's calls cost: `where plan_id = …` reaches every branch, and what else the
-- same people were called for is looked up call by call (indexes on the phone, the contact and its attempts).
create or replace view mart.v_compliance_breach as
with policies as (
    select policy_hash::text as policy_key, policy, true as own from ops.policy
    union all
    (select '', policy, false from ops.policy order by stored_at desc, policy_hash limit 1)
    union all
    select '', '{"purposes": {"debt": {"window": {"workday": ["08:00", "22:00"], "dayoff": ["09:00", "20:00"]},
                 "cap": {"day": 1, "week": 2, "month": 8, "count": "attempts", "scope": ["phone", "person"]}}}}'::jsonb, false
    where not exists (select from ops.policy)
),
rules as materialized (
    select p.policy_key, r.key as purpose,
           (r.value #>> '{window,workday,0}')::time                          as work_from,
           (r.value #>> '{window,workday,1}')::time                          as work_to,
           (r.value #>> '{window,dayoff,0}')::time                           as off_from,
           (r.value #>> '{window,dayoff,1}')::time                           as off_to,
           (r.value #>> '{cap,day}')::int                                    as cap_day,
           (r.value #>> '{cap,week}')::int                                   as cap_week,
           (r.value #>> '{cap,month}')::int                                  as cap_month,
           coalesce(r.value #>> '{cap,week_kind}', 'calendar') = 'rolling'   as rolling,
           coalesce(r.value #>> '{cap,count}', 'attempts') = 'answered'      as answered,
           coalesce(r.value #> '{cap,scope}' ? 'phone', true)                as by_phone,
           coalesce(r.value #> '{cap,scope}' ? 'person', true)               as by_person,
           coalesce((p.policy ->> 'one_campaign_a_day')::boolean, false)     as one_campaign,
           case when p.own then r.value ->> 'consent' end                    as consent
    from policies p
    cross join lateral jsonb_each(p.policy -> 'purposes') r
),
regional as materialized (
    select p.policy_key, substr(r ->> 'offset', 2, 2)::int * 60 as minutes, d.day::date as day
    from policies p
    cross join lateral jsonb_array_elements(p.policy -> 'region_days_off') r
    cross join lateral jsonb_array_elements_text(r -> 'days') d (day)
),
dialed as not materialized (
    select a.*,
           coalesce(i.local_from, k.window_from)                                     as window_from,
           coalesce(i.local_to, k.window_to)                                         as window_to,
           coalesce(nullif(p.tz_offsets, '{}'), array[a.tz_offset_min])              as offsets,
           p.contact_id, p.person_key, p.consent_date, p.consent_ref, p.row_no is not null as listed,
           coalesce(c.policy_hash::text, '')                                         as policy_key
    from mart.v_attempt a
    left join ops.campaign_intent i on i.intent_id = a.intent_id
    left join ops.campaign_plan c on c.plan_id = a.plan_id
    left join dwh.dim_campaign k on k.campaign_key = a.campaign_key
    left join ops.plan_contact p on p.plan_id = a.plan_id and p.row_no = a.row_no
    where a.is_dialed
)
select 'OUTSIDE_WINDOW' as rule, d.campaign_id, d.call_date, d.vendor_code, d.vendor_call_id, d.started_at,
       d.local_started_at || case when w.planned then '' else ' (policy)' end as detail, d.plan_id
from dialed d
left join rules r on r.policy_key = d.policy_key and r.purpose = d.purpose
-- where the zone is not certain every candidate zone must have been inside its window
cross join lateral (
    select coalesce(bool_or(l.moment::time < d.window_from or l.moment::time >= d.window_to), false) as planned,
           coalesce(bool_or(case when l.day_off then l.moment::time < r.off_from or l.moment::time >= r.off_to
                                 else l.moment::time < r.work_from or l.moment::time >= r.work_to end), false) as policy
    from unnest(d.offsets) as o (minutes)
    cross join lateral (select (d.started_at at time zone 'UTC') + make_interval(mins => o.minutes) as moment) m
    left join dwh.dim_date t on t.day = m.moment::date
    -- Saturdays and Sundays always count as days off, working ones too: as obzvon/policy/calendar.py plans
    cross join lateral (
        select m.moment, extract(isodow from m.moment) >= 6 or coalesce(t.is_ru_day_off, false)
            or exists (select from regional g where g.policy_key = d.policy_key and g.minutes = o.minutes
                       and g.day = m.moment::date) as day_off) l
) w
where w.planned or w.policy
union all
select 'AFTER_OPTOUT', d.campaign_id, d.call_date, d.vendor_code, d.vendor_call_id, d.started_at, s.reason, d.plan_id
from dialed d
cross join lateral (
    select min(f.reason) as reason
    from (select reason, purpose, valid_from, valid_to from ops.suppression where phone_key = d.phone_key
          union all
          select reason, purpose, valid_from, valid_to from ops.suppression where person_key = d.person_key) f
    where f.purpose in ('*', d.purpose) and d.started_at > f.valid_from
      and (f.valid_to is null or d.started_at < f.valid_to)
) s
where s.reason is not null
union all
select v.rule, d.campaign_id, d.call_date, d.vendor_code, d.vendor_call_id, d.started_at, v.detail, d.plan_id
from dialed d
join rules r on r.policy_key = d.policy_key and r.purpose = d.purpose
cross join lateral (
    select r.cap_day is not null and case when r.answered then d.is_human else d.counts_towards_cap end as counts,
           d.local_started_at::date as day,
           least(date_trunc('month', d.local_started_at), date_trunc('week', d.local_started_at),
                 d.local_started_at::date - 6) as since,
           case when r.rolling then d.local_started_at::date - 6
                else date_trunc('week', d.local_started_at)::date end as week
) e
-- this dial among those of the same purpose to its phone, in order of their start; another campaign before it that day
cross join lateral (
    select count(*) filter (where o.same and o.local_started_at::date = e.day)                   as of_day,
           count(*) filter (where o.same and o.local_started_at >= e.week)                       as of_week,
           count(*) filter (where o.same and o.local_started_at >= date_trunc('month', e.day))   as of_month,
           min(o.campaign_id) filter (where o.campaign_id <> d.campaign_id and o.local_started_at::date = e.day) as other
    from (select o.campaign_id, o.local_started_at,
                 o.purpose = d.purpose and case when r.answered then o.is_human else o.counts_towards_cap end as same
          from mart.v_attempt o
          where o.phone_key = d.phone_key and o.is_dialed and o.local_started_at >= e.since
            and (o.started_at, o.vendor_code, o.vendor_call_id) <= (d.started_at, d.vendor_code, d.vendor_call_id)) o
) phone
-- the same over all phones of the person
cross join lateral (
    select count(*) filter (where o.same and o.local_started_at::date = e.day)                   as of_day,
           count(*) filter (where o.same and o.local_started_at >= e.week)                       as of_week,
           count(*) filter (where o.same and o.local_started_at >= date_trunc('month', e.day))   as of_month,
           min(o.campaign_id) filter (where o.campaign_id <> d.campaign_id and o.local_started_at::date = e.day) as other
    from (select k.campaign_id, a.local_started_at,
                 k.purpose = d.purpose
                     and case when r.answered then q.disposition_group = 'HUMAN' else q.counts_towards_cap end as same
          from dwh.dim_contact c
          join dwh.fact_call_attempt a on a.contact_key = c.contact_key
          join dwh.dim_disposition q on q.disposition_code = a.disposition_code
          join dwh.fact_campaign_contact f on f.intent_id = a.intent_id and f.contact_key = a.contact_key
          join dwh.dim_campaign k on k.campaign_key = f.campaign_key
          join ops.plan_contact p on p.plan_id = f.plan_id and p.row_no = f.row_no
          where d.person_key is not null and c.contact_id = d.contact_id and p.person_key = d.person_key
            and q.disposition_group not in ('NOT_DIALED', 'PENDING') and a.local_started_at >= e.since
            and (a.started_at, a.vendor_code, a.vendor_call_id) <= (d.started_at, d.vendor_code, d.vendor_call_id)) o
) person
cross join lateral (
    select case when r.by_phone then phone.of_day else 0 end   as phone_day,   case when r.by_person then person.of_day else 0 end   as person_day,
           case when r.by_phone then phone.of_week else 0 end  as phone_week,  case when r.by_person then person.of_week else 0 end  as person_week,
           case when r.by_phone then phone.of_month else 0 end as phone_month, case when r.by_person then person.of_month else 0 end as person_month
) n
cross join lateral (
    values ('CAP_DAY', e.counts and greatest(n.phone_day, n.person_day) > r.cap_day, greatest(n.phone_day, n.person_day)::text),
           ('CAP_WEEK', e.counts and greatest(n.phone_week, n.person_week) > r.cap_week, greatest(n.phone_week, n.person_week)::text),
           ('CAP_MONTH', e.counts and greatest(n.phone_month, n.person_month) > r.cap_month, greatest(n.phone_month, n.person_month)::text),
           ('OTHER_CAMPAIGN', r.one_campaign and coalesce(phone.other, person.other) is not null, coalesce(phone.other, person.other))
) v (rule, broken, detail)
where v.broken
union all
select 'NO_CONSENT', d.campaign_id, d.call_date, d.vendor_code, d.vendor_call_id, d.started_at,
       case when d.consent_ref is null or d.consent_date is null then 'none on file' else 'dated ' || d.consent_date end, d.plan_id
from dialed d
join rules r on r.policy_key = d.policy_key and r.purpose = d.purpose
where d.listed
  and (d.consent_ref is null or d.consent_date is null or d.consent_date > d.local_started_at::date)
  and (r.consent = 'required' or r.consent = 'legal_review' and not exists (
      select from ops.campaign_plan c where c.plan_id = d.plan_id and c.spec ->> 'legal_approval_ref' is not null))
union all
select 'ORPHAN_CALL', coalesce(a.campaign_id, i.campaign_id), coalesce(a.call_date, i.call_date), a.vendor_code,
       a.vendor_call_id, a.started_at,
       case when a.intent_id is null then 'no intent' else 'no contact of the list' end, i.plan_id
from mart.v_attempt a
left join ops.campaign_intent i on i.intent_id = a.intent_id
where a.intent_id is null or a.contact_key is null;

comment on view mart.v_compliance_breach is 'Нарушения правил обзвона; должна быть пуста';
comment on column mart.v_compliance_breach.rule is 'OUTSIDE_WINDOW — вне окна абонента (план или политика); AFTER_OPTOUT — после отказа; CAP_DAY, CAP_WEEK, CAP_MONTH — лимиты политики по телефону и человеку; OTHER_CAMPAIGN — другой обзвон звонил в тот же день; NO_CONSENT — нет согласия; ORPHAN_CALL — звонок не из нашего списка';
comment on column mart.v_compliance_breach.detail is 'Местное время ((policy) — только вне часов политики), причина отказа, порядковый номер звонка, другой обзвон или дата согласия';
comment on column mart.v_compliance_breach.plan_id is 'План звонка; фильтр по нему делает запрос быстрым';
