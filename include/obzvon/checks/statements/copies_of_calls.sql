with copy as (
    select r.call_uid, f.vendor_call_id is null as stray
    from ops.recording r left join ops.known_call k using (vendor_code, vendor_call_id)
    left join dwh.fact_call_attempt f using (vendor_code, vendor_call_id, call_month)
    where r.state = 'COPIED'
)
select count(*), count(*) filter (where stray), (array_agg(call_uid order by call_uid) filter (where stray))[1:3]
from copy
