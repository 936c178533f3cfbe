-- What a failed connection most probably was, in the light of the other calls. Facts keep what the vendor said; this is
-- read anew each time, so no later call rewrites an earlier one's row and a replay changes nothing.
create or replace view mart.v_network_verdict as
with ambiguous as materialized (
    -- statuses that may mean more than a network error; where a vendor's statuses belong to the project, any may
    select distinct f.vendor_code, f.vendor_status_raw
    from dwh.fact_call_attempt f
    where f.disposition_code = 'NETWORK_ERROR'
      and (exists (select from dwh.map_disposition m
                   where m.vendor_code = f.vendor_code and m.status = upper(f.vendor_status_raw)
                     and m.condition in ('bulk', 'many_days'))
           or not exists (select from dwh.map_disposition m where m.vendor_code = f.vendor_code))
),
shown as (
    -- the number people saw: as the vendor says, else the campaign file's, where it has one
    select f.vendor_code, f.vendor_call_id, f.intent_id, f.contact_key, f.started_at, f.local_started_at::date as day,
           f.disposition_code, d.disposition_group,
           f.disposition_code = 'NETWORK_ERROR' and a.vendor_code is not null as failed,
           coalesce(f.caller_id, case when jsonb_array_length(p.spec -> 'caller_ids') = 1 then p.spec #>> '{caller_ids,0}' end)
               as caller_id,
           p.campaign_id
    from dwh.fact_call_attempt f
    join dwh.dim_disposition d using (disposition_code)
    left join ambiguous a using (vendor_code, vendor_status_raw)
    left join ops.campaign_intent i on i.intent_id = f.intent_id
    left join ops.campaign_plan p on p.plan_id = i.plan_id
    where d.disposition_group not in ('NOT_DIALED', 'PENDING', 'UNKNOWN')
),
bulk as materialized (
    select vendor_code, coalesce(caller_id, campaign_id) as line, date_trunc('hour', started_at) as hour,
           count(*) as dials, count(*) filter (where failed) as failures
    from shown
    where coalesce(caller_id, campaign_id) is not null
    group by 1, 2, 3
    having count(*) filter (where failed) >= 20 and count(*) filter (where failed) * 2 > count(*)
),
judged as (
    select s.*, b.dials, b.failures, b.line is not null as blocked, c.phone_key
    from shown s
    left join bulk b on b.vendor_code = s.vendor_code and b.line = coalesce(s.caller_id, s.campaign_id)
                    and b.hour = date_trunc('hour', s.started_at) and s.failed
    left join dwh.dim_contact c on c.contact_key = s.contact_key
),
suspects as materialized (
    select phone_key from judged
    where failed and not blocked and phone_key is not null
    group by phone_key
    having count(distinct day) >= 3
),
series as (
    -- an outcome that only a line in service can have proves that the number exists: counting begins anew after it
    select j.*, count(*) filter (where disposition_code not in ('NETWORK_ERROR', 'CARRIER_BLOCK', 'INVALID_NUMBER'))
                    over (partition by j.phone_key order by started_at, vendor_call_id) as proofs
    from judged j join suspects using (phone_key)
),
numbered as (
    select vendor_code, vendor_call_id,
           case when failed and not blocked
                then dense_rank() over (partition by phone_key, proofs, failed and not blocked order by day) end as bad_days
    from series
)
select j.vendor_code,
       j.vendor_call_id,
       j.intent_id,
       j.campaign_id,
       j.contact_key,
       j.started_at,
       j.caller_id,
       j.disposition_code                                                      as stated_code,
       case when j.blocked then 'CARRIER_BLOCK'
            when n.bad_days >= 3 then 'INVALID_NUMBER'
            else j.disposition_code end                                        as disposition_code,
       n.bad_days,
       j.dials                                                                 as hour_dials,
       j.failures                                                              as hour_failures
from judged j
left join numbered n using (vendor_code, vendor_call_id)
where j.failed;

comment on view mart.v_network_verdict is 'Что, скорее всего, было с неудачным соединением: факты хранят слова поставщика, вывод делается здесь';
comment on column mart.v_network_verdict.vendor_code is 'Поставщик';
comment on column mart.v_network_verdict.vendor_call_id is 'Звонок у поставщика';
comment on column mart.v_network_verdict.intent_id is 'Задание у поставщика';
comment on column mart.v_network_verdict.campaign_id is 'Кампания';
comment on column mart.v_network_verdict.contact_key is 'Контакт; пусто, если звонок не из списка';
comment on column mart.v_network_verdict.started_at is 'Начало, UTC';
comment on column mart.v_network_verdict.caller_id is 'Номер исходящего вызова: по отчёту, иначе единственный из файла кампании';
comment on column mart.v_network_verdict.stated_code is 'Исход в dwh.fact_call_attempt';
comment on column mart.v_network_verdict.disposition_code is 'Вывод: CARRIER_BLOCK — за час (UTC) по номеру исходящего вызова не прошло ≥ 20 звонков и больше половины; INVALID_NUMBER — не проходит в третий день и позже, ни один звонок после первого не прошёл; иначе как в факте';
comment on column mart.v_network_verdict.bad_days is 'Который по счёту день (по часам абонента) номер не отзывается подряд; дни с блокировкой не считаются';
comment on column mart.v_network_verdict.hour_dials is 'Наборов за этот час по номеру исходящего вызова, если он признан заблокированным, шт.';
comment on column mart.v_network_verdict.hour_failures is 'Из них не прошло, шт.';
