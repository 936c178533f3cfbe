-- Recordings of the last 35 days that were waited for longer than their campaign file allows, and did not come.
with awaited as (
    select r.call_uid,
           r.state in ('MISSING', 'REFUSED')
           and r.first_tried_at + make_interval(
                   secs => 3600 * coalesce((p.spec #>> '{recordings,deadline_hours}')::float8, 48)) <= %(now)s as overdue
    from ops.recording r
    join ops.campaign_intent i using (intent_id)
    join ops.campaign_plan p using (plan_id)
    where r.state <> 'DELETED' and r.first_tried_at > %(now)s - interval '35 days'
)
select count(*), count(*) filter (where overdue), (array_agg(call_uid order by call_uid) filter (where overdue))[1:3]
from awaited
