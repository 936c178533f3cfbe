-- How calls ended: one row per campaign, day and outcome.
create or replace view mart.v_disposition_mix as
with totals as (
    select p.campaign_id, p.vendor_code, a.date_key, a.disposition_code,
           bool_and(p.is_final)     as is_final,
           bool_or(p.is_partial)    as is_partial,
           sum(a.attempts)::bigint  as attempts
    from mart.attempt_daily a
    join mart.v_plan p using (plan_id)
    group by p.campaign_id, p.vendor_code, a.date_key, a.disposition_code
)
select t.campaign_id,
       t.vendor_code,
       t.date_key,
       t.disposition_code,
       d.title_ru                                                                  as disposition_title,
       d.disposition_group,
       t.is_final,
       t.is_partial,
       d.disposition_group not in ('NOT_DIALED', 'PENDING')                        as is_dialed,
       t.attempts,
       case when d.disposition_group not in ('NOT_DIALED', 'PENDING')
            then round(t.attempts / sum(t.attempts) filter (where d.disposition_group not in ('NOT_DIALED', 'PENDING'))
                                    over (partition by t.campaign_id, t.vendor_code, t.date_key), 4) end as share
from totals t
join dwh.dim_disposition d using (disposition_code);

comment on view mart.v_disposition_mix is 'Исходы звонков по кампаниям и дням (день абонента)';
comment on column mart.v_disposition_mix.campaign_id is 'Кампания';
comment on column mart.v_disposition_mix.vendor_code is 'Платформа';
comment on column mart.v_disposition_mix.date_key is 'Дата звонка по местному времени абонента, ГГГГММДД';
comment on column mart.v_disposition_mix.disposition_code is 'Единый код исхода';
comment on column mart.v_disposition_mix.disposition_title is 'Исход словами';
comment on column mart.v_disposition_mix.disposition_group is 'Группа исхода: NOT_DIALED, NOT_CONNECTED, MACHINE, HUMAN, PENDING, UNKNOWN';
comment on column mart.v_disposition_mix.is_final is 'Все задания у платформы закрыты';
comment on column mart.v_disposition_mix.is_partial is 'Хотя бы одно задание закрыто по сроку, отчёт неполон';
comment on column mart.v_disposition_mix.is_dialed is 'Набирали: группа исхода не NOT_DIALED и не PENDING';
comment on column mart.v_disposition_mix.attempts is 'Попыток с этим исходом, шт.';
comment on column mart.v_disposition_mix.share is 'Доля исхода: attempts / все наборы кампании за день; пусто, если не набирали';
