-- Does the sandbox agree with the ledger and the warehouse, row by row?
--
-- The sandbox's books are loaded into three temporary tables first (`python -m obzvon reconcile` does it):
--   sandbox_campaign (vendor, task_id, contacts)                     /_sandbox/campaigns
--   sandbox_dial     (vendor, task_id, call_id, external_id, phone)  /_sandbox/dials.csv
--   sandbox_record   (uid, writes)                                   /_sandbox/qolio/calls
-- Each line compares two sets of keys: how many rows each side has, and how many have no partner on the other side.

with
campaigns as (
    select coalesce(s.vendor, i.vendor_code) as vendor, s.task_id as theirs, i.intent_id as ours
    from sandbox_campaign s
    full join (select * from ops.campaign_intent where vendor_task_id is not null) i
        on i.vendor_code = s.vendor and i.vendor_task_id = s.task_id
),
contacts as (
    select s.vendor, s.contacts::int as theirs, i.contacts_accepted as ours
    from sandbox_campaign s
    join ops.campaign_intent i on i.vendor_code = s.vendor and i.vendor_task_id = s.task_id
),
accepted as (
    select i.vendor_code as vendor, i.vendor_task_id as task_id, c.external_id, right(p.phone_e164, 10) as phone
    from ops.plan_contact c
    join ops.campaign_intent i using (intent_id)
    join pii.contact_payload p on p.plan_id = c.plan_id and p.row_no = c.row_no
    where c.sent_state = 'accepted'
),
people as (  -- everybody the sandbox dialled was handed over, in that very campaign
    select d.vendor, d.task_id || ':' || d.phone as theirs, a.task_id || ':' || a.phone as ours
    from (select distinct vendor, task_id, external_id, right(phone, 10) as phone from sandbox_dial) d
    left join accepted a
        on a.vendor = d.vendor and a.task_id = d.task_id and a.phone = d.phone
        and (d.external_id is null or a.external_id = d.external_id)
),
calls as (
    select coalesce(d.vendor, f.vendor_code) as vendor, d.call_id as theirs, f.vendor_call_id as ours
    from sandbox_dial d
    full join (select f.vendor_code, f.vendor_call_id, i.vendor_task_id
               from dwh.fact_call_attempt f left join ops.campaign_intent i using (intent_id)) f
        on f.vendor_code = d.vendor and f.vendor_call_id = d.call_id and f.vendor_task_id = d.task_id
),
records as (
    select split_part(coalesce(r.uid, q.call_uid), ':', 1) as vendor, r.uid as theirs, q.call_uid as ours
    from sandbox_record r
    full join (select q.call_uid
               from ops.qa_delivery q
               join dwh.fact_call_attempt f using (vendor_code, vendor_call_id)
               where q.state in ('SENT', 'VERIFIED')) q
        on q.call_uid = r.uid
),
compared (position, vendor, what, theirs, ours, only_theirs, only_ours) as (
    select 1, vendor, 'campaigns = intents', count(theirs), count(ours),
           count(*) filter (where ours is null), count(*) filter (where theirs is null)
    from campaigns group by vendor
    union all
    select 2, vendor, 'contacts = accepted', sum(theirs), sum(ours),
           sum(greatest(theirs - ours, 0)), sum(greatest(ours - theirs, 0))
    from contacts group by vendor
    union all
    select 3, vendor, 'people of attempts were accepted', count(theirs), count(ours),
           count(*) filter (where ours is null), 0
    from people group by vendor
    union all
    select 4, vendor, 'attempts = fact_call_attempt', count(theirs), count(ours),
           count(*) filter (where ours is null), count(*) filter (where theirs is null)
    from calls group by vendor
    union all
    select 5, vendor, 'Qolio calls = qa_delivery', count(theirs), count(ours),
           count(*) filter (where ours is null), count(*) filter (where theirs is null)
    from records group by vendor
)
select vendor, what, theirs::bigint, ours::bigint, only_theirs::bigint, only_ours::bigint
from compared
order by vendor, position
