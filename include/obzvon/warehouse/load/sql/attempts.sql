insert into dwh.fact_call_attempt as f (
    vendor_code, vendor_call_id, call_month, intent_id, contact_key, attempt_no, started_at, local_started_at, date_key,
    local_hour, disposition_code, vendor_status_raw, responder_raw, ring_sec, talk_sec, transferred, caller_id, cost_rub,
    marking_fee_rub, record_url, has_record, row_hash, source_updated_at, loaded_at, is_late, batch_id)
select %(vendor)s, vendor_call_id, call_month, %(intent_id)s, contact_key, attempt_no, started_at, local_started_at,
       to_char(local_started_at, 'YYYYMMDD')::int, extract(hour from local_started_at), disposition_code,
       vendor_status_raw, responder_raw, ring_sec, talk_sec, transferred, caller_id, cost_rub, marking_fee_rub,
       record_url, record_url is not null, row_hash, source_updated_at, %(loaded_at)s, is_late, %(batch_id)s
from decided
where action in ('insert', 'update')
on conflict (vendor_code, vendor_call_id, call_month) do update set
    intent_id = excluded.intent_id, contact_key = excluded.contact_key, attempt_no = excluded.attempt_no,
    started_at = excluded.started_at, local_started_at = excluded.local_started_at, date_key = excluded.date_key,
    local_hour = excluded.local_hour, disposition_code = excluded.disposition_code,
    vendor_status_raw = excluded.vendor_status_raw, responder_raw = excluded.responder_raw,
    ring_sec = excluded.ring_sec, talk_sec = excluded.talk_sec, transferred = excluded.transferred,
    caller_id = excluded.caller_id, cost_rub = excluded.cost_rub, marking_fee_rub = excluded.marking_fee_rub,
    record_url = excluded.record_url, has_record = excluded.has_record, row_hash = excluded.row_hash,
    source_updated_at = excluded.source_updated_at, loaded_at = excluded.loaded_at, batch_id = excluded.batch_id,
    is_late = f.is_late or (excluded.is_late and excluded.row_hash <> f.row_hash)
where excluded.source_updated_at >= f.source_updated_at
  and (excluded.row_hash, excluded.source_updated_at) is distinct from (f.row_hash, f.source_updated_at)
