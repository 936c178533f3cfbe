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
       c.tz_offset_min,
       c.segment,
       r.subject_name                                       as region,
       a.call_month
from dwh.fact_call_attempt a
join dwh.dim_disposition d using (disposition_code)
left join dwh.fact_campaign_contact f on f.intent_id = a.intent_id and f.contact_key = a.contact_key
left join dwh.dim_campaign k on k.campaign_key = f.campaign_key
left join dwh.dim_contact c on c.contact_key = a.contact_key
left join dwh.dim_region r on r.region_key = c.region_key
-- a look into the index a call: a plan's or a day's attempts are read without the goals of all others
left join lateral (
    select true as reached from dwh.fact_dialog_goal
    where vendor_code = a.vendor_code and vendor_call_id = a.vendor_call_id and call_month = a.call_month and is_reached
    limit 1
) g on true;

comment on view mart.v_attempt is 'Попытки звонка: одна строка на попытку. Большая: фильтруйте date_key, plan_id или campaign_id с call_date';
comment on column mart.v_attempt.vendor_code is 'Платформа';
comment on column mart.v_attempt.vendor_call_id is 'Номер звонка у платформы; с vendor_code — ключ строки';
comment on column mart.v_attempt.intent_id is 'Задание у платформы; пусто — звонок начат не нами';
comment on column mart.v_attempt.contact_key is 'Версия контакта (карточка без личных данных); пусто — не из нашего списка';
comment on column mart.v_attempt.plan_id is 'План: одна кампания на одну дату звонков; пусто — не из нашего списка';
comment on column mart.v_attempt.row_no is 'Строка списка, с 1 после заголовка';
comment on column mart.v_attempt.campaign_key is 'Версия кампании';
comment on column mart.v_attempt.script_key is 'Сценарий';
comment on column mart.v_attempt.campaign_id is 'Кампания';
comment on column mart.v_attempt.purpose is 'Цель звонков: advertising — реклама, service — сервис, debt — долг, survey — опрос';
comment on column mart.v_attempt.call_date is 'Дата звонков по плану';
comment on column mart.v_attempt.attempt_no is 'Номер попытки этому контакту по времени начала';
comment on column mart.v_attempt.grain is 'attempt — строка на попытку; contact — платформа даёт одну строку на контакт';
comment on column mart.v_attempt.started_at is 'Начало, UTC';
comment on column mart.v_attempt.local_started_at is 'Начало по часам абонента, зафиксировано при загрузке; без точного пояса — по Москве';
comment on column mart.v_attempt.date_key is 'Дата звонка по местному времени абонента, ГГГГММДД';
comment on column mart.v_attempt.local_hour is 'Час начала по часам абонента, 0–23; без точного пояса — по Москве';
comment on column mart.v_attempt.disposition_code is 'Единый код исхода';
comment on column mart.v_attempt.disposition_title is 'Исход словами';
comment on column mart.v_attempt.disposition_group is 'Группа исхода: NOT_DIALED, NOT_CONNECTED, MACHINE, HUMAN, PENDING, UNKNOWN';
comment on column mart.v_attempt.is_terminal is 'Исход окончательный: больше не звонить';
comment on column mart.v_attempt.is_rpc is 'Разговор с нужным абонентом (right party contact)';
comment on column mart.v_attempt.is_goal is 'Цель достигнута: исход GOAL или достигнутая цель в результатах разговора (и при переводе на оператора)';
comment on column mart.v_attempt.counts_towards_cap is 'Считается в лимит звонков';
comment on column mart.v_attempt.is_connected is 'Соединение: ответил человек или автоответчик';
comment on column mart.v_attempt.is_human is 'Разговор с человеком: группа исхода HUMAN';
comment on column mart.v_attempt.is_dialed is 'Набирали: группа исхода не NOT_DIALED и не PENDING; только такие попытки входят в показатели';
comment on column mart.v_attempt.vendor_status_raw is 'Статус платформы, как он пришёл';
comment on column mart.v_attempt.ring_sec is 'Гудки, сек.';
comment on column mart.v_attempt.talk_sec is 'Разговор, сек.';
comment on column mart.v_attempt.transferred is 'Переведён на оператора';
comment on column mart.v_attempt.cost_rub is 'Цена звонка, руб.; 0, если отчёт платформы её не даёт (у Dialog — пока в файле кампании не назван столбец cost)';
comment on column mart.v_attempt.marking_fee_rub is 'Плата за маркировку, руб.';
comment on column mart.v_attempt.total_cost_rub is 'Стоимость: цена звонка + плата за маркировку, руб.';
comment on column mart.v_attempt.has_record is 'Есть запись разговора';
comment on column mart.v_attempt.is_late is 'Строка пришла или изменилась после того, как обзвон был закрыт';
comment on column mart.v_attempt.tz_offset_min is 'Пояс абонента, минут к востоку от UTC; пусто — точно не известен';
comment on column mart.v_attempt.segment is 'Сегмент из списка';
comment on column mart.v_attempt.region is 'Регион абонента';
comment on column mart.v_attempt.call_month is 'Раздел хранения: первое число месяца даты звонков по плану; не меняется. Условие на него вместе с date_key читает только эти месяцы (возьмите месяц раньше: звонок мог перейти на другой день)';
