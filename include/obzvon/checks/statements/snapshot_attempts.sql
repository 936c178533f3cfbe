with dialled as (
    select f.intent_id, f.contact_key, count(*) as attempts
    from dwh.fact_call_attempt f join dwh.dim_disposition d using (disposition_code)
    where f.contact_key is not null and d.disposition_group not in ('NOT_DIALED', 'PENDING')
    group by f.intent_id, f.contact_key
),
compared as (
    select c.plan_id, c.row_no, c.attempts is distinct from coalesce(d.attempts, 0) as differs
    from dwh.fact_campaign_contact c
    left join dialled d on d.intent_id = c.intent_id and d.contact_key = c.contact_key
    where c.intent_id is not null and c.loaded_at >= %(since)s
)
select count(*), count(*) filter (where differs),
       (array_agg(left(plan_id, 12) || ' row ' || row_no order by plan_id, row_no) filter (where differs))[1:3]
from compared
