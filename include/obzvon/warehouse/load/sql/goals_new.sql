-- Results of calls that were never entered: there is nothing to compare them with.
insert into dwh.fact_dialog_goal (vendor_code, vendor_call_id, call_month, goal_name, goal_value, is_reached)
select %(vendor)s, d.vendor_call_id, d.call_month, r.name, r.stored, case when r.name = %(goal_field)s then d.goal_reached end
from decided d
join staged_result r using (vendor_call_id)
where d.action = 'insert' and not d.is_known
