insert into people
select distinct on (p.contact_id, p.phone_key)
       p.contact_id, p.phone_key, r.region_key,
       case when cardinality(p.tz_offsets) = 1 then p.tz_offsets[1] end,
       coalesce(p.tz_source, 'unknown'),
       p.segment
from ops.plan_contact p
left join dwh.dim_region r on r.subject_name = p.region
where p.plan_id = %(plan_id)s
order by p.contact_id, p.phone_key, p.exclusion_code is not null, p.row_no
