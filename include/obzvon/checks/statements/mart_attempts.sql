-- Plans that wait for their refresh are none of this rule.
with refreshed as (
    select r.plan_id from ops.mart_refresh r
    where not exists (select from ops.mart_change c where c.plan_id = r.plan_id)
),
compared as (
    select r.plan_id,
           (select coalesce(sum(m.attempts), 0) from mart.attempt_daily m where m.plan_id = r.plan_id)
           is distinct from
           (select count(*) from ops.campaign_intent i join dwh.fact_call_attempt f using (intent_id)
            where i.plan_id = r.plan_id) as differs
    from refreshed r
)
select count(*), count(*) filter (where differs), (array_agg(left(plan_id, 12) order by plan_id) filter (where differs))[1:3]
from compared
