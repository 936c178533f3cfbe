-- Does the n-th call still pay?
create or replace view mart.v_recall_effectiveness as
with totals as (
    select p.campaign_id, a.campaign_key, a.attempt_no,
           bool_and(p.is_final)                                                                            as is_final,
           bool_or(p.is_partial)                                                                           as is_partial,
           coalesce(sum(a.attempts) filter (where d.disposition_group not in ('NOT_DIALED', 'PENDING')), 0)::bigint as attempts,
           coalesce(sum(a.attempts) filter (where d.disposition_group = 'HUMAN'), 0)::bigint               as human,
           sum(a.goals)::bigint                                                                            as goals,
           sum(a.cost_rub + a.marking_fee_rub)                                                             as cost_rub
    from mart.attempt_daily a
    join mart.v_plan p using (plan_id)
    join dwh.dim_disposition d using (disposition_code)
    where a.attempt_no is not null
    group by p.campaign_id, a.campaign_key, a.attempt_no
)
select campaign_id,
       campaign_key,
       attempt_no,
       is_final,
       is_partial,
       attempts,
       human                                                  as human_at_n,
       round(human::numeric / nullif(attempts, 0), 4)         as human_rate_at_n,
       goals                                                  as goals_at_n,
       (sum(goals) over by_campaign)::bigint                  as goals_cum,
       cost_rub                                               as cost_rub_at_n,
       round(cost_rub / nullif(goals, 0), 2)                  as cost_per_goal_at_n
from totals
window by_campaign as (partition by campaign_key order by attempt_no);

comment on view mart.v_recall_effectiveness is 'Отдача повторных звонков: показатели n-й попытки по версиям кампании';
comment on column mart.v_recall_effectiveness.campaign_id is 'Кампания';
comment on column mart.v_recall_effectiveness.campaign_key is 'Версия кампании (лимиты, окно, цель)';
comment on column mart.v_recall_effectiveness.attempt_no is 'Номер попытки n';
comment on column mart.v_recall_effectiveness.is_final is 'Все задания у платформы закрыты';
comment on column mart.v_recall_effectiveness.is_partial is 'Хотя бы одно задание закрыто по сроку, отчёт неполон';
comment on column mart.v_recall_effectiveness.attempts is 'Наборов n-й попытки, шт.';
comment on column mart.v_recall_effectiveness.human_at_n is 'Ответов человеком на n-й попытке, шт.';
comment on column mart.v_recall_effectiveness.human_rate_at_n is 'Доля ответов человеком на n-й попытке: human_at_n / attempts';
comment on column mart.v_recall_effectiveness.goals_at_n is 'Целей на n-й попытке, шт.';
comment on column mart.v_recall_effectiveness.goals_cum is 'Целей за попытки 1…n, шт.';
comment on column mart.v_recall_effectiveness.cost_rub_at_n is 'Стоимость n-х попыток, руб.: цена звонков + плата за маркировку';
comment on column mart.v_recall_effectiveness.cost_per_goal_at_n is 'Предельная стоимость цели, руб.: cost_rub_at_n / goals_at_n';
