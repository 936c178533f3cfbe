with spoken as (
    select t.vendor_code || ':' || t.vendor_call_id as call_uid, f.vendor_call_id is null as stray
    from (select distinct vendor_code, vendor_call_id, call_month from pii.dialog_turn) t
    left join dwh.fact_call_attempt f using (vendor_code, vendor_call_id, call_month)
)
select count(*), count(*) filter (where stray), (array_agg(call_uid order by call_uid) filter (where stray))[1:3]
from spoken
