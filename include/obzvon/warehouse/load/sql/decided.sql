-- What becomes of each call: insert, update, unchanged, or older than what is stored.
-- What a report says of a call stands against every event about it, whichever came first; an event that a report
-- replaces is named in `over_batch`.
-- Of two answers with the same source_updated_at the one that was fetched later is newer. The hash covers what the
-- vendor said and what follows from the campaign file, not surrogate keys: a replay gives the same one.
insert into decided
with said as (
    select vendor_call_id, string_agg(name || chr(31) || coalesce(stored, ''), chr(30) order by name) as results
    from staged_result
    group by vendor_call_id
),
spoken as (
    select vendor_call_id,
           string_agg(concat_ws(chr(31), role, start_sec, end_sec, text_redacted), chr(30) order by turn_no) as turns
    from staged_turn
    group by seq, vendor_call_id -- in which they came, so that there is nothing to sort
),
full_row as (
    select m.*,
           m.started_at at time zone 'UTC' + make_interval(mins => m.offset_min) as local_started_at,
           coalesce(j.disposition_code, m.disposition_code)                      as outcome,
           coalesce(j.goal_reached, m.goal_reached)                              as reached,
           d.suppress_purpose,
           case when d.disposition_group in ('NOT_DIALED', 'PENDING') then 0 else %(marking_fee)s end as fee,
           s.results,
           t.turns
    from matched m
    left join judged j using (vendor_call_id)
    join dwh.dim_disposition d on d.disposition_code = coalesce(j.disposition_code, m.disposition_code)
    left join said s using (vendor_call_id)
    left join spoken t using (vendor_call_id)
),
hashed as (
    select r.*,
           encode(sha256(convert_to(jsonb_build_array(
               %(intent_id)s::bpchar::text, row_no, extract(epoch from started_at), local_started_at, outcome, vendor_status_raw,
               responder_raw, ring_sec::numeric(9, 2), talk_sec::numeric(9, 2), transferred, caller_id,
               cost_rub::numeric(12, 4), fee::numeric(12, 4), record_url, reached, results, turns)::text, 'UTF8')), 'hex')
               as row_hash
    from full_row r
    offset 0 -- or the hash would be computed wherever it is named
),
told as (
    select distinct batch_id from ops.raw_archive where intent_id = %(intent_id)s and kind = %(events)s
),
newer as (
    select batch_id from ops.raw_archive
    where intent_id = %(intent_id)s
    group by batch_id having max(fetched_at) > %(fetched_at)s
)
select h.vendor_call_id,
       h.call_month,
       h.is_known,
       case
           when f.vendor_call_id is null then 'insert'
           when %(is_event)s and f.batch_id not in (select batch_id from told) then 'older'
           when not %(is_event)s and f.batch_id in (select batch_id from told) then 'update'
           when h.updated_at < f.source_updated_at then 'older'
           when h.updated_at = f.source_updated_at and f.batch_id in (select batch_id from newer) then 'older'
           when h.updated_at = f.source_updated_at and h.row_hash = f.row_hash then 'unchanged'
           else 'update'
       end,
       h.contact_key,
       h.contact_phone_key,
       case when h.contact_key is not null
            then row_number() over (partition by h.contact_key order by h.started_at, h.vendor_call_id) end,
       h.started_at,
       h.local_started_at,
       h.outcome,
       h.suppress_purpose,
       h.vendor_status_raw,
       h.responder_raw,
       h.ring_sec,
       h.talk_sec,
       h.transferred,
       h.caller_id,
       h.cost_rub,
       h.fee,
       h.record_url,
       h.reached,
       h.results is not null,
       h.turns is not null,
       h.row_hash,
       h.updated_at,
       %(is_late)s,
       case when not %(is_event)s and f.batch_id in (select batch_id from told) then f.batch_id end
from hashed h
left join dwh.fact_call_attempt f on f.vendor_code = %(vendor)s and f.vendor_call_id = h.vendor_call_id
                                and f.call_month = h.call_month and f.call_month = any(%(months)s::date[])
