-- What a failed connection most probably was, in the light of the other calls. Facts keep what the vendor said; this is
-- read anew each time, so no later call rewrites an earlier one's row and a replay changes nothing.
create or replace view mart.v_network_verdict as
with line as materialized (
    -- the number people saw where the vendor does not name it: the campaign file's, where it has one
    select i.intent_id, p.campaign_id,
           case when jsonb_array_length(p.spec -> 'caller_ids') = 1 then p.spec #>> '{caller_ids,0}' end as caller_id
    from ops.campaign_intent i join ops.campaign_plan p using (plan_id)
),
failed as materialized (
    -- of statuses that may mean more than a network error; where a vendor's statuses belong to the project, any may
    select f.vendor_code, f.vendor_call_id, f.intent_id, f.contact_key, f.started_at, f.local_started_at::date as day,
           date_trunc('hour', f.started_at) as hour, f.disposition_code, c.phone_key, l.campaign_id,
           coalesce(f.caller_id, l.caller_id) as caller_id
    from dwh.fact_call_attempt f
    left join line l on l.intent_id = f.intent_id
    left join dwh.dim_contact c on c.contact_key = f.contact_key
    where f.disposition_code = 'NETWORK_ERROR'
      and ((f.vendor_code, upper(f.vendor_status_raw)) in (select m.vendor_code, m.status from dwh.map_disposition m
                                                           where m.condition in ('bulk', 'many_days'))
           or f.vendor_code not in (select m.vendor_code from dwh.map_disposition m))
),
hot as materialized (
    select vendor_code, coalesce(caller_id, campaign_id) as shown, hour, count(*) as failures
    from failed
    where coalesce(caller_id, campaign_id) is not null
    group by 1, 2, 3
    having count(*) >= 20
),
dialled as materialized (
    select vendor_code, intent_id, caller_id, date_trunc('hour', started_at) as hour, count(*) as dials
    from dwh.fact_call_attempt
    where disposition_code in (select disposition_code from dwh.dim_disposition
                               where disposition_group not in ('NOT_DIALED', 'PENDING', 'UNKNOWN'))
    group by 1, 2, 3, 4
),
bulk as materialized (
    select h.vendor_code, h.shown, h.hour, h.failures, sum(d.dials)::bigint as dials
    from hot h
    join (select d.*, coalesce(d.caller_id, l.caller_id, l.campaign_id) as shown
          from dialled d left join line l using (intent_id)) d using (vendor_code, shown, hour)
    group by h.vendor_code, h.shown, h.hour, h.failures
    having h.failures * 2 > sum(d.dials)
),
judged as materialized (
    select f.*, b.dials, b.failures, b.shown is not null as blocked
    from failed f
    left join bulk b on b.vendor_code = f.vendor_code and b.shown = coalesce(f.caller_id, f.campaign_id) and b.hour = f.hour
),
suspects as materialized (
    select phone_key from judged
    where not blocked and phone_key is not null
    group by phone_key
    having count(distinct day) >= 3
),
series as (
    select vendor_code, vendor_call_id, phone_key, started_at, day, false as proof
    from judged join suspects using (phone_key)
    where not blocked
    union all
    -- an outcome that only a line in service can have proves that the number exists: counting begins anew after it
    select f.vendor_code, f.vendor_call_id, c.phone_key, f.started_at, f.local_started_at::date, true
    from suspects s
    join dwh.dim_contact c using (phone_key)
    join dwh.fact_call_attempt f on f.contact_key = c.contact_key
    join dwh.dim_disposition d on d.disposition_code = f.disposition_code
                              and d.disposition_group not in ('NOT_DIALED', 'PENDING', 'UNKNOWN')
    where f.disposition_code not in ('NETWORK_ERROR', 'CARRIER_BLOCK', 'INVALID_NUMBER')
),
counted as (
    select *, count(*) filter (where proof) over (partition by phone_key order by started_at, vendor_call_id) as proofs
    from series
),
numbered as (
    select vendor_code, vendor_call_id, dense_rank() over (partition by phone_key, proofs order by day) as bad_days
    from counted
    where not proof
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
left join numbered n using (vendor_code, vendor_call_id);

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
comment on column mart.v_network_verdict.bad_days is 'Который по счёту день (по часам абонента) номер не отзывается; считается у номеров с тремя такими днями и больше, звонки при блокировке не в счёт';
comment on column mart.v_network_verdict.hour_dials is 'Наборов за этот час по номеру исходящего вызова, если он признан заблокированным, шт.';
comment on column mart.v_network_verdict.hour_failures is 'Из них не прошло, шт.';
