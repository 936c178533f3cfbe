insert into pii.dialog_turn as t (vendor_code, vendor_call_id, call_month, turn_no, role, start_sec, end_sec, text_redacted)
select %(vendor)s, d.vendor_call_id, d.call_month, s.turn_no, s.role, s.start_sec, s.end_sec, s.text_redacted
from decided d
join staged_turn s using (vendor_call_id)
where d.action = 'update' or d.action = 'insert' and d.is_known
on conflict (vendor_code, vendor_call_id, call_month, turn_no) do update
set role = excluded.role, start_sec = excluded.start_sec, end_sec = excluded.end_sec, text_redacted = excluded.text_redacted
where (t.role, t.start_sec, t.end_sec, t.text_redacted)
      is distinct from (excluded.role, excluded.start_sec, excluded.end_sec, excluded.text_redacted)
