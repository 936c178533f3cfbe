-- An attempt that came late moves the later ones on.
update dwh.fact_call_attempt f
set attempt_no = n.attempt_no
from (
    select vendor_code, vendor_call_id, call_month,
           row_number() over (partition by contact_key order by started_at, vendor_call_id) as attempt_no
    from dwh.fact_call_attempt
    where intent_id = %(intent_id)s and contact_key is not null
) n
where f.intent_id = %(intent_id)s
  and f.vendor_code = n.vendor_code and f.vendor_call_id = n.vendor_call_id and f.call_month = n.call_month
  and f.attempt_no is distinct from n.attempt_no
