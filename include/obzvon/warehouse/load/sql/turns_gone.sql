-- Turns beyond the newer transcript's end. A pull without a transcript of a call says nothing about it, but
-- the first report of a call takes the place of all that events told.
delete from pii.dialog_turn t
using decided d
where d.action = 'update' and (d.has_turns or d.over_batch is not null)
  and t.vendor_code = %(vendor)s and t.vendor_call_id = d.vendor_call_id
  and t.call_month = d.call_month and t.call_month = any(%(months)s::date[])
  and not exists (
      select from staged_turn s where s.vendor_call_id = t.vendor_call_id and s.turn_no = t.turn_no)
