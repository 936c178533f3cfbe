-- An older plan comes later and says the same as the version after it: that version begins with the older plan.
update dwh.dim_contact d
set valid_from = %(planned_at)s
from (select p.contact_id, p.phone_key, p.region_key, p.tz_offset_min, p.tz_source, p.segment,
             min(v.valid_from) filter (where v.valid_from > %(planned_at)s) as later
      from people p
      join dwh.dim_contact v on v.contact_id = p.contact_id and v.phone_key is not distinct from p.phone_key
      group by p.contact_id, p.phone_key, p.region_key, p.tz_offset_min, p.tz_source, p.segment
      having bool_and(v.valid_from > %(planned_at)s or v.valid_to <= %(planned_at)s)) p
where d.contact_id = p.contact_id and d.phone_key is not distinct from p.phone_key and d.valid_from = p.later
  and (d.region_key, d.tz_offset_min, d.tz_source, d.segment)
      is not distinct from (p.region_key, p.tz_offset_min, p.tz_source, p.segment)
