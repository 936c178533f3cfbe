-- Wilson's lower bound, so that one answer of one call does not win. First attempts to contacts of a certain zone only:
-- later attempts are a selection, and an uncertain zone has no local hour.
create or replace view mart.v_best_time as
with cell as (
    select campaign_id,
           extract(isodow from local_started_at)::int     as dow,
           local_hour,
           count(*)::numeric                              as n,
           count(*) filter (where is_human)::numeric      as h
    from mart.v_attempt
    where is_dialed and attempt_no = 1 and tz_offset_min is not null
    group by 1, 2, 3
)
select campaign_id,
       dow,
       local_hour,
       n::bigint                                                                                     as attempts,
       round(h / n, 4)                                                                               as human_rate,
       round((h / n + 1.9208 / n - 1.96 * sqrt((h / n * (1 - h / n) + 0.9604 / n) / n))
             / (1 + 3.8416 / n), 4)                                                                  as human_rate_low95,
       n >= 30                                                                                       as is_enough
from cell;

comment on view mart.v_best_time is 'Лучшее время звонка: день недели × час по часам абонента, только первые попытки';
comment on column mart.v_best_time.dow is 'День недели абонента: 1 — понедельник';
comment on column mart.v_best_time.local_hour is 'Час по часам абонента';
comment on column mart.v_best_time.human_rate is 'Доля ответов человеком: разговоры / наборы';
comment on column mart.v_best_time.human_rate_low95 is 'Нижняя граница 95 % доверительного интервала Уилсона для human_rate';
comment on column mart.v_best_time.is_enough is 'Наборов ≥ 30: клетку можно сравнивать';
