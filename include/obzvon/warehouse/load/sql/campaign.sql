-- A version where none covers the moment of the plan; before the first one when an older plan comes later.
insert into dwh.dim_campaign (campaign_id, name, purpose, owner, goal_definition, max_attempts, window_from, window_to,
                              valid_from, valid_to, is_current)
select %(campaign_id)s, %(name)s, %(purpose)s, %(owner)s, %(goal_definition)s, %(max_attempts)s::smallint,
       %(window_from)s::time, %(window_to)s::time, %(planned_at)s::timestamptz, later.valid_from, later.valid_from is null
from (select min(valid_from) as valid_from from dwh.dim_campaign
      where campaign_id = %(campaign_id)s and valid_from > %(planned_at)s) later
where not exists (
    select from dwh.dim_campaign
    where campaign_id = %(campaign_id)s and valid_from <= %(planned_at)s and (valid_to is null or valid_to > %(planned_at)s))
