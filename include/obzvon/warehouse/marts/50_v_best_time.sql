-- Wilson's lower bound, so that one answer of one call does not win. First attempts to contacts of a certain zone only:
-- later attempts are a selection, and an uncertain zone has no local hour.
create or replace view mart.v_best_time as
with cell as (
    select p.campaign_id,
           t.iso_dow::int                                                                         as dow,
           a.local_hour,
           bool_and(p.is_final)                                                                   as is_final,
           bool_or(p.is_partial)                                                                  as is_partial,
           sum(a.attempts)::numeric                                                               as n,
           coalesce(sum(a.attempts) filter (where d.disposition_group = 'HUMAN'), 0)::numeric     as h
    from mart.attempt_daily a
    join mart.v_plan p using (plan_id)
    join dwh.dim_disposition d using (disposition_code)
    join dwh.dim_date t on t.date_key = a.date_key
    where d.disposition_group not in ('NOT_DIALED', 'PENDING') and a.attempt_no = 1 and a.zone_certain
    group by p.campaign_id, t.iso_dow, a.local_hour
)
select campaign_id,
       dow,
       local_hour,
       is_final,
       is_partial,
       n::bigint                                                                                     as attempts,
       h::bigint                                                                                     as human,
       round(h / n, 4)                                                                               as human_rate,
       round((h / n + 1.9208 / n - 1.96 * sqrt((h / n * (1 - h / n) + 0.9604 / n) / n))
             / (1 + 3.8416 / n), 4)                                                                  as human_rate_low95,
       n >= 30                                                                                       as is_enough
from cell;

comment on view mart.v_best_time is 'Лучшее время звонка: день недели × час по часам абонента, только первые попытки в точно известный пояс';
comment on column mart.v_best_time.campaign_id is 'Кампания';
comment on column mart.v_best_time.dow is 'День недели абонента: 1 — понедельник … 7 — воскресенье';
comment on column mart.v_best_time.local_hour is 'Час по часам абонента, 0–23';
comment on column mart.v_best_time.is_final is 'Все задания у платформы закрыты';
comment on column mart.v_best_time.is_partial is 'Хотя бы одно задание закрыто по сроку, отчёт неполон';
comment on column mart.v_best_time.attempts is 'Наборов n, шт.';
comment on column mart.v_best_time.human is 'Ответов человеком, шт.';
comment on column mart.v_best_time.human_rate is 'Доля ответов человеком: human / attempts';
comment on column mart.v_best_time.human_rate_low95 is 'Нижняя граница 95 % доверительного интервала Уилсона для human_rate (z = 1,96)';
comment on column mart.v_best_time.is_enough is 'Наборов ≥ 30: клетку можно сравнивать';
