-- An older plan comes later and says the same as the version after it: that version begins with the older plan.
update dwh.dim_campaign d
set valid_from = %(planned_at)s
from (select max(valid_from) filter (where valid_from <= %(planned_at)s
                                     and (valid_to is null or valid_to > %(planned_at)s)) as covering,
             min(valid_from) filter (where valid_from > %(planned_at)s)                   as later
      from dwh.dim_campaign
      where campaign_id = %(campaign_id)s) v
where d.campaign_id = %(campaign_id)s and v.covering is null and d.valid_from = v.later
  and (name, purpose, owner, goal_definition, max_attempts, window_from, window_to)
      is not distinct from (%(name)s, %(purpose)s, %(owner)s, %(goal_definition)s, %(max_attempts)s::smallint,
                            %(window_from)s::time, %(window_to)s::time)
