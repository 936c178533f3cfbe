-- Conversations that got results from another page: their outcome is judged again by all results together.
select m.vendor_call_id, m.disposition_code, jsonb_object_agg(r.name, r.said)
from matched m
join staged_result r using (vendor_call_id)
where m.disposition_code in (select disposition_code from dwh.dim_disposition where disposition_group = 'HUMAN')
group by m.vendor_call_id, m.disposition_code
having bool_or(r.is_part)
