-- Dials of the plan by the number that was shown. Where the vendor does not name it and the campaign has only one, it is
-- that one.
insert into mart.caller_daily (plan_id, date_key, caller_id, region_key, attempts, network_errors, connected, human)
select %(plan)s,
       a.date_key,
       coalesce(a.caller_id, (select p.spec #>> '{caller_ids,0}' from ops.campaign_plan p
                              where p.plan_id = %(plan)s and jsonb_array_length(p.spec -> 'caller_ids') = 1)),
       c.region_key,
       count(*),
       count(*) filter (where a.disposition_code in ('NETWORK_ERROR', 'CARRIER_BLOCK')),
       count(*) filter (where d.disposition_group in ('HUMAN', 'MACHINE')),
       count(*) filter (where d.disposition_group = 'HUMAN')
from dwh.fact_call_attempt a
join dwh.dim_disposition d using (disposition_code)
left join lateral (select k.region_key from dwh.dim_contact k where k.contact_key = a.contact_key limit 1) c on true
where a.intent_id = any (array(select i.intent_id from ops.campaign_intent i where i.plan_id = %(plan)s))
  and d.disposition_group not in ('NOT_DIALED', 'PENDING')
group by 2, 3, 4
