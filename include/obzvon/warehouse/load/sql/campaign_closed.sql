update dwh.dim_campaign
set valid_to = %(planned_at)s, is_current = false
where campaign_id = %(campaign_id)s and is_current and valid_from < %(planned_at)s
  and (name, purpose, owner, goal_definition, max_attempts, window_from, window_to)
      is distinct from (%(name)s, %(purpose)s, %(owner)s, %(goal_definition)s, %(max_attempts)s::smallint,
                        %(window_from)s::time, %(window_to)s::time)
