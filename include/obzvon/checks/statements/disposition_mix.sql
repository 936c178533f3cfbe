-- Population stability index: the sum over the outcomes of (now - before) * ln(now / before), shares of at least a thousandth.
-- Campaigns with a hundred attempts on the newest day and in the four weeks before it, by the sums of the marts.
with daily as (
    select p.campaign_id, p.call_date, f.disposition_code, sum(f.attempts) as calls
    from mart.attempt_daily f
    join ops.campaign_plan p using (plan_id)
    where f.disposition_code <> 'PENDING' and p.call_date >= (%(now)s)::date - 60
    group by p.campaign_id, p.call_date, f.disposition_code
),
dated as (
    select d.*, max(call_date) over (partition by campaign_id) as newest from daily d
),
mix as (
    select campaign_id, disposition_code,
           coalesce(sum(calls) filter (where call_date = newest), 0)                           as now,
           coalesce(sum(calls) filter (where call_date < newest and call_date >= newest - 28), 0) as before
    from dated
    group by campaign_id, disposition_code
),
share as (
    select campaign_id,
           greatest(now / nullif(sum(now) over (partition by campaign_id), 0), 0.001)       as now,
           greatest(before / nullif(sum(before) over (partition by campaign_id), 0), 0.001) as before,
           sum(now) over (partition by campaign_id) >= 100
           and sum(before) over (partition by campaign_id) >= 100                           as enough
    from mix
),
psi as (
    select campaign_id, sum((now - before) * ln(now / before)) as value from share where enough group by campaign_id
)
select count(*), count(*) filter (where value > 0.25),
       (array_agg(campaign_id || ' ' || round(value, 2) order by value desc) filter (where value > 0.25))[1:3]
from psi
