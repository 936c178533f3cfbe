update dwh.dim_contact d
set valid_to = %(planned_at)s, is_current = false
from people p
where d.is_current and d.valid_from < %(planned_at)s
  and d.contact_id = p.contact_id and d.phone_key is not distinct from p.phone_key
  and (d.region_key, d.tz_offset_min, d.tz_source, d.segment)
      is distinct from (p.region_key, p.tz_offset_min, p.tz_source, p.segment)
