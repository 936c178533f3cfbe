-- Every gauge of the table in obzvon/telemetry/metrics.py, read at one moment: metric, values of its labels, value.
-- Campaigns with a plan of the last days, or one that is not over, always have a row: a gauge that is merely not sent keeps its old value.
-- Reads ledger rows of those plans, the archive's list by index, and sums of the marts: nothing that grows with a list.
with plan as materialized (
    select plan_id, campaign_id, vendor_code, contacts_total, contacts_to_call,
           coalesce((spec #>> '{wait,deadline_hours}')::float8, 6) as deadline_hours
    from ops.campaign_plan
    where call_date >= (%(now)s at time zone 'UTC')::date - %(days)s
       -- what is not over is not forgotten
       or plan_id in (select i.plan_id from ops.campaign_intent i
                      where i.state in ('sending', 'created', 'running', 'collecting')
                         or (i.state = 'in_doubt'
                             and not exists (select from ops.settlement s
                                             where s.intent_id = i.intent_id and s.finding = 'left')))
),
campaign as materialized (
    select distinct campaign_id from plan
),
intent as materialized (
    select i.*, p.deadline_hours
    from ops.campaign_intent i join plan p using (plan_id)
),
doubtful as materialized (
    select i.campaign_id, i.intent_id, coalesce(e.at, i.submitted_at) as since
    from intent i
    left join lateral (
        select v.at from ops.intent_event v
        where v.intent_id = i.intent_id and v.to_state = 'in_doubt' order by v.event_id desc limit 1
    ) e on true
    where (i.state = 'in_doubt'
           -- a sender that lives has its answer, or its time-out, long before
           or (i.state = 'sending' and i.submitted_at < %(now)s - interval '30 minutes'))
      and not exists (select from ops.settlement s
                      where s.intent_id = i.intent_id and s.finding = 'left' and s.at >= coalesce(e.at, i.submitted_at))
),
closed as (
    select i.plan_id, i.campaign_id, max(i.final_at) as final_at
    from intent i group by 1, 2
    having bool_and(i.state in ('final', 'final_partial', 'cancelled', 'refused', 'in_doubt')) and max(i.final_at) is not null
),
backlog as (
    select c.campaign_id, c.final_at,
           sum(a.recorded - a.qa_sent - a.qa_missing - a.qa_rejected - a.qa_skipped) as calls
    from closed c join mart.attempt_daily a using (plan_id)
    group by c.plan_id, c.campaign_id, c.final_at
),
budget as (
    select split_part(account, ':', 1)                                                   as vendor,
           max(greatest(extract(epoch from next_free - %(now)s), 0))                     as queue,
           max(greatest(extract(epoch from coalesce(held_until, %(now)s) - %(now)s), 0)) as held
    from ops.request_budget group by 1
)
select 'obzvon.contacts' as metric, array[p.campaign_id, coalesce(o.exclusion_code, 'call')] as labels,
       sum(o.contacts)::float8 as value
from plan p join mart.contact_outcome o using (plan_id) group by 2
union all
select 'obzvon.contacts', array[p.campaign_id, d.decision], sum(d.contacts)::float8
from plan p
cross join lateral (values ('call', p.contacts_to_call), ('EXCLUDED', p.contacts_total - p.contacts_to_call)) d (decision, contacts)
where not exists (select from mart.contact_outcome o where o.plan_id = p.plan_id)
group by 2
union all
select 'obzvon.attempts', array[p.campaign_id, a.disposition_code], sum(a.attempts)::float8
from plan p join mart.attempt_daily a using (plan_id) group by 2
union all
select 'obzvon.intents', array[c.campaign_id, s.state], count(i.intent_id)::float8
from campaign c
cross join unnest(%(states)s::text[]) as s (state)
left join intent i on i.campaign_id = c.campaign_id and i.state = s.state
group by 2
union all
select 'obzvon.in_doubt', array[c.campaign_id], count(d.intent_id)::float8
from campaign c left join doubtful d using (campaign_id) group by 2
union all
select 'obzvon.in_doubt_age', array[c.campaign_id], coalesce(extract(epoch from %(now)s - min(d.since)), 0)::float8
from campaign c left join doubtful d using (campaign_id) group by 2
union all
select 'obzvon.canary_stopped', array[p.campaign_id], count(*) filter (where v.passed is false)::float8
from plan p left join ops.canary_verdict v using (plan_id) group by 2
union all
select 'obzvon.breaches', array[p.campaign_id], coalesce(sum(a.actual) filter (where not a.holds), 0)::float8
from plan p left join ops.audit_check a on a.plan_id = p.plan_id and a.check_name = 'compliance' group by 2
union all
select 'obzvon.audits_failed', array[p.campaign_id], count(distinct a.plan_id) filter (where not a.holds)::float8
from plan p left join ops.audit_check a using (plan_id) group by 2
union all
select 'obzvon.report_overdue', array[c.campaign_id],
       coalesce(max(greatest(extract(epoch from %(now)s - i.window_end_utc - make_interval(secs => i.deadline_hours * 3600)), 0))
                filter (where i.state in ('running', 'collecting')), 0)::float8
from campaign c left join intent i using (campaign_id) group by 2
union all
select 'obzvon.delivery_backlog', array[c.campaign_id], coalesce(sum(greatest(b.calls, 0)), 0)::float8
from campaign c left join backlog b using (campaign_id) group by 2
union all
select 'obzvon.delivery_backlog_age', array[c.campaign_id],
       coalesce(extract(epoch from %(now)s - min(b.final_at) filter (where b.calls > 0)), 0)::float8
from campaign c left join backlog b using (campaign_id) group by 2
union all
select 'obzvon.facts_age', '{}', extract(epoch from %(now)s - max(r.loaded_at))::float8
from ops.raw_archive r join intent i using (intent_id) having max(r.loaded_at) is not null
union all
select 'obzvon.facts_waiting_age', '{}', coalesce(extract(epoch from %(now)s - min(r.fetched_at)), 0)::float8
from ops.raw_archive r join intent i using (intent_id) where r.loaded_at is null and r.gone_at is null
union all
select 'obzvon.marts_waiting_age', '{}', coalesce(extract(epoch from %(now)s - min(m.changed_at)), 0)::float8
from ops.mart_change m
union all
select 'obzvon.budget_queue', array[vendor], queue::float8 from budget
union all
select 'obzvon.budget_held', array[vendor], held::float8 from budget
union all
select 'obzvon.inbox', '{}', count(*)::float8 from pii.vendor_event where outcome is null
union all
select 'obzvon.inbox_age', '{}', coalesce(extract(epoch from %(now)s - min(received_at)), 0)::float8
from pii.vendor_event where outcome is null
