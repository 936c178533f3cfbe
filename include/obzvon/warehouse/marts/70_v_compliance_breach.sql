-- What must never happen; a row here fails the audit and stops its campaign. Each call is judged by the policy that its
-- plan was made under, a plan older than stored policies by the newest one; without any, debt by article 7 of 230-FZ.
-- Plan by plan: only the plan's own calls and the other calls of its people near them are read, by index, so the audit
-- of a plan costs the same however much the warehouse holds. Arrays and not joins, because right after a load no
-- statistics know the new rows.
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
    select distinct p.policy_key, substr(r ->> 'offset', 2, 2)::int * 60 as minutes, d.day::date as day
    from policies p
    cross join lateral jsonb_array_elements(p.policy -> 'region_days_off') r
    cross join lateral jsonb_array_elements_text(r -> 'days') d (day)
)
select b.rule, b.campaign_id, b.call_date, b.vendor_code, b.vendor_call_id, b.started_at, b.detail, q.plan_id
from ops.campaign_plan q
cross join lateral (
    with dialed as materialized (
        select a.campaign_id, a.call_date, a.vendor_code, a.vendor_call_id, a.started_at, a.local_started_at, a.plan_id,
               a.purpose, t.phone_key, p.person_key, p.consent_date, p.consent_ref, p.row_no is not null     as listed,
               coalesce(i.local_from, k.window_from)                                                         as window_from,
               coalesce(i.local_to, k.window_to)                                                             as window_to,
               coalesce(nullif(p.tz_offsets, '{}'), i.tz_offsets, array[a.tz_offset_min])                    as offsets,
               coalesce(i.local_date, i.call_date)                                                           as planned_day,
               coalesce(q.policy_hash::text, '')                                                             as policy_key,
               a.local_started_at::date                                                                      as day,
               a.is_human, a.counts_towards_cap, a.intent_id, i.submitted_at
        from mart.v_attempt a
        left join ops.campaign_intent i on i.intent_id = a.intent_id
        left join dwh.dim_campaign k on k.campaign_key = a.campaign_key
        left join dwh.dim_contact t on t.contact_key = a.contact_key
        left join ops.plan_contact p on p.plan_id = a.plan_id and p.row_no = a.row_no
        where a.is_dialed and a.plan_id = q.plan_id
          and a.intent_id = any (array(select w.intent_id from ops.campaign_intent w where w.plan_id = q.plan_id))
    ),
    -- the people of the plan wherever they were called: every contact of their phones and, by other plans, of the persons
    known as materialized (
        select c.contact_key from dwh.dim_contact c
        where c.phone_key = any (array(select distinct d.phone_key from dialed d))
        union
        select f.contact_key from ops.plan_contact p join dwh.fact_campaign_contact f using (plan_id, row_no)
        where p.person_key = any (array(select distinct d.person_key from dialed d))
          -- a plan's calls come within days of its call date, and caps look back a month
          and p.plan_id = any (array(select n.plan_id from ops.campaign_plan n
                                     where n.call_date >= (select min(day) - 60 from dialed)
                                       and n.call_date <= (select max(day) + 1 from dialed)))
    ),
    -- caps look back to the first of the month or to the seventh day; a day more forward, for zones east of the plan's
    elsewhere as materialized (
        select a.campaign_id, a.call_date, a.vendor_code, a.vendor_call_id, a.started_at, a.local_started_at, a.plan_id,
               a.purpose, t.phone_key, p.person_key, coalesce(c.policy_hash::text, '') as policy_key,
               a.local_started_at::date as day, a.is_human, a.counts_towards_cap
        from mart.v_attempt a
        join ops.campaign_plan c on c.plan_id = a.plan_id
        left join dwh.dim_contact t on t.contact_key = a.contact_key
        left join ops.plan_contact p on p.plan_id = a.plan_id and p.row_no = a.row_no
        where a.is_dialed and a.plan_id <> q.plan_id
          and a.contact_key = any (array(select contact_key from known))
          and a.local_started_at >= (select least(date_trunc('month', min(day)), date_trunc('week', min(day)), min(day) - interval '6 days') from dialed)
          and a.local_started_at < (select max(day) + interval '2 days' from dialed)
    ),
    ruled as materialized (
        select d.*, r.cap_day, r.cap_week, r.cap_month, r.rolling, r.by_phone, r.by_person, r.one_campaign, r.consent,
               r.work_from, r.work_to, r.off_from, r.off_to,
               case when r.answered then d.is_human else d.counts_towards_cap end as counts
        from (select campaign_id, call_date, vendor_code, vendor_call_id, started_at, local_started_at, plan_id, purpose,
                     phone_key, person_key, policy_key, day, is_human, counts_towards_cap, listed, consent_date, consent_ref
              from dialed
              union all
              select campaign_id, call_date, vendor_code, vendor_call_id, started_at, local_started_at, plan_id, purpose,
                     phone_key, person_key, policy_key, day, is_human, counts_towards_cap, false, null, null
              from elsewhere) d
        join rules r on r.policy_key = d.policy_key and r.purpose = d.purpose
    ),
    -- every dial under the key of its phone and under the key of its person
    keyed as (
        select u.*, 'phone' as whose, u.phone_key as key, u.counts and u.by_phone as capped from ruled u where u.phone_key is not null
        union all
        select u.*, 'person', u.person_key, u.counts and u.by_person from ruled u where u.person_key is not null
    ),
    -- its number among those of its purpose to that phone or person, in the order of their start
    numbered as (
        select n.*, case when rolling then of_seven_before + of_day else of_calendar end as of_week,
               first_value(campaign_id) over (partition by whose, key, day order by started_at, vendor_code, vendor_call_id) as first_campaign
        from (select k.*,
                     count(*) filter (where counts) over (day_ rows unbounded preceding)   as of_day,
                     count(*) filter (where counts) over (week_ rows unbounded preceding)  as of_calendar,
                     count(*) filter (where counts) over (month_ rows unbounded preceding) as of_month,
                     count(*) filter (where counts) over (seven_ range between interval '6 days' preceding and current row)
                         - count(*) filter (where counts) over (partition by whose, key, purpose, day)             as of_seven_before
              from keyed k
              window day_ as (partition by whose, key, purpose, day order by started_at, vendor_code, vendor_call_id),
                     week_ as (partition by whose, key, purpose, date_trunc('week', local_started_at) order by started_at, vendor_code, vendor_call_id),
                     month_ as (partition by whose, key, purpose, date_trunc('month', local_started_at) order by started_at, vendor_code, vendor_call_id),
                     seven_ as (partition by whose, key, purpose order by day)) n
    ),
    too_many as (
        select v.rule, n.campaign_id, n.call_date, n.vendor_code, n.vendor_call_id, n.started_at, n.plan_id,
               max(v.nth)::text as nth, max(n.first_campaign) as first_campaign
        from numbered n
        cross join lateral (values ('CAP_DAY', n.capped and n.of_day > n.cap_day, n.of_day),
                                   ('CAP_WEEK', n.capped and n.of_week > n.cap_week, n.of_week),
                                   ('CAP_MONTH', n.capped and n.of_month > n.cap_month, n.of_month),
                                   ('OTHER_CAMPAIGN', n.one_campaign and n.first_campaign <> n.campaign_id, null)) v (rule, broken, nth)
        where v.broken and n.plan_id = q.plan_id
        group by 1, 2, 3, 4, 5, 6, 7
    )
    select 'OUTSIDE_WINDOW' as rule, campaign_id, call_date, vendor_code, vendor_call_id, started_at,
           local_started_at || case when bool_or(planned) then '' else ' (policy)' end as detail, plan_id
    from (
        select d.*, d.clock < d.window_from or d.clock >= d.window_to as planned,
               -- Saturdays and Sundays always count as days off, working ones too: as obzvon/policy/calendar.py plans
               case when t.iso_dow >= 6 or t.is_ru_day_off or extract(isodow from d.local_day) >= 6 or g.day is not null
                    then d.clock < r.off_from or d.clock >= r.off_to
                    else d.clock < r.work_from or d.clock >= r.work_to end as policy
        -- where the zone is not certain every candidate zone must have been inside its window
        from (select d.campaign_id, d.call_date, d.vendor_code, d.vendor_call_id, d.started_at, d.local_started_at, d.plan_id,
                     d.window_from, d.window_to, d.policy_key, d.purpose, o.minutes,
                     ((d.started_at at time zone 'UTC') + make_interval(mins => o.minutes))::time as clock,
                     ((d.started_at at time zone 'UTC') + make_interval(mins => o.minutes))::date as local_day
              from dialed d cross join unnest(d.offsets) as o (minutes)) d
        left join rules r on r.policy_key = d.policy_key and r.purpose = d.purpose
        left join dwh.dim_date t on t.day = d.local_day
        left join regional g on g.policy_key = d.policy_key and g.minutes = d.minutes and g.day = d.local_day
    ) w
    where planned or policy
    group by campaign_id, call_date, vendor_code, vendor_call_id, started_at, local_started_at, plan_id
    union all
    select 'AFTER_OPTOUT', d.campaign_id, d.call_date, d.vendor_code, d.vendor_call_id, d.started_at, min(d.reason), d.plan_id
    from (select d.*, s.reason, s.purpose as of_purpose, s.valid_from, s.valid_to
          from dialed d join ops.suppression s on s.phone_key = d.phone_key
          union all
          select d.*, s.reason, s.purpose, s.valid_from, s.valid_to
          from dialed d join ops.suppression s on s.person_key = d.person_key
          -- the person's other phone may be at the vendor already when the word is said: no vendor takes one contact back
          where s.valid_from <= coalesce(d.submitted_at, 'infinity')) d
    where d.of_purpose in ('*', d.purpose) and d.started_at > d.valid_from
      and (d.valid_to is null or d.started_at < d.valid_to)
    group by d.campaign_id, d.call_date, d.vendor_code, d.vendor_call_id, d.started_at, d.plan_id
    union all
    select rule, campaign_id, call_date, vendor_code, vendor_call_id, started_at, coalesce(nth, first_campaign), plan_id
    from too_many
    union all
    select 'OTHER_DATE', d.campaign_id, d.call_date, d.vendor_code, d.vendor_call_id, d.started_at, min(t.local_day)::text, d.plan_id
    from dialed d
    cross join unnest(d.offsets) as o (minutes)
    cross join lateral (select ((d.started_at at time zone 'UTC') + make_interval(mins => o.minutes))::date as local_day) t
    where t.local_day <> d.planned_day
      -- redials a day later are planned, and reserved, together with the first dial
      and not exists (select from ops.attempt_reservation v
                      where v.phone_key = d.phone_key and v.intent_id = d.intent_id and v.local_date = t.local_day
                        and v.max_attempts > 0)
    group by d.campaign_id, d.call_date, d.vendor_code, d.vendor_call_id, d.started_at, d.plan_id
    union all
    select 'NOT_APPROVED', d.campaign_id, d.call_date, d.vendor_code, d.vendor_call_id, d.started_at,
           coalesce((select v.decision from ops.plan_approval v where v.plan_id = q.plan_id), 'nobody answered'), d.plan_id
    from dialed d
    where q.approval = 'needed'
      and not exists (select from ops.plan_approval v where v.plan_id = q.plan_id and v.decision = 'approved')
    union all
    select 'NO_CONSENT', d.campaign_id, d.call_date, d.vendor_code, d.vendor_call_id, d.started_at,
           case when d.consent_ref is null or d.consent_date is null then 'none on file'
                when d.consent_date > d.day then 'dated ' || d.consent_date
                else 'ended ' || e.last_day end, d.plan_id
    from ruled d
    left join lateral (
        -- the register says when the consent ended; one withdrawn today ended yesterday, a call before the word was right
        select max(c.valid_to) as last_day
        from ops.consent c
        where c.phone_key = d.phone_key and c.purpose in ('*', d.purpose) and c.proof_ref = d.consent_ref
        having max(coalesce(c.valid_to, 'infinity')) < d.day
           and not exists (select from ops.suppression s
                           where (s.phone_key = d.phone_key or s.person_key = d.person_key) and s.purpose in ('*', d.purpose)
                             and s.valid_from > d.started_at
                             and (s.valid_from at time zone 'Europe/Moscow')::date = max(c.valid_to) + 1)
           and not exists (select from ops.consent f
                           where f.phone_key = d.phone_key and f.purpose in ('*', d.purpose)
                             and d.day between f.given_on and coalesce(f.valid_to, 'infinity'))) e on d.listed
    where d.listed
      and (d.consent_ref is null or d.consent_date is null or d.consent_date > d.day or e.last_day is not null)
      and (d.consent = 'required' or d.consent = 'legal_review' and q.spec ->> 'legal_approval_ref' is null)
) b
union all
select 'ORPHAN_CALL', coalesce(a.campaign_id, i.campaign_id), coalesce(a.call_date, i.call_date), a.vendor_code,
       a.vendor_call_id, a.started_at,
       case when a.intent_id is null then 'no intent' else 'no contact of the list' end, i.plan_id
from mart.v_attempt a
left join ops.campaign_intent i on i.intent_id = a.intent_id
where a.intent_id is null or a.contact_key is null;

comment on view mart.v_compliance_breach is 'Нарушения правил обзвона; должна быть пуста';
comment on column mart.v_compliance_breach.rule is 'OUTSIDE_WINDOW — вне окна абонента (план или политика); AFTER_OPTOUT — после отказа; CAP_DAY, CAP_WEEK, CAP_MONTH — лимиты политики по телефону и человеку; OTHER_CAMPAIGN — другой обзвон звонил в тот же день; OTHER_DATE — не в тот местный день, что запланирован; NOT_APPROVED — без требуемого согласования; NO_CONSENT — нет согласия, оно кончилось или дано позже; ORPHAN_CALL — звонок не из нашего списка';
comment on column mart.v_compliance_breach.detail is 'Местное время ((policy) — только вне часов политики), причина отказа, порядковый номер звонка, другой обзвон, местная дата, решение или дата согласия';
comment on column mart.v_compliance_breach.plan_id is 'План звонка; с фильтром по нему читаются только его люди и даты';
