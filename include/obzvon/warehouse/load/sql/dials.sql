-- What happened of what the intent reserved, by phone and local date: it counts against the caps from now on.
-- A call counts for the planned date when that was the date at any place where the contact may live. Calls of nobody in
-- our list count too, for their phone. Dates and phones that a correction has emptied go back to nothing; no fact knows
-- the phone of nobody in our list, so only a pull that has it again corrects its count.
with planned as (
    select i.intent_id, i.campaign_id, p.purpose, coalesce(i.local_date, i.call_date) as day
    from ops.campaign_intent i join ops.campaign_plan p using (plan_id)
    where i.intent_id = %(intent_id)s
), calls as (
    select k.phone_key, a.started_at, a.local_started_at, a.disposition_code
    from dwh.fact_call_attempt a join dwh.dim_contact k using (contact_key)
    where a.intent_id = %(intent_id)s and k.phone_key is not null
    union all
    select phone_key, started_at, local_started_at, disposition_code
    from decided
    where contact_key is null and phone_key is not null
), counted as (
    select c.phone_key, v.day, max(pc.person_key) as person_key, count(*) filter (where d.counts_towards_cap) as attempts,
           count(*) filter (where d.disposition_group = 'HUMAN') as answered
    from calls c
    cross join planned i
    join dwh.dim_disposition d using (disposition_code)
    left join ops.plan_contact pc on pc.intent_id = i.intent_id and pc.phone_key = c.phone_key
    cross join lateral (
        select case when exists (
                   select from unnest(pc.tz_offsets) o
                   where ((c.started_at at time zone 'UTC') + make_interval(mins => o))::date = i.day)
               then i.day else c.local_started_at::date end as day) v
    group by c.phone_key, v.day
), emptied as (
    update ops.attempt_reservation r set attempts = 0, answered = 0
    where r.intent_id = %(intent_id)s and (r.attempts > 0 or r.answered > 0)
      and not exists (select from counted c where c.phone_key = r.phone_key and c.day = r.local_date
                      and (c.attempts > 0 or c.answered > 0))
      and (r.phone_key in (select phone_key from ops.plan_contact where intent_id = %(intent_id)s)
           or r.phone_key in (select phone_key from decided))
)
insert into ops.attempt_reservation as r (phone_key, intent_id, local_date, person_key, campaign_id, purpose,
    max_attempts, held, attempts, answered)
select c.phone_key, i.intent_id, c.day, c.person_key, i.campaign_id, i.purpose, 0, 0, c.attempts, c.answered
from counted c cross join planned i
where c.attempts > 0 or c.answered > 0
order by c.phone_key
on conflict (phone_key, intent_id, local_date) do update
    set attempts = excluded.attempts, answered = excluded.answered
    where (r.attempts, r.answered) is distinct from (excluded.attempts, excluded.answered)
