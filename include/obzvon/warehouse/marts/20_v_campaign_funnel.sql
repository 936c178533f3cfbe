-- One row per campaign and call date; a contact is counted once however often it was dialled.
create or replace view mart.v_campaign_funnel as
with totals as (
    select plan_id,
           sum(contacts)::bigint                                             as contacts_total,
           (sum(contacts) filter (where exclusion_code is not null))::bigint as contacts_excluded,
           (sum(contacts) filter (where exclusion_code is null))::bigint     as contacts_eligible,
           sum(dialed)::bigint                                               as contacts_dialed,
           sum(human)::bigint                                                as contacts_human,
           sum(rpc)::bigint                                                  as contacts_rpc,
           sum(goal)::bigint                                                 as contacts_goal,
           sum(invalid)::bigint                                              as contacts_invalid,
           sum(first_human_attempts)                                         as first_human_attempts,
           sum(attempts)::bigint                                             as attempts
    from mart.contact_outcome
    group by plan_id
),
-- the bill: calls of nobody in the list are paid for too, as in mart.v_cost
spent as (
    select plan_id, sum(cost_rub + marking_fee_rub) as cost_rub
    from mart.attempt_daily
    group by plan_id
)
select p.campaign_id,
       p.campaign_name,
       p.purpose,
       p.call_date,
       p.is_final,
       p.is_partial,
       t.contacts_total,
       coalesce(t.contacts_excluded, 0)                                      as contacts_excluded,
       coalesce(t.contacts_eligible, 0)                                      as contacts_eligible,
       p.contacts_rejected,
       t.contacts_dialed,
       t.contacts_human,
       t.contacts_rpc,
       t.contacts_goal,
       t.contacts_invalid,
       t.attempts,
       round(t.contacts_dialed::numeric / nullif(t.contacts_eligible, 0), 4) as penetration_rate,
       round(t.contacts_human::numeric / nullif(t.contacts_eligible, 0), 4)  as contact_rate,
       round(t.contacts_rpc::numeric / nullif(t.contacts_dialed, 0), 4)      as rpc_rate,
       round(t.contacts_goal::numeric / nullif(t.contacts_rpc, 0), 4)        as goal_rate_rpc,
       round(t.contacts_goal::numeric / nullif(t.contacts_eligible, 0), 4)   as goal_rate_list,
       round(t.contacts_invalid::numeric / nullif(t.contacts_dialed, 0), 4)  as invalid_number_rate,
       round(t.attempts::numeric / nullif(t.contacts_dialed, 0), 3)          as attempts_per_contact,
       round(t.first_human_attempts / nullif(t.contacts_human, 0), 3)        as attempts_to_first_human,
       coalesce(s.cost_rub, 0)                                               as cost_rub,
       round(coalesce(s.cost_rub, 0) / nullif(t.contacts_human, 0), 2)       as cost_per_human,
       round(coalesce(s.cost_rub, 0) / nullif(t.contacts_goal, 0), 2)        as cost_per_goal,
       p.date_key,
       t.plan_id
from totals t
join mart.v_plan p using (plan_id)
left join spent s using (plan_id);

comment on view mart.v_campaign_funnel is 'Воронка обзвона: одна строка на кампанию и дату звонков; для отчётов фильтруйте is_final';
comment on column mart.v_campaign_funnel.campaign_id is 'Кампания';
comment on column mart.v_campaign_funnel.campaign_name is 'Название кампании';
comment on column mart.v_campaign_funnel.purpose is 'Цель звонков: advertising — реклама, service — сервис, debt — долг, survey — опрос';
comment on column mart.v_campaign_funnel.call_date is 'Дата звонков по местному времени абонентов';
comment on column mart.v_campaign_funnel.is_final is 'Все задания у платформы закрыты';
comment on column mart.v_campaign_funnel.is_partial is 'Хотя бы одно задание закрыто по сроку, отчёт неполон';
comment on column mart.v_campaign_funnel.contacts_total is 'Строк в списке, шт.';
comment on column mart.v_campaign_funnel.contacts_excluded is 'Исключено планом до звонков, шт.; причины в mart.v_exclusions';
comment on column mart.v_campaign_funnel.contacts_eligible is 'К обзвону, E, шт.: contacts_total − contacts_excluded';
comment on column mart.v_campaign_funnel.contacts_rejected is 'Не приняты платформой, шт. (входят в contacts_eligible)';
comment on column mart.v_campaign_funnel.contacts_dialed is 'Контакты с ≥ 1 набором, D, шт.';
comment on column mart.v_campaign_funnel.contacts_human is 'Контакты с ≥ 1 разговором с человеком, шт.';
comment on column mart.v_campaign_funnel.contacts_rpc is 'Контакты, где ответил нужный абонент, шт.';
comment on column mart.v_campaign_funnel.contacts_goal is 'Контакты с достигнутой целью, шт.';
comment on column mart.v_campaign_funnel.contacts_invalid is 'Контакты с несуществующим номером (исход INVALID_NUMBER), шт.';
comment on column mart.v_campaign_funnel.attempts is 'Наборов контактам из списка, шт.';
comment on column mart.v_campaign_funnel.penetration_rate is 'Охват списка, доля: contacts_dialed / contacts_eligible';
comment on column mart.v_campaign_funnel.contact_rate is 'Contact rate, дозвон по списку, доля: contacts_human / contacts_eligible';
comment on column mart.v_campaign_funnel.rpc_rate is 'RPC rate, доля: contacts_rpc / contacts_dialed';
comment on column mart.v_campaign_funnel.goal_rate_rpc is 'Конверсия из разговора, доля: contacts_goal / contacts_rpc';
comment on column mart.v_campaign_funnel.goal_rate_list is 'Конверсия из списка, доля: contacts_goal / contacts_eligible';
comment on column mart.v_campaign_funnel.invalid_number_rate is 'Доля несуществующих номеров: contacts_invalid / contacts_dialed';
comment on column mart.v_campaign_funnel.attempts_per_contact is 'Наборов на контакт, шт.: attempts / contacts_dialed';
comment on column mart.v_campaign_funnel.attempts_to_first_human is 'Попыток до первого разговора, шт.: средний номер первой попытки с человеком';
comment on column mart.v_campaign_funnel.cost_rub is 'Стоимость, руб.: цена звонков + плата за маркировку; звонки не из списка тоже оплачены, как в mart.v_cost';
comment on column mart.v_campaign_funnel.cost_per_human is 'Стоимость контакта с разговором, руб.: cost_rub / contacts_human';
comment on column mart.v_campaign_funnel.cost_per_goal is 'Стоимость цели, руб.: cost_rub / contacts_goal';
comment on column mart.v_campaign_funnel.date_key is 'Дата звонков, ГГГГММДД';
comment on column mart.v_campaign_funnel.plan_id is 'План: одна кампания на одну дату звонков';
