-- A call that somebody else has entered meanwhile is an error: what is staged has to be compared anew.
insert into dwh.fact_call_attempt (
    vendor_code, vendor_call_id, call_month, intent_id, contact_key, attempt_no, started_at, local_started_at, date_key,
    local_hour, disposition_code, vendor_status_raw, responder_raw, ring_sec, talk_sec, transferred, caller_id, cost_rub,
    marking_fee_rub, record_url, has_record, row_hash, source_updated_at, loaded_at, is_late, batch_id)
select %(vendor)s, vendor_call_id, call_month, %(intent_id)s, contact_key, attempt_no, started_at, local_started_at,
       to_char(local_started_at, 'YYYYMMDD')::int, extract(hour from local_started_at), disposition_code,
       vendor_status_raw, responder_raw, ring_sec, talk_sec, transferred, caller_id, cost_rub, marking_fee_rub,
       record_url, record_url is not null, row_hash, source_updated_at, %(loaded_at)s, is_late, %(batch_id)s
from decided
where action = 'insert'
