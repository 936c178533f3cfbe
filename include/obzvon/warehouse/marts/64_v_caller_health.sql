-- Is a number of ours blocked by carriers? One row per shown number, region and day. A block looks like network errors in
-- bulk: suspected when Wilson's lower bound of their share is 0.3 or more; ordinary days have a few hundredths.
create or replace view mart.v_caller_health as
with cell as (
    select p.vendor_code, c.caller_id, c.region_key, c.date_key,
           bool_and(p.is_final)              as is_final,
           bool_or(p.is_partial)             as is_partial,
           sum(c.attempts)::numeric          as n,
           sum(c.network_errors)::numeric    as e,
           sum(c.connected)::bigint          as connected,
           sum(c.human)::bigint              as human
    from mart.caller_daily c
    join mart.v_plan p using (plan_id)
    group by p.vendor_code, c.caller_id, c.region_key, c.date_key
),
bounded as (
    select cell.*, (e / n + 1.9208 / n - 1.96 * sqrt((e / n * (1 - e / n) + 0.9604 / n) / n)) / (1 + 3.8416 / n) as low
    from cell
)
select b.vendor_code,
       b.caller_id,
       r.subject_name                              as region,
       b.date_key,
       b.is_final,
       b.is_partial,
       b.n::bigint                                 as attempts,
       b.e::bigint                                 as network_errors,
       b.connected,
       b.human,
       round(b.e / b.n, 4)                         as network_error_rate,
       round(greatest(b.low, 0), 4)                as network_error_rate_low95,
       round(b.human / b.n, 4)                     as human_answer_rate,
       b.n >= 30                                   as is_enough,
       b.n >= 30 and b.low >= 0.3                  as is_block_suspected
from bounded b
left join dwh.dim_region r using (region_key);

comment on view mart.v_caller_health is 'Исходящие номера по регионам и дням: подозрения на блокировку операторами связи';
comment on column mart.v_caller_health.vendor_code is 'Платформа';
comment on column mart.v_caller_health.caller_id is 'Исходящий номер; пусто, если платформа его не назвала, а в кампании их несколько';
comment on column mart.v_caller_health.region is 'Регион абонента; пусто, если неизвестен';
comment on column mart.v_caller_health.date_key is 'Дата звонка по местному времени абонента, ГГГГММДД';
comment on column mart.v_caller_health.is_final is 'Все задания у платформы закрыты';
comment on column mart.v_caller_health.is_partial is 'Хотя бы одно задание закрыто по сроку, отчёт неполон';
comment on column mart.v_caller_health.attempts is 'Наборов, шт.';
comment on column mart.v_caller_health.network_errors is 'Ошибок сети, шт.: исходы NETWORK_ERROR и CARRIER_BLOCK';
comment on column mart.v_caller_health.connected is 'Соединений, шт.: человек или автоответчик';
comment on column mart.v_caller_health.human is 'Разговоров с человеком, шт.';
comment on column mart.v_caller_health.network_error_rate is 'Доля ошибок сети: network_errors / attempts';
comment on column mart.v_caller_health.network_error_rate_low95 is 'Нижняя граница 95 % интервала Уилсона для network_error_rate';
comment on column mart.v_caller_health.human_answer_rate is 'Доля ответов человеком: human / attempts';
comment on column mart.v_caller_health.is_enough is 'Наборов ≥ 30: клетку можно сравнивать';
comment on column mart.v_caller_health.is_block_suspected is 'Похоже на блокировку: наборов ≥ 30 и нижняя граница доли ошибок сети ≥ 0,3';
