select (select count(*) from ops.report_column), count(*),
       (array_agg(campaign_id || ': ' || what || ' ' || name order by campaign_id, name))[1:3]
from mart.v_drift where severity = 'warning'
