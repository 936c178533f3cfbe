-- The contacts of the intent as all their attempts leave them. The last terminal outcome is final, a conversation's
-- before any other; without one it is the last outcome. Closed = a terminal outcome, or as many dials as allowed.
update dwh.fact_campaign_contact f
set attempts = s.attempts, first_attempt_at = s.first_attempt_at, first_human_at = s.first_human_at,
    first_human_attempt = s.first_human_attempt, rpc_at = s.rpc_at, goal_at = s.goal_at,
    final_disposition = s.final_disposition, closed_at = s.closed_at, loaded_at = %(loaded_at)s
from (
    select f.row_no,
           count(*) filter (where v.dialed)                                                       as attempts,
           min(a.started_at) filter (where v.dialed)                                              as first_attempt_at,
           min(a.started_at) filter (where v.human)                                               as first_human_at,
           min(a.attempt_no) filter (where v.human)                                               as first_human_attempt,
           min(a.started_at) filter (where d.is_rpc)                                              as rpc_at,
           min(a.started_at) filter (where d.is_goal or g.reached)                                as goal_at,
           (array_agg(a.disposition_code order by d.is_terminal desc, d.is_terminal and v.human desc,
                      a.started_at desc, a.vendor_call_id desc))[1]                               as final_disposition,
           coalesce(min(a.started_at) filter (where d.is_terminal),
                    case when count(*) filter (where v.dialed) >= max(k.max_attempts)
                         then max(a.started_at) filter (where v.dialed) end)                      as closed_at
    from dwh.fact_campaign_contact f
    join dwh.dim_campaign k using (campaign_key)
    join dwh.fact_call_attempt a on a.intent_id = f.intent_id and a.contact_key = f.contact_key
    join dwh.dim_disposition d using (disposition_code)
    cross join lateral (select d.disposition_group not in ('NOT_DIALED', 'PENDING') as dialed,
                               d.disposition_group = 'HUMAN'                        as human) v
    left join lateral (select bool_or(is_reached) as reached from dwh.fact_dialog_goal
                       where vendor_code = a.vendor_code and vendor_call_id = a.vendor_call_id
                         and call_month = a.call_month) g on true
    where f.intent_id = %(intent_id)s
    group by f.row_no
) s
where f.intent_id = %(intent_id)s and f.plan_id = %(plan_id)s and f.row_no = s.row_no
  and (f.attempts, f.first_attempt_at, f.first_human_at, f.first_human_attempt, f.rpc_at, f.goal_at,
       f.final_disposition, f.closed_at)
      is distinct from (s.attempts, s.first_attempt_at, s.first_human_at, s.first_human_attempt, s.rpc_at, s.goal_at,
                        s.final_disposition, s.closed_at)
