select (select count(distinct (vendor_code, vendor_status_raw)) from dwh.fact_call_attempt where loaded_at >= %(since)s),
       count(*), (array_agg(campaign_id || ': ' || name || ' (' || calls || ')' order by calls desc, name))[1:3]
from mart.v_drift where severity = 'alert'
