-- Contacts of the plan by what became of them; one contact counts once however often it was dialled.
insert into mart.contact_outcome (
    plan_id, intent_id, campaign_key, script_key, exclusion_code, exclusion_reason, contacts, dialed, human, rpc, goal,
    invalid, closed_by_outcome, closed_by_limit, first_human_attempts, attempts, cost_rub, marking_fee_rub)
with attempt as materialized (
    select a.intent_id, a.contact_key, a.attempt_no, a.cost_rub, a.marking_fee_rub, a.disposition_code,
           d.disposition_group not in ('NOT_DIALED', 'PENDING') as dialed,
           d.disposition_group = 'HUMAN'                        as human,
           d.is_rpc                                             as rpc,
           d.is_terminal                                        as terminal,
           d.is_goal or g.reached is not null                   as goal
    from dwh.fact_call_attempt a
    join dwh.dim_disposition d using (disposition_code)
    -- limited: a look into the index a call, however much the warehouse holds
    left join lateral (
        select true as reached from dwh.fact_dialog_goal
        where vendor_code = a.vendor_code and vendor_call_id = a.vendor_call_id and call_month = a.call_month
          and is_reached
        limit 1
    ) g on true
    where a.intent_id = any (array(select i.intent_id from ops.campaign_intent i where i.plan_id = %(plan)s))
      and a.contact_key is not null
),
tried as materialized (
    select intent_id, contact_key,
           count(*) filter (where dialed)                              as attempts,
           bool_or(human)                                              as human,
           bool_or(rpc)                                                as rpc,
           bool_or(goal)                                               as goal,
           bool_or(terminal)                                           as terminal,
           bool_or(dialed and disposition_code = 'INVALID_NUMBER')     as invalid,
           min(attempt_no) filter (where human)                        as first_human,
           sum(cost_rub)                                               as cost_rub,
           sum(marking_fee_rub)                                        as marking_fee_rub
    from attempt
    group by intent_id, contact_key
)
select %(plan)s, f.intent_id, f.campaign_key, f.script_key, f.exclusion_code, f.exclusion_reason,
       count(*),
       count(*) filter (where t.attempts > 0),
       count(*) filter (where t.human),
       count(*) filter (where t.rpc),
       count(*) filter (where t.goal),
       count(*) filter (where t.invalid),
       count(*) filter (where t.terminal),
       count(*) filter (where not coalesce(t.terminal, false) and coalesce(t.attempts, 0) >= k.max_attempts
                              and f.exclusion_code is null),
       coalesce(sum(t.first_human), 0),
       coalesce(sum(t.attempts), 0),
       coalesce(sum(t.cost_rub), 0),
       coalesce(sum(t.marking_fee_rub), 0)
from dwh.fact_campaign_contact f
join dwh.dim_campaign k using (campaign_key)
left join tried t on t.intent_id = f.intent_id and t.contact_key = f.contact_key
where f.plan_id = %(plan)s
group by f.intent_id, f.campaign_key, f.script_key, f.exclusion_code, f.exclusion_reason
