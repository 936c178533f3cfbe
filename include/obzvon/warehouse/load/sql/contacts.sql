-- A version where none covers the moment of the plan; before the first one when an older plan comes later.
insert into dwh.dim_contact (contact_id, phone_key, region_key, tz_offset_min, tz_source, segment, valid_from, valid_to,
                             is_current)
select p.contact_id, p.phone_key, p.region_key, p.tz_offset_min, p.tz_source, p.segment, %(planned_at)s::timestamptz,
       min(d.valid_from) filter (where d.valid_from > %(planned_at)s),
       coalesce(bool_and(d.valid_from <= %(planned_at)s), true)
from people p
left join dwh.dim_contact d on d.contact_id = p.contact_id and d.phone_key is not distinct from p.phone_key
group by p.contact_id, p.phone_key, p.region_key, p.tz_offset_min, p.tz_source, p.segment
having not coalesce(bool_or(d.valid_from <= %(planned_at)s
                            and (d.valid_to is null or d.valid_to > %(planned_at)s)), false)
order by p.contact_id, p.phone_key -- a warehouse that is rebuilt gives the same keys
