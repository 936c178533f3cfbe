-- When the dials of a campaign were made and how they ended. From the plan down, so that one campaign reads only its own calls.
create or replace view mart.v_attempt_by_hour as
select p.campaign_id,
       p.purpose,
       p.call_date,
       a.local_hour,
       a.disposition_code,
       d.title_ru                                                                       as disposition_title,
       d.disposition_group,
       count(*) filter (where d.disposition_group not in ('NOT_DIALED', 'PENDING'))     as attempts,
       count(*) filter (where d.disposition_group in ('HUMAN', 'MACHINE'))              as connected,
       count(*) filter (where d.disposition_group = 'HUMAN')                            as human,
       count(*)                                                                         as rows_loaded
from ops.campaign_plan p
join ops.campaign_intent i on i.plan_id = p.plan_id
join dwh.fact_call_attempt a on a.intent_id = i.intent_id
join dwh.dim_disposition d on d.disposition_code = a.disposition_code
group by p.campaign_id, p.purpose, p.call_date, a.local_hour, a.disposition_code, d.title_ru, d.disposition_group;

comment on view mart.v_attempt_by_hour is 'Наборы по часам абонента и исходам: одна строка на кампанию, дату звонков, час и исход';
comment on column mart.v_attempt_by_hour.campaign_id is 'Кампания';
comment on column mart.v_attempt_by_hour.purpose is 'Цель обзвона';
comment on column mart.v_attempt_by_hour.call_date is 'Дата звонков у абонента';
comment on column mart.v_attempt_by_hour.local_hour is 'Час по часам абонента, 0–23';
comment on column mart.v_attempt_by_hour.disposition_code is 'Исход, единый код';
comment on column mart.v_attempt_by_hour.disposition_title is 'Исход по-русски';
comment on column mart.v_attempt_by_hour.disposition_group is 'Группа исхода: HUMAN, MACHINE, NOT_CONNECTED, NOT_DIALED, PENDING, UNKNOWN';
comment on column mart.v_attempt_by_hour.attempts is 'Наборов: группа исхода не NOT_DIALED и не PENDING';
comment on column mart.v_attempt_by_hour.connected is 'Соединений: ответил человек или автоответчик';
comment on column mart.v_attempt_by_hour.human is 'Разговоров с человеком';
comment on column mart.v_attempt_by_hour.rows_loaded is 'Строк отчёта, и тех, где не набирали';
