-- Results that a newer answer no longer gives. A pull without any results of a call says nothing about them, but
-- the first report of a call takes the place of all that events told.
delete from dwh.fact_dialog_goal g
using decided d
where d.action = 'update' and (d.has_results or d.over_batch is not null)
  and g.vendor_code = %(vendor)s and g.vendor_call_id = d.vendor_call_id
  and g.call_month = d.call_month and g.call_month = any(%(months)s::date[])
  and not exists (
      select from staged_result r where r.vendor_call_id = g.vendor_call_id and r.name = g.goal_name)
