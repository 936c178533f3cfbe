-- When the dials of a campaign were made and how they ended.
create or replace view mart.v_attempt_by_hour as
select p.campaign_id,
       p.purpose,
       p.call_date,
       a.local_hour,
       a.disposition_code,
       d.title_ru                                                                       as disposition_title,
       d.disposition_group,
       coalesce(sum(a.attempts) filter (where d.disposition_group not in ('NOT_DIALED', 'PENDING')), 0)::bigint as attempts,
       coalesce(sum(a.attempts) filter (where d.disposition_group in ('HUMAN', 'MACHINE')), 0)::bigint          as connected,
       coalesce(sum(a.attempts) filter (where d.disposition_group = 'HUMAN'), 0)::bigint                        as human,
       sum(a.attempts)::bigint                                                                                  as rows_loaded,
       p.is_final,
       p.is_partial,
       p.date_key
from mart.v_plan p
join mart.attempt_daily a on a.plan_id = p.plan_id
join dwh.dim_disposition d on d.disposition_code = a.disposition_code
group by p.campaign_id, p.purpose, p.call_date, p.is_final, p.is_partial, p.date_key, a.local_hour, a.disposition_code,
         d.title_ru, d.disposition_group;

comment on view mart.v_attempt_by_hour is 'Наборы по часам абонента и исходам: одна строка на кампанию, дату звонков, час и исход';
comment on column mart.v_attempt_by_hour.campaign_id is 'Кампания';
comment on column mart.v_attempt_by_hour.purpose is 'Цель обзвона';
comment on column mart.v_attempt_by_hour.call_date is 'Дата звонков у абонента';
comment on column mart.v_attempt_by_hour.local_hour is 'Час по часам абонента, 0–23; без точного пояса — по Москве';
comment on column mart.v_attempt_by_hour.disposition_code is 'Исход, единый код';
comment on column mart.v_attempt_by_hour.disposition_title is 'Исход по-русски';
comment on column mart.v_attempt_by_hour.disposition_group is 'Группа исхода: HUMAN, MACHINE, NOT_CONNECTED, NOT_DIALED, PENDING, UNKNOWN';
comment on column mart.v_attempt_by_hour.attempts is 'Наборов: группа исхода не NOT_DIALED и не PENDING';
comment on column mart.v_attempt_by_hour.connected is 'Соединений: ответил человек или автоответчик';
comment on column mart.v_attempt_by_hour.human is 'Разговоров с человеком';
comment on column mart.v_attempt_by_hour.rows_loaded is 'Строк отчёта, и тех, где не набирали';
comment on column mart.v_attempt_by_hour.is_final is 'Все задания у платформы закрыты';
comment on column mart.v_attempt_by_hour.is_partial is 'Хотя бы одно задание закрыто по сроку, отчёт неполон';
comment on column mart.v_attempt_by_hour.date_key is 'Дата звонков, ГГГГММДД';
