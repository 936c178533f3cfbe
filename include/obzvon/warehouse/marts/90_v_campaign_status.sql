-- Where every plan stands now: one row per campaign and call date. Plan by plan, so that a filter by
-- date reads no other's. Stage and contacts are of this moment, results as of the last refresh of the marts.
create or replace view mart.v_campaign_status as
select p.campaign_id,
       coalesce(p.spec ->> 'title', p.campaign_id)                                     as campaign_name,
       p.purpose,
       p.vendor_code,
       p.call_date,
       case when p.approval = 'needed' and y.plan_id is null             then 'planned'
            when p.approval = 'needed' and y.decision is null            then 'awaiting_approval'
            when p.approval = 'needed' and y.decision <> 'approved'      then 'not_approved'
            when i.doubtful > 0                                          then 'in_doubt'
            when i.intents = 0 and p.contacts_to_call = 0                then 'nobody_to_call'
            when i.untouched = i.intents                                 then 'planned'
            when c.passed is false and i.active = 0                      then 'canary_failed'
            when i.canary > 0 and c.plan_id is null                      then 'canary'
            when i.launching > 0 and i.running + i.collecting = 0        then 'launching'
            when i.running > 0                                           then 'calling'
            when i.collecting > 0                                        then 'collecting'
            when i.untouched + i.refused > 0                             then 'incomplete'
            when i.cancelled = i.intents                                 then 'cancelled'
            when a.checks is null                                        then 'delivering'
            when a.failed > 0                                            then 'audit_failed'
            else 'finished' end                                                        as stage,
       coalesce(i.active + i.doubtful > 0, false)                                      as is_running,
       coalesce(i.over = i.intents, false)                                             as is_final,
       coalesce(i.partial > 0, false)                                                  as is_partial,
       p.contacts_total,
       p.contacts_to_call,
       coalesce(i.contacts_at_vendor, 0)                                               as contacts_at_vendor,
       coalesce(i.contacts_done, 0)                                                    as contacts_done,
       round(coalesce(i.contacts_done, 0)::numeric / nullif(i.contacts, 0), 4)         as progress,
       d.attempts,
       f.contacts_human,
       f.contacts_goal,
       d.cost_rub,
       (p.forecast #>> '{cost_rub,expected}')::numeric                                 as forecast_rub,
       p.planned_at,
       i.started_at,
       i.final_at,
       'campaign__' || p.campaign_id                                                   as dag_id,
       p.dag_run_id,
       p.plan_id
from ops.campaign_plan p
left join ops.plan_approval y on y.plan_id = p.plan_id and y.plan_hash = p.plan_hash
left join ops.canary_verdict c on c.plan_id = p.plan_id
cross join lateral (
    select count(*)                                                                             as intents,
           count(*) filter (where state = 'planned')                                            as untouched,
           count(*) filter (where state = 'in_doubt')                                           as doubtful,
           count(*) filter (where state = 'refused')                                            as refused,
           count(*) filter (where state in ('sending', 'created'))                              as launching,
           count(*) filter (where state = 'running')                                            as running,
           count(*) filter (where state = 'collecting')                                         as collecting,
           count(*) filter (where state in ('sending', 'created', 'running', 'collecting'))     as active,
           count(*) filter (where state = 'cancelled')                                          as cancelled,
           count(*) filter (where state = 'final_partial')                                      as partial,
           count(*) filter (where state in ('final', 'final_partial', 'cancelled'))             as over,
           count(*) filter (where batch_no = 900)                                               as canary,
           sum(contacts_planned)                                                                as contacts,
           sum(contacts_planned) filter (where state in ('created', 'running', 'collecting'))   as contacts_at_vendor,
           sum(contacts_planned) filter (where state in ('final', 'final_partial', 'cancelled')) as contacts_done,
           min(started_at)                                                                      as started_at,
           max(final_at)                                                                        as final_at
    from ops.campaign_intent
    where plan_id = p.plan_id
) i
cross join lateral (
    select coalesce(sum(human), 0)::bigint   as contacts_human,
           coalesce(sum(goal), 0)::bigint    as contacts_goal
    from mart.contact_outcome
    where plan_id = p.plan_id
) f
cross join lateral (
    select coalesce(sum(t.attempts) filter (where o.disposition_group not in ('NOT_DIALED', 'PENDING')), 0)::bigint as attempts,
           coalesce(sum(t.cost_rub + t.marking_fee_rub), 0)                               as cost_rub
    from mart.attempt_daily t
    join dwh.dim_disposition o on o.disposition_code = t.disposition_code
    where t.plan_id = p.plan_id
) d
left join lateral (
    select count(*) as checks, count(*) filter (where not holds) as failed
    from ops.audit_check
    where plan_id = p.plan_id
    having count(*) > 0
) a on true;

comment on view mart.v_campaign_status is 'Где сейчас каждый обзвон: одна строка на кампанию и дату звонков';
comment on column mart.v_campaign_status.campaign_id is 'Кампания: имя файла кампании';
comment on column mart.v_campaign_status.campaign_name is 'Название кампании, как в файле на момент плана';
comment on column mart.v_campaign_status.purpose is 'Цель обзвона: advertising, service, debt, survey';
comment on column mart.v_campaign_status.vendor_code is 'Поставщик звонков';
comment on column mart.v_campaign_status.call_date is 'Дата звонков у абонента';
comment on column mart.v_campaign_status.stage is 'Этап: planned, awaiting_approval, not_approved, canary, canary_failed, launching, calling, collecting, delivering, finished, audit_failed, in_doubt — ответ поставщика потерян, incomplete — часть заданий не создана, cancelled, nobody_to_call';
comment on column mart.v_campaign_status.is_running is 'Хотя бы одно задание у поставщика или в сомнении';
comment on column mart.v_campaign_status.is_final is 'Все задания закрыты';
comment on column mart.v_campaign_status.is_partial is 'Хотя бы одно задание закрыто по сроку, отчёт неполон';
comment on column mart.v_campaign_status.contacts_total is 'Строк в списке';
comment on column mart.v_campaign_status.contacts_to_call is 'К обзвону по плану';
comment on column mart.v_campaign_status.contacts_at_vendor is 'Контакты заданий, которые сейчас у поставщика или собираются';
comment on column mart.v_campaign_status.contacts_done is 'Контакты закрытых заданий';
comment on column mart.v_campaign_status.progress is 'Готово: contacts_done / контакты всех заданий, доля';
comment on column mart.v_campaign_status.attempts is 'Загружено наборов';
comment on column mart.v_campaign_status.contacts_human is 'Контакты с ≥ 1 разговором с человеком';
comment on column mart.v_campaign_status.contacts_goal is 'Контакты с достигнутой целью';
comment on column mart.v_campaign_status.cost_rub is 'Стоимость загруженных звонков: цена + плата за маркировку, руб.';
comment on column mart.v_campaign_status.forecast_rub is 'Ожидаемая стоимость на момент плана, руб.';
comment on column mart.v_campaign_status.planned_at is 'Когда составлен план, UTC';
comment on column mart.v_campaign_status.started_at is 'Когда начато первое задание, UTC';
comment on column mart.v_campaign_status.final_at is 'Когда закрыто последнее задание, UTC';
comment on column mart.v_campaign_status.dag_id is 'DAG кампании в Airflow';
comment on column mart.v_campaign_status.dag_run_id is 'Запуск DAG, составивший план';
comment on column mart.v_campaign_status.plan_id is 'План: ключ кампании и даты звонков';
