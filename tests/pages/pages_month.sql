-- A month of four campaigns, 200,000 dials: made of hashes, so every run of the tests has the same one.
-- Parameters: %(last)s the last call date, %(size)s contacts a campaign and day.
create temporary table made on commit drop as
select c.*, d::date as call_date, %(last)s::date - d::date as days_ago, encode(sha256((c.campaign || d::date)::bytea), 'hex') as plan_id,
       encode(sha256(('intent' || c.campaign || d::date)::bytea), 'hex') as intent_id
from (values ('clinic_visits', 'Напоминание о приёме', 'service', 'twin', 3, 0.46, 0.60, 180),
             ('credit_reminder', 'Напоминание о платеже', 'debt', 'dialog', 1, 0.38, 0.22, 300),
             ('autumn_offer', 'Осеннее предложение', 'advertising', 'twin', 2, 0.30, 0.07, 180),
             ('visit_survey', 'Опрос после визита', 'survey', 'dialog', 3, 0.41, 0.33, 420))
     c (campaign, title, purpose, vendor, tries, human, goal, zone)
cross join generate_series(%(last)s::date - 29, %(last)s::date, interval '1 day') d;

insert into dwh.dim_script (vendor_code, vendor_script_id, version, name, ab_variant)
select distinct m.vendor, m.campaign || v.variant, '1', m.title, v.variant
from made m join (values ('A'), ('B')) v (variant) on v.variant = 'A' or m.campaign = 'autumn_offer';
insert into dwh.dim_campaign (campaign_id, name, purpose, goal_definition, max_attempts, window_from, window_to, valid_from, is_current)
select distinct campaign, title, purpose, 'result = yes', tries, time '09:00', time '20:00', timestamptz '2026-01-01Z', true from made;

insert into ops.campaign_plan (plan_id, campaign_id, call_date, vendor_code, purpose, spec, plan_hash, approval, forecast, contacts_total,
    contacts_to_call, planned_at, dag_run_id)
select plan_id, campaign, call_date, vendor, purpose, jsonb_build_object('title', title, 'name', campaign), repeat('0', 64),
    case when days_ago = 0 and campaign = 'credit_reminder' then 'needed' else 'not_needed' end,
    jsonb_build_object('cost_rub', jsonb_build_object('expected', round((%(size)s * tries * 0.9)::numeric, 2)::text)),
    %(size)s, %(size)s * 9 / 10, call_date + time '05:00', 'scheduled__' || call_date || 'T05:00:00+00:00'
from made;
insert into ops.plan_approval (plan_id, plan_hash, intents, asked_at)
select plan_id, repeat('0', 64), '{}', call_date + time '05:01' from made where days_ago = 0 and campaign = 'credit_reminder';
insert into ops.campaign_intent (intent_id, plan_id, campaign_id, call_date, vendor_code, zone, tz_offsets, chunk_no, batch_no, state,
    vendor_task_id, contacts_planned, contacts_sent, contacts_accepted, window_start_utc, window_end_utc, local_from, local_to, started_at, final_at)
select case part when 0 then intent_id else encode(sha256(('late' || intent_id)::bytea), 'hex') end, plan_id, campaign, call_date, vendor,
    '+' || to_char(make_interval(mins => zone), 'HH24:MI'), array[zone], part, part,
    case when days_ago > 0 and campaign = 'autumn_offer' and days_ago = 9 then 'final_partial' when days_ago > 0 then 'final'
         when campaign = 'credit_reminder' then 'planned' when part = 0 then 'final'
         when campaign = 'clinic_visits' then 'running' when campaign = 'autumn_offer' then 'in_doubt' else 'collecting' end,
    't-' || intent_id || part, %(size)s * 9 / 20, %(size)s * 9 / 20, %(size)s * 9 / 20, call_date + time '06:00', call_date + time '15:00',
    time '09:00', time '20:00', call_date + time '06:01', case when days_ago > 0 then call_date + time '16:00' end
from made cross join generate_series(0, 1) part;

insert into dwh.dim_contact (contact_id, phone_key, tz_offset_min, tz_source, valid_from, is_current)
select 'c' || campaign || call_date || '-' || n, encode(sha256((campaign || call_date || n)::bytea), 'hex'), zone, 'declared', '2026-01-01Z', true
from made cross join generate_series(1, %(size)s) n;

create temporary table person on commit drop as
select m.*, n as row_no, k.campaign_key, s.script_key, t.contact_key, case when n %% 2 = 0 then m.intent_id else encode(sha256(('late' || m.intent_id)::bytea), 'hex') end as sent,
       case when n %% 10 = 0 then (array['EXCL_INVALID', 'EXCL_DNC', 'EXCL_CAP', 'EXCL_DUPLICATE', 'EXCL_NO_CONSENT', 'EXCL_INVALID', 'EXCL_INVALID'])[1 + n / 10 %% 7] end as excluded,
       ('x' || substr(md5(m.plan_id || n), 1, 8))::bit(32)::bigint / 4294967296.0 as luck
from made m
cross join generate_series(1, %(size)s) n
join dwh.dim_campaign k on k.campaign_id = m.campaign
join dwh.dim_script s on s.vendor_script_id = m.campaign || case when m.campaign = 'autumn_offer' and n %% 4 >= 2 then 'B' else 'A' end
join dwh.dim_contact t on t.contact_id = 'c' || m.campaign || m.call_date || '-' || n;
analyze person;
create temporary table dial on commit drop as
select p.*, a as attempt_no, 9 + floor(luck2 * 10)::int as hour,
    case when luck3 < p.human * (0.72 + 0.5 * sin(pi() * luck2)) * (case when a = 1 then 1 else 0.7 end)
         then case when luck4 < p.goal * (case when s.ab_variant = 'B' then 1.35 else 1 end) then 'GOAL' when luck4 < 0.74 then 'RPC_REFUSED' when luck4 < 0.82 then 'RPC_NO_RESULT'
                   when luck4 < 0.87 then 'RPC_CALLBACK' when luck4 < 0.93 then 'HUMAN_SHORT' when luck4 < 0.955 then 'WRONG_PARTY'
                   when luck4 < 0.985 then 'RPC_OPTOUT' else 'TRANSFERRED' end
         when luck4 < 0.24 then 'VOICEMAIL' when luck4 < 0.72 then 'NO_ANSWER' when luck4 < 0.84 then 'BUSY' when luck4 < 0.93 then 'UNAVAILABLE'
         when luck4 < 0.97 then 'NETWORK_ERROR' when luck4 < 0.997 then 'INVALID_NUMBER' else 'UNKNOWN' end as ended
from person p
cross join lateral generate_series(1, least(p.tries, 1 + floor(p.luck * 3.2)::int)) a
cross join lateral (select ('x' || substr(h, 1, 8))::bit(32)::bigint / 4294967296.0 as luck2, ('x' || substr(h, 9, 8))::bit(32)::bigint / 4294967296.0 as luck3,
                           ('x' || substr(h, 17, 8))::bit(32)::bigint / 4294967296.0 as luck4
                    from md5(p.plan_id || '-' || p.row_no || '-' || a) h) l
join dwh.dim_script s using (script_key)
join ops.campaign_intent i on i.intent_id = p.sent
where p.excluded is null and i.state in ('final', 'final_partial');
analyze dial;
insert into dwh.fact_campaign_contact (plan_id, row_no, intent_id, contact_key, campaign_key, script_key, call_date, loaded_at, exclusion_code,
    exclusion_reason, attempts, first_human_at, goal_at)
select p.plan_id, p.row_no, case when p.excluded is null then p.sent end, p.contact_key, p.campaign_key, p.script_key, p.call_date,
    p.call_date + time '05:00', p.excluded, case when p.excluded is not null then 'suppressed' end, coalesce(d.n, 0),
    case when d.human then p.call_date + time '10:00' end, case when d.goal then p.call_date + time '10:00' end
from person p
left join (select plan_id, row_no, count(*) as n, bool_or(o.disposition_group = 'HUMAN') as human, bool_or(ended = 'GOAL') as goal
           from dial join dwh.dim_disposition o on o.disposition_code = ended group by 1, 2) d using (plan_id, row_no);

insert into dwh.fact_call_attempt (vendor_code, vendor_call_id, call_month, intent_id, contact_key, attempt_no, started_at, local_started_at, date_key,
    local_hour, disposition_code, vendor_status_raw, talk_sec, cost_rub, marking_fee_rub, has_record, row_hash, source_updated_at, loaded_at,
    is_late, batch_id)
select d.vendor, d.plan_id || '-' || d.row_no || '-' || d.attempt_no, date_trunc('month', d.call_date), d.sent, d.contact_key, d.attempt_no, at - make_interval(mins => d.zone), at,
    to_char(d.call_date, 'YYYYMMDD')::int, extract(hour from at), d.ended, 'ANSWERED',
    case when o.disposition_group = 'HUMAN' then 20 + 60 * d.luck end, case o.disposition_group when 'HUMAN' then 1.8 + d.luck when 'MACHINE' then 0.6 else 0 end,
    0.25, o.disposition_group = 'HUMAN', repeat('0', 64), d.call_date + time '16:00', d.call_date + time '16:05', d.row_no %% 400 = 3, 'b1'
from dial d
join dwh.dim_disposition o on o.disposition_code = d.ended
cross join lateral (select d.call_date + make_interval(hours => case when d.days_ago = 4 and d.campaign = 'clinic_visits' and d.row_no < 4 then 21 else d.hour end,
                                                       mins => 7 * d.attempt_no) as at) t;

insert into ops.qa_delivery (call_uid, vendor_code, vendor_call_id, intent_id, payload_hash, state)
select vendor_code || ':' || vendor_call_id, vendor_code, vendor_call_id, intent_id, repeat('0', 64),
    case when talk_sec > 78 then 'SKIPPED' when talk_sec > 77.8 then 'MISSING' when talk_sec > 77.6 then 'REJECTED' else 'VERIFIED' end
from dwh.fact_call_attempt where has_record and talk_sec < 79.5;
insert into ops.raw_archive (intent_id, batch_id, kind, page_no, path, sha256, bytes, request, fetched_at, loaded_at, rows, control_count)
select i.intent_id, 'b' || i.chunk_no, 'calls', 1, i.campaign_id || '/' || i.call_date || '/' || i.chunk_no || '/calls-0001.zst', repeat('a', 64), 190000,
    '{}', i.call_date + time '16:00', i.call_date + time '16:05', t.n, t.n + case when i.state = 'final_partial' then 12 else 0 end
from ops.campaign_intent i
join (select intent_id, count(*) as n from dwh.fact_call_attempt group by 1) t using (intent_id);
insert into ops.audit_check (plan_id, check_name, expected, actual, explained, explanation, holds, checked_at)
select m.plan_id, c.name, c.n + case when bad then 3 else 0 end, c.n, 0, case when bad then '3 OUTSIDE_WINDOW' end, not bad, m.call_date + time '17:00'
from made m
cross join (values ('planned', %(size)s), ('sent', %(size)s * 9 / 10), ('loaded', %(size)s), ('delivered', %(size)s / 3), ('compliance', 0)) c (name, n)
cross join lateral (select c.name = 'compliance' and m.campaign = 'clinic_visits' and m.days_ago = 4 as bad) b
where m.days_ago > 0
