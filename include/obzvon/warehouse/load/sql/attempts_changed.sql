-- A call that has become newer meanwhile is passed over, which the number of rows tells.
update dwh.fact_call_attempt f
set intent_id = %(intent_id)s, contact_key = d.contact_key, attempt_no = d.attempt_no, started_at = d.started_at,
    local_started_at = d.local_started_at, date_key = to_char(d.local_started_at, 'YYYYMMDD')::int,
    local_hour = extract(hour from d.local_started_at), disposition_code = d.disposition_code,
    vendor_status_raw = d.vendor_status_raw, responder_raw = d.responder_raw, ring_sec = d.ring_sec,
    talk_sec = d.talk_sec, transferred = d.transferred, caller_id = d.caller_id, cost_rub = d.cost_rub,
    marking_fee_rub = d.marking_fee_rub, record_url = d.record_url, has_record = d.record_url is not null,
    row_hash = d.row_hash, source_updated_at = d.source_updated_at, loaded_at = %(loaded_at)s, batch_id = %(batch_id)s,
    is_late = f.is_late or (d.is_late and d.row_hash <> f.row_hash)
from decided d
where d.action = 'update' and f.vendor_code = %(vendor)s and f.vendor_call_id = d.vendor_call_id
  and f.call_month = d.call_month and f.call_month = any(%(months)s::date[])
  and (f.batch_id = d.over_batch
       or d.over_batch is null and d.source_updated_at >= f.source_updated_at
          and (d.row_hash, d.source_updated_at) is distinct from (f.row_hash, f.source_updated_at))
