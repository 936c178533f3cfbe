insert into dwh.fact_dialog_goal as g (vendor_code, vendor_call_id, call_month, goal_name, goal_value, is_reached)
select %(vendor)s, d.vendor_call_id, d.call_month, r.name, r.stored, case when r.name = %(goal_field)s then d.goal_reached end
from decided d
join staged_result r using (vendor_call_id)
where d.action = 'update' or d.action = 'insert' and d.is_known
on conflict (vendor_code, vendor_call_id, call_month, goal_name) do update
set goal_value = excluded.goal_value, is_reached = excluded.is_reached
where (g.goal_value, g.is_reached) is distinct from (excluded.goal_value, excluded.is_reached)
