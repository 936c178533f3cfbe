-- Plans that the warehouse has at all: one of nobody's is brought in by its audit.
with listed as (
    select p.plan_id, (select count(*) from ops.plan_contact c where c.plan_id = p.plan_id)             as planned,
           (select count(*) from dwh.fact_campaign_contact f where f.plan_id = p.plan_id)              as loaded
    from ops.campaign_plan p
    where exists (select from dwh.fact_campaign_contact f where f.plan_id = p.plan_id and f.loaded_at >= %(since)s)
)
select count(*), count(*) filter (where planned <> loaded),
       (array_agg(left(plan_id, 12) order by plan_id) filter (where planned <> loaded))[1:3]
from listed
