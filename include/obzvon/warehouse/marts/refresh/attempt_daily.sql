-- Attempts of the plan by when and how they went. A call of nobody in the list belongs to the campaign of its intent.
insert into mart.attempt_daily (
    plan_id, campaign_key, script_key, date_key, local_hour, zone_certain, attempt_no, disposition_code, attempts, goals,
    transferred, late, orphans, talk_sec, talk_sec_transferred, cost_rub, marking_fee_rub, recorded, qa_sent, qa_verified,
    qa_missing, qa_rejected, qa_skipped, qa_in_doubt, qa_reviewed, qa_scores, qa_score_sum)
with attempt as materialized (
    select a.vendor_code, a.vendor_call_id, a.contact_key, a.date_key, a.local_hour, a.attempt_no, a.disposition_code,
           a.transferred or a.disposition_code = 'TRANSFERRED' as transferred,
           a.is_late, coalesce(a.talk_sec, 0) as talk_sec, a.cost_rub, a.marking_fee_rub, a.has_record,
           coalesce(f.campaign_key, (select o.campaign_key from dwh.fact_campaign_contact o
                                     where o.plan_id = %(plan)s limit 1)) as campaign_key,
           f.script_key,
           f.plan_id is null           as orphan,
           c.tz_offset_min is not null as zone_certain,
           d.is_goal or g.reached is not null as goal
    from dwh.fact_call_attempt a
    join dwh.dim_disposition d using (disposition_code)
    left join dwh.fact_campaign_contact f
           on f.plan_id = %(plan)s and f.intent_id = a.intent_id and f.contact_key = a.contact_key
    -- lateral and limited: a look into the index a call, however much the warehouse holds
    left join lateral (
        select true as reached from dwh.fact_dialog_goal
        where vendor_code = a.vendor_code and vendor_call_id = a.vendor_call_id and call_month = a.call_month
          and is_reached
        limit 1
    ) g on true
    left join lateral (select k.tz_offset_min from dwh.dim_contact k where k.contact_key = a.contact_key limit 1) c on true
    where a.intent_id = any (array(select i.intent_id from ops.campaign_intent i where i.plan_id = %(plan)s))
)
select %(plan)s, campaign_key, script_key, date_key, local_hour, zone_certain, attempt_no, disposition_code,
       count(*),
       count(*) filter (where goal),
       count(*) filter (where transferred),
       count(*) filter (where is_late),
       count(*) filter (where orphan),
       sum(talk_sec),
       coalesce(sum(talk_sec) filter (where transferred), 0),
       sum(cost_rub),
       sum(marking_fee_rub),
       count(*) filter (where has_record),
       count(*) filter (where has_record and q.state in ('SENT', 'VERIFIED')),
       count(*) filter (where has_record and q.state = 'VERIFIED'),
       count(*) filter (where has_record and q.state = 'MISSING'),
       count(*) filter (where has_record and q.state = 'REJECTED'),
       count(*) filter (where has_record and q.state = 'SKIPPED'),
       count(*) filter (where has_record and q.state in ('SENDING', 'IN_DOUBT')),
       count(*) filter (where has_record and r.reviews > 0),
       coalesce(sum(r.scores) filter (where has_record), 0),
       coalesce(sum(r.score_sum) filter (where has_record), 0)
from attempt a
left join lateral (
    select state from ops.qa_delivery where call_uid = a.vendor_code || ':' || a.vendor_call_id limit 1
) q on true
left join lateral (
    select count(*)                                                        as reviews,
           count(v.score) filter (where v.max_score > 0)                   as scores,
           sum(round(v.score / v.max_score, 6)) filter (where v.max_score > 0) as score_sum
    from dwh.fact_qa_review v
    where v.vendor_code = a.vendor_code and v.vendor_call_id = a.vendor_call_id
) r on true
group by campaign_key, script_key, date_key, local_hour, zone_certain, attempt_no, disposition_code
