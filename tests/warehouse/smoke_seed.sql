-- Six contacts, one of them excluded, eight attempts: small enough to count every rate by hand.
insert into dwh.dim_script (vendor_code, vendor_script_id, version, name, ab_variant) values ('twin', 'b1', '1', 'Опрос', 'A');
insert into dwh.dim_campaign (campaign_id, name, purpose, goal_definition, max_attempts, window_from, window_to, valid_from, is_current)
values ('C1', 'Опрос ноябрь', 'service', 'result.confirmed = true', 3, '09:00', '20:00', '2026-11-01Z', true);
insert into ops.campaign_plan (plan_id, campaign_id, call_date, vendor_code, purpose, spec, plan_hash, contacts_total, contacts_to_call)
values (repeat('f', 64), 'C1', '2026-11-19', 'twin', 'service', '{}', repeat('0', 64), 6, 5);
insert into ops.campaign_intent (intent_id, plan_id, campaign_id, call_date, vendor_code, zone, tz_offsets, chunk_no, batch_no, state,
    vendor_task_id, contacts_planned, contacts_sent, contacts_accepted, window_start_utc, window_end_utc, local_from, local_to)
values (repeat('a', 64), repeat('f', 64), 'C1', '2026-11-19', 'twin', '+03:00', '{180}', 0, 0, 'running',
    't-1', 5, 5, 5, '2026-11-19 06:00Z', '2026-11-19 17:00Z', '09:00', '20:00');
insert into ops.plan_contact (plan_id, row_no, contact_id, phone_key, tz_offsets, tz_source, exclusion_code, exclusion_reason, intent_id)
select repeat('f', 64), i, 'c' || i, lpad(i::text, 64, '0'), '{180}', 'declared',
    case i when 6 then 'EXCL_DNC' end, case i when 6 then 'suppressed' end, case when i < 6 then repeat('a', 64) end
from generate_series(1, 6) i;
insert into dwh.dim_contact (contact_id, phone_key, tz_offset_min, tz_source, valid_from, is_current)
select 'c' || i, lpad(i::text, 64, '0'), 180, 'declared', '2026-11-01Z', true from generate_series(1, 6) i;
insert into dwh.fact_campaign_contact (plan_id, row_no, intent_id, contact_key, campaign_key, script_key, call_date, loaded_at,
    exclusion_code, exclusion_reason)
select p.plan_id, p.row_no, p.intent_id, c.contact_key, 1, 1, '2026-11-19', '2026-11-19 05:00Z', p.exclusion_code, p.exclusion_reason
from ops.plan_contact p join dwh.dim_contact c using (contact_id);
insert into ops.suppression (phone_key, purpose, reason, source, valid_from)
values (lpad('6', 64, '0'), '*', 'отказ', 'crm', '2026-11-10Z'), (lpad('5', 64, '0'), '*', 'отказ', 'bot', '2026-11-19 08:30Z');
insert into dwh.fact_call_attempt (vendor_code, vendor_call_id, call_month, intent_id, contact_key, attempt_no, started_at, local_started_at,
    date_key, local_hour, disposition_code, vendor_status_raw, responder_raw, ring_sec, talk_sec, caller_id, cost_rub, marking_fee_rub,
    has_record, row_hash, source_updated_at, loaded_at, batch_id)
select 'twin', id, '2026-11-01', repeat('a', 64), (select contact_key from dwh.dim_contact where contact_id = 'c' || ck), no, st,
    st at time zone 'UTC' + interval '3 hour', 20261119, extract(hour from st at time zone 'UTC' + interval '3 hour'), d, raw, resp,
    10, talk, '79990000000', c, 0.25, talk > 0, repeat('0', 64), st + interval '5 min', now(), 'b1'
from (values
    ('k1', 1, 1, timestamptz '2026-11-19 06:10Z', 'NO_ANSWER', 'NOANSWER', null, 0, 0.0),
    ('k2', 1, 2, timestamptz '2026-11-19 08:10Z', 'GOAL', 'ANSWERED', 'human', 60, 4.5),
    ('k3', 2, 1, timestamptz '2026-11-19 06:11Z', 'VOICEMAIL', 'ANSWERED', 'robot', 5, 0.5),
    ('k4', 2, 2, timestamptz '2026-11-19 09:11Z', 'NO_ANSWER', 'NOANSWER', null, 0, 0.0),
    ('k5', 3, 1, timestamptz '2026-11-19 06:12Z', 'RPC_REFUSED', 'ANSWERED', 'human', 30, 2.5),
    ('k6', 4, 1, timestamptz '2026-11-19 06:13Z', 'INVALID_NUMBER', 'CONGESTION', null, 0, 0.0),
    ('k7', 5, 1, timestamptz '2026-11-19 08:00Z', 'RPC_OPTOUT', 'ANSWERED', 'human', 12, 1.0),
    ('k8', 5, 2, timestamptz '2026-11-19 17:40Z', 'NO_ANSWER', 'NOANSWER', null, 0, 0.0)) v (id, ck, no, st, d, raw, resp, talk, c);
