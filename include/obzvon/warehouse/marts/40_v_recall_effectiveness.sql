-- Does the n-th call still pay?
create or replace view mart.v_recall_effectiveness as
select campaign_id,
       campaign_key,
       attempt_no,
       count(*) filter (where is_dialed)                                                   as attempts,
       round(count(*) filter (where is_human)::numeric
             / nullif(count(*) filter (where is_dialed), 0), 4)                            as human_rate_at_n,
       count(*) filter (where is_goal)                                                     as goals_at_n,
       sum(count(*) filter (where is_goal)) over by_campaign                               as goals_cum,
       round(sum(total_cost_rub) / nullif(count(*) filter (where is_goal), 0), 2)          as cost_per_goal_at_n
from mart.v_attempt
where attempt_no is not null
group by campaign_id, campaign_key, attempt_no
window by_campaign as (partition by campaign_key order by attempt_no);

comment on view mart.v_recall_effectiveness is 'Отдача повторных звонков: показатели n-й попытки';
comment on column mart.v_recall_effectiveness.attempt_no is 'Номер попытки n';
comment on column mart.v_recall_effectiveness.human_rate_at_n is 'Ответы человеком на n-й попытке / наборы n-й попытки';
comment on column mart.v_recall_effectiveness.goals_at_n is 'Целей на n-й попытке';
comment on column mart.v_recall_effectiveness.goals_cum is 'Целей за попытки 1…n';
comment on column mart.v_recall_effectiveness.cost_per_goal_at_n is 'Предельная стоимость цели: стоимость n-х попыток / goals_at_n';
