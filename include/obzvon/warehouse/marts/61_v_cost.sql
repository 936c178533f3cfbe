-- What a conversation and a goal cost: one row per campaign and call date. Calls of nobody in the list are paid for too.
create or replace view mart.v_cost as
with dials as (
    select plan_id,
           sum(a.attempts) filter (where d.disposition_group not in ('NOT_DIALED', 'PENDING')) as attempts,
           sum(a.cost_rub)                                                                     as calls_rub,
           sum(a.marking_fee_rub)                                                              as marking_fee_rub
    from mart.attempt_daily a
    join dwh.dim_disposition d using (disposition_code)
    group by plan_id
),
reached as (
    select plan_id, sum(human)::bigint as human, sum(goal)::bigint as goal
    from mart.contact_outcome
    group by plan_id
)
select p.campaign_id,
       p.campaign_name,
       p.vendor_code,
       p.call_date,
       p.is_final,
       p.is_partial,
       coalesce(d.attempts, 0)::bigint                                                  as attempts,
       coalesce(d.calls_rub, 0)                                                         as calls_rub,
       coalesce(d.marking_fee_rub, 0)                                                   as marking_fee_rub,
       coalesce(d.calls_rub + d.marking_fee_rub, 0)                                     as cost_rub,
       r.human                                                                          as contacts_human,
       r.goal                                                                           as contacts_goal,
       round(coalesce(d.calls_rub + d.marking_fee_rub, 0) / nullif(d.attempts, 0), 4)   as cost_per_attempt,
       round(coalesce(d.calls_rub + d.marking_fee_rub, 0) / nullif(r.human, 0), 2)      as cost_per_human,
       round(coalesce(d.calls_rub + d.marking_fee_rub, 0) / nullif(r.goal, 0), 2)       as cost_per_goal,
       p.date_key,
       p.plan_id
from reached r
join mart.v_plan p using (plan_id)
left join dials d using (plan_id);

comment on view mart.v_cost is 'Стоимость разговора и цели: одна строка на кампанию и дату звонков; звонки не из списка тоже оплачены';
comment on column mart.v_cost.campaign_id is 'Кампания';
comment on column mart.v_cost.campaign_name is 'Название кампании';
comment on column mart.v_cost.vendor_code is 'Платформа';
comment on column mart.v_cost.call_date is 'Дата звонков по местному времени абонентов';
comment on column mart.v_cost.is_final is 'Все задания у платформы закрыты';
comment on column mart.v_cost.is_partial is 'Хотя бы одно задание закрыто по сроку, отчёт неполон';
comment on column mart.v_cost.attempts is 'Наборов, шт.';
comment on column mart.v_cost.calls_rub is 'Цена звонков, руб.; 0, если отчёт платформы её не даёт (у Dialog — пока в файле кампании не назван столбец cost)';
comment on column mart.v_cost.marking_fee_rub is 'Плата за маркировку, руб.';
comment on column mart.v_cost.cost_rub is 'Стоимость, руб.: calls_rub + marking_fee_rub; та же, что в mart.v_campaign_funnel';
comment on column mart.v_cost.contacts_human is 'Контакты с ≥ 1 разговором с человеком, шт.';
comment on column mart.v_cost.contacts_goal is 'Контакты с достигнутой целью, шт.';
comment on column mart.v_cost.cost_per_attempt is 'Стоимость набора, руб.: cost_rub / attempts';
comment on column mart.v_cost.cost_per_human is 'Стоимость контакта с разговором, руб.: cost_rub / contacts_human';
comment on column mart.v_cost.cost_per_goal is 'Стоимость цели, руб.: cost_rub / contacts_goal';
comment on column mart.v_cost.date_key is 'Дата звонков, ГГГГММДД';
comment on column mart.v_cost.plan_id is 'План: одна кампания на одну дату звонков';
