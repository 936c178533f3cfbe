-- One row per campaign and call date; a contact is counted once however often it was dialled.
create or replace view mart.v_campaign_funnel as
with per_contact as (
    select f.plan_id,
           f.row_no,
           f.campaign_key,
           f.call_date,
           f.exclusion_code is null                                    as eligible,
           p.sent_state = 'rejected'                                   as rejected,
           count(*) filter (where a.is_dialed)                         as attempts,
           coalesce(bool_or(a.is_human), false)                        as human,
           coalesce(bool_or(a.is_rpc), false)                          as rpc,
           coalesce(bool_or(a.is_goal), false)                         as goal,
           coalesce(sum(a.total_cost_rub), 0)                          as cost_rub
    from dwh.fact_campaign_contact f
    left join ops.plan_contact p using (plan_id, row_no)
    left join mart.v_attempt a on a.intent_id = f.intent_id and a.contact_key = f.contact_key
    group by f.plan_id, f.row_no, p.sent_state
),
progress as (
    select plan_id,
           bool_and(state in ('final', 'final_partial', 'cancelled')) as is_final,
           bool_or(state = 'final_partial')                           as is_partial
    from ops.campaign_intent
    group by plan_id
),
totals as (
    select campaign_key,
           call_date,
           plan_id,
           count(*)                               as contacts_total,
           count(*) filter (where not eligible)   as contacts_excluded,
           count(*) filter (where eligible)       as contacts_eligible,
           count(*) filter (where rejected)       as contacts_rejected,
           count(*) filter (where attempts > 0)   as contacts_dialed,
           count(*) filter (where human)          as contacts_human,
           count(*) filter (where rpc)            as contacts_rpc,
           count(*) filter (where goal)           as contacts_goal,
           sum(attempts)::bigint                  as attempts,
           sum(cost_rub)                          as cost_rub
    from per_contact
    group by campaign_key, call_date, plan_id
)
select k.campaign_id,
       k.name                                                                as campaign_name,
       k.purpose,
       t.call_date,
       coalesce(p.is_final, true)                                            as is_final,
       coalesce(p.is_partial, false)                                         as is_partial,
       t.contacts_total,
       t.contacts_excluded,
       t.contacts_eligible,
       t.contacts_rejected,
       t.contacts_dialed,
       t.contacts_human,
       t.contacts_rpc,
       t.contacts_goal,
       t.attempts,
       round(t.contacts_dialed::numeric / nullif(t.contacts_eligible, 0), 4) as penetration_rate,
       round(t.contacts_human::numeric / nullif(t.contacts_eligible, 0), 4)  as contact_rate,
       round(t.contacts_rpc::numeric / nullif(t.contacts_dialed, 0), 4)      as rpc_rate,
       round(t.contacts_goal::numeric / nullif(t.contacts_rpc, 0), 4)        as goal_rate_rpc,
       round(t.contacts_goal::numeric / nullif(t.contacts_eligible, 0), 4)   as goal_rate_list,
       round(t.attempts::numeric / nullif(t.contacts_dialed, 0), 3)          as attempts_per_contact,
       t.cost_rub,
       round(t.cost_rub / nullif(t.contacts_human, 0), 2)                    as cost_per_human,
       round(t.cost_rub / nullif(t.contacts_goal, 0), 2)                     as cost_per_goal,
       t.plan_id
from totals t
join dwh.dim_campaign k using (campaign_key)
left join progress p using (plan_id);

comment on view mart.v_campaign_funnel is 'Воронка обзвона: одна строка на кампанию и дату звонков; для отчётов фильтруйте is_final';
comment on column mart.v_campaign_funnel.is_final is 'Все задания у поставщика закрыты';
comment on column mart.v_campaign_funnel.is_partial is 'Хотя бы одно задание закрыто по сроку, отчёт неполон';
comment on column mart.v_campaign_funnel.contacts_total is 'Строк в списке';
comment on column mart.v_campaign_funnel.contacts_excluded is 'Исключено планом до звонков; причины в mart.v_exclusions';
comment on column mart.v_campaign_funnel.contacts_eligible is 'К обзвону, E: contacts_total − contacts_excluded';
comment on column mart.v_campaign_funnel.contacts_rejected is 'Не приняты поставщиком (входят в contacts_eligible)';
comment on column mart.v_campaign_funnel.contacts_dialed is 'Контакты с ≥ 1 набором, D';
comment on column mart.v_campaign_funnel.contacts_human is 'Контакты с ≥ 1 разговором с человеком';
comment on column mart.v_campaign_funnel.contacts_rpc is 'Контакты, где ответил нужный абонент';
comment on column mart.v_campaign_funnel.contacts_goal is 'Контакты с достигнутой целью';
comment on column mart.v_campaign_funnel.attempts is 'Наборов всего';
comment on column mart.v_campaign_funnel.penetration_rate is 'Охват списка: contacts_dialed / contacts_eligible';
comment on column mart.v_campaign_funnel.contact_rate is 'Contact rate, дозвон по списку: contacts_human / contacts_eligible';
comment on column mart.v_campaign_funnel.rpc_rate is 'RPC rate: contacts_rpc / contacts_dialed';
comment on column mart.v_campaign_funnel.goal_rate_rpc is 'Конверсия из разговора: contacts_goal / contacts_rpc';
comment on column mart.v_campaign_funnel.goal_rate_list is 'Конверсия из списка: contacts_goal / contacts_eligible';
comment on column mart.v_campaign_funnel.attempts_per_contact is 'Наборов на контакт: attempts / contacts_dialed';
comment on column mart.v_campaign_funnel.cost_rub is 'Стоимость: цена звонков + плата за маркировку, руб.';
comment on column mart.v_campaign_funnel.cost_per_human is 'Стоимость контакта с разговором: cost_rub / contacts_human';
comment on column mart.v_campaign_funnel.cost_per_goal is 'Стоимость цели: cost_rub / contacts_goal';
