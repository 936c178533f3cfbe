-- Can the figures of a call date be trusted? One row per campaign and call date. Complete: what was loaded of the newest
-- report of each intent against the vendor's own count of it.
create or replace view mart.v_freshness as
with page as (
    -- a pull begins with the report itself; pages of other kinds (transcripts) have counts of their own
    select i.plan_id, r.intent_id, r.batch_id, r.fetched_at, r.loaded_at, r.rows, r.control_count, r.kind,
           first_value(r.kind) over (partition by r.intent_id, r.batch_id order by r.archive_id) as report_kind
    from ops.raw_archive r
    join ops.campaign_intent i using (intent_id)
    where r.kind <> 'events' -- which are no report
),
pull as (
    select plan_id, intent_id, batch_id,
           max(fetched_at)              as fetched_at,
           max(loaded_at)               as loaded_at,
           sum(rows)                    as rows,
           sum(control_count)           as control_count,
           bool_or(loaded_at is null)   as waiting
    from page
    where kind = report_kind
    group by plan_id, intent_id, batch_id
),
newest as (
    select distinct on (intent_id) * from pull order by intent_id, fetched_at desc, batch_id desc
),
report as (
    select plan_id,
           max(fetched_at)                                              as fetched_at,
           max(loaded_at)                                               as loaded_at,
           sum(rows) filter (where control_count is not null)::bigint   as rows,
           sum(control_count)::bigint                                   as control_count,
           count(*) filter (where waiting)                              as waiting
    from newest
    group by plan_id
),
broken as (
    select i.plan_id, count(*) as quarantined
    from ops.quarantine q
    join ops.raw_archive r using (archive_id)
    join ops.campaign_intent i using (intent_id)
    where q.requeued_at is null
    group by i.plan_id
),
sums as (
    select plan_id,
           sum(attempts)::bigint                                             as attempts,
           sum(late)::bigint                                                 as late,
           sum(orphans)::bigint                                              as orphans,
           coalesce(sum(attempts) filter (where disposition_code = 'UNKNOWN'), 0)::bigint as unmapped
    from mart.attempt_daily
    group by plan_id
),
changed as (
    select plan_id, min(changed_at) as since from ops.mart_change group by plan_id
)
select p.campaign_id,
       p.campaign_name,
       p.vendor_code,
       p.call_date,
       p.is_final,
       p.is_partial,
       p.intents,
       p.intents_closed,
       r.fetched_at,
       r.loaded_at,
       m.refreshed_at,
       c.plan_id is not null                                                as is_stale,
       coalesce(r.waiting, 0)                                               as pulls_waiting,
       r.control_count,
       r.rows                                                               as rows_loaded,
       round(r.rows::numeric / nullif(r.control_count, 0), 4)               as completeness_rate,
       coalesce(b.quarantined, 0)                                           as quarantined,
       coalesce(s.attempts, 0)                                              as attempts,
       coalesce(s.unmapped, 0)                                              as unmapped,
       coalesce(s.orphans, 0)                                               as orphans,
       coalesce(s.late, 0)                                                  as late,
       round(s.late::numeric / nullif(s.attempts, 0), 4)                    as late_rate,
       p.date_key,
       p.plan_id
from mart.v_plan p
left join report r using (plan_id)
left join broken b using (plan_id)
left join sums s using (plan_id)
left join ops.mart_refresh m using (plan_id)
left join changed c using (plan_id);

comment on view mart.v_freshness is 'Свежесть и полнота данных: одна строка на кампанию и дату звонков';
comment on column mart.v_freshness.campaign_id is 'Кампания';
comment on column mart.v_freshness.campaign_name is 'Название кампании';
comment on column mart.v_freshness.vendor_code is 'Платформа';
comment on column mart.v_freshness.call_date is 'Дата звонков по местному времени абонентов';
comment on column mart.v_freshness.is_final is 'Все задания у платформы закрыты';
comment on column mart.v_freshness.is_partial is 'Хотя бы одно задание закрыто по сроку, отчёт неполон';
comment on column mart.v_freshness.intents is 'Заданий у платформы, шт.';
comment on column mart.v_freshness.intents_closed is 'Из них закрыто, шт.';
comment on column mart.v_freshness.fetched_at is 'Когда последний отчёт взят у платформы, UTC';
comment on column mart.v_freshness.loaded_at is 'Когда последний отчёт загружен, UTC';
comment on column mart.v_freshness.refreshed_at is 'Когда витрины этого плана обновлены, UTC';
comment on column mart.v_freshness.is_stale is 'Данные изменились после обновления витрин: подождите DAG marts';
comment on column mart.v_freshness.pulls_waiting is 'Отчётов скачано, но не загружено, шт.';
comment on column mart.v_freshness.control_count is 'Контрольный итог платформы по последним отчётам, строк; пусто — платформа его не даёт';
comment on column mart.v_freshness.rows_loaded is 'Прочитано строк этих отчётов, вместе с карантином';
comment on column mart.v_freshness.completeness_rate is 'Полнота, доля: rows_loaded / control_count; меньше 1 — строк не хватает';
comment on column mart.v_freshness.quarantined is 'Строк в карантине (нарушают договор данных), шт.';
comment on column mart.v_freshness.attempts is 'Попыток в витринах, шт.';
comment on column mart.v_freshness.unmapped is 'Попыток с нераспознанным статусом (UNKNOWN), шт.';
comment on column mart.v_freshness.orphans is 'Звонков не из нашего списка, шт.';
comment on column mart.v_freshness.late is 'Строк, пришедших или изменённых после закрытия задания, шт.';
comment on column mart.v_freshness.late_rate is 'Доля поздних строк: late / attempts';
comment on column mart.v_freshness.date_key is 'Дата звонков, ГГГГММДД';
comment on column mart.v_freshness.plan_id is 'План: одна кампания на одну дату звонков';
