-- Against the median of the fourteen call dates before, where there are three of them.
with daily as (
    select p.campaign_id, p.call_date, sum(f.attempts) as calls
    from mart.attempt_daily f
    join ops.campaign_plan p using (plan_id)
    where p.call_date >= (%(now)s)::date - 60
    group by p.campaign_id, p.call_date
),
numbered as (
    select d.*, row_number() over (partition by campaign_id order by call_date desc) as age from daily d
),
compared as (
    select campaign_id, max(calls) filter (where age = 1) as newest,
           percentile_cont(0.5) within group (order by calls) filter (where age between 2 and 15) as usual
    from numbered
    group by campaign_id
    having count(*) filter (where age between 2 and 15) >= 3
)
select count(*), count(*) filter (where odd),
       (array_agg(campaign_id || ' ' || newest || ' against ' || usual order by campaign_id) filter (where odd))[1:3]
from compared cross join lateral (select newest * 3 < usual or newest > usual * 3 as odd) o
