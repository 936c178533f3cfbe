-- Plans whose calls ended in the last three days, and a day ago or earlier; the morning pulls their reports again.
with due as (
    select i.plan_id, max(r.fetched_at) as fetched_at
    from ops.campaign_intent i left join ops.raw_archive r on r.intent_id = i.intent_id and r.kind <> 'events'
    where i.state in ('final', 'final_partial')
      and i.window_end_utc between %(now)s - interval '3 days' and %(now)s - interval '30 hours'
    group by i.plan_id
)
select count(*), count(*) filter (where late), (array_agg(left(plan_id, 12) order by plan_id) filter (where late))[1:3]
from due cross join lateral (select fetched_at is null or fetched_at < %(now)s - interval '30 hours' as late) l
