-- One row per dial attempt, with what every other view needs to know about it.
create or replace view mart.v_attempt as
select a.vendor_code,
       a.vendor_call_id,
       a.intent_id,
       a.contact_key,
       f.plan_id,
       f.row_no,
       f.campaign_key,
       f.script_key,
       k.campaign_id,
       k.purpose,
       f.call_date,
       a.attempt_no,
       a.grain,
       a.started_at,
       a.local_started_at,
       a.date_key,
       a.local_hour,
       a.disposition_code,
       d.title_ru                                           as disposition_title,
       d.disposition_group,
       d.is_terminal,
       d.is_rpc,
       d.is_goal or coalesce(g.reached, false)              as is_goal,
       d.counts_towards_cap,
       d.disposition_group in ('HUMAN', 'MACHINE')          as is_connected,
       d.disposition_group = 'HUMAN'                        as is_human,
       d.disposition_group not in ('NOT_DIALED', 'PENDING') as is_dialed,
       a.vendor_status_raw,
       a.ring_sec,
       a.talk_sec,
       a.transferred,
       a.cost_rub,
       a.marking_fee_rub,
       a.cost_rub + a.marking_fee_rub                       as total_cost_rub,
       a.has_record,
       a.is_late,
       c.phone_key,
       c.tz_offset_min,
       c.segment,
       r.subject_name                                       as region
from dwh.fact_call_attempt a
join dwh.dim_disposition d using (disposition_code)
left join dwh.fact_campaign_contact f on f.intent_id = a.intent_id and f.contact_key = a.contact_key
left join dwh.dim_campaign k on k.campaign_key = f.campaign_key
left join dwh.dim_contact c on c.contact_key = a.contact_key
left join dwh.dim_region r on r.region_key = c.region_key
left join (
    select vendor_code, vendor_call_id, true as reached
    from dwh.fact_dialog_goal
    where is_reached
    group by 1, 2
) g on g.vendor_code = a.vendor_code and g.vendor_call_id = a.vendor_call_id;

comment on view mart.v_attempt is 'Попытки звонка: одна строка на попытку';
comment on column mart.v_attempt.date_key is 'Дата звонка по местному времени абонента, ГГГГММДД';
comment on column mart.v_attempt.local_started_at is 'Начало по часам абонента, зафиксировано при загрузке; без точного пояса — по Москве';
comment on column mart.v_attempt.attempt_no is 'Номер попытки этому контакту по времени начала';
comment on column mart.v_attempt.is_dialed is 'Набирали: группа исхода не NOT_DIALED и не PENDING; только такие попытки входят в показатели';
comment on column mart.v_attempt.is_connected is 'Соединение: ответил человек или автоответчик';
comment on column mart.v_attempt.is_human is 'Разговор с человеком: группа исхода HUMAN';
comment on column mart.v_attempt.is_rpc is 'Разговор с нужным абонентом (right party contact)';
comment on column mart.v_attempt.is_goal is 'Цель достигнута: исход GOAL или достигнутая цель в результатах разговора (и при переводе на оператора)';
comment on column mart.v_attempt.total_cost_rub is 'Стоимость: цена звонка + плата за маркировку, руб.';
comment on column mart.v_attempt.is_late is 'Строка пришла или изменилась после того, как обзвон был закрыт';
