with waiting as (select plan_id, min(changed_at) as since from ops.mart_change group by plan_id)
select (select count(*) from ops.campaign_plan), count(*) filter (where late),
       (array_agg(left(plan_id, 12) order by plan_id) filter (where late))[1:3]
from waiting cross join lateral (select since < %(now)s - interval '2 hours' as late) l
