with delivery as (
    select q.call_uid, f.vendor_call_id is null as stray
    from ops.qa_delivery q left join ops.known_call k using (vendor_code, vendor_call_id)
    left join dwh.fact_call_attempt f using (vendor_code, vendor_call_id, call_month)
)
select count(*), count(*) filter (where stray), (array_agg(call_uid order by call_uid) filter (where stray))[1:3]
from delivery
