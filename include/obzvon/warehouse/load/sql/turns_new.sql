-- Transcripts of calls that were never entered: there is nothing to compare them with, which halves the time.
insert into pii.dialog_turn (vendor_code, vendor_call_id, call_month, turn_no, role, start_sec, end_sec, text_redacted)
select %(vendor)s, d.vendor_call_id, d.call_month, s.turn_no, s.role, s.start_sec, s.end_sec, s.text_redacted
from decided d
join staged_turn s using (vendor_call_id)
where d.action = 'insert' and not d.is_known
