-- What the audit found: one row per campaign and call date. Each breach is a row of mart.v_compliance_breach.
create or replace view mart.v_compliance as
with audit as (
    select plan_id,
           count(*)                                                        as checks,
           count(*) filter (where not holds)                               as checks_failed,
           string_agg(check_name, ', ' order by check_name) filter (where not holds) as failed,
           sum(actual) filter (where check_name = 'compliance')::bigint    as breaches,
           min(explanation) filter (where check_name = 'compliance')       as rules_broken,
           max(checked_at)                                                 as checked_at
    from ops.audit_check
    group by plan_id
),
dials as (
    select plan_id,
           sum(a.attempts) filter (where d.disposition_group not in ('NOT_DIALED', 'PENDING'))::bigint as attempts
    from mart.attempt_daily a
    join dwh.dim_disposition d using (disposition_code)
    group by plan_id
)
select p.campaign_id,
       p.campaign_name,
       p.purpose,
       p.call_date,
       p.is_final,
       p.is_partial,
       coalesce(d.attempts, 0)                                             as attempts,
       a.checked_at,
       a.checks,
       a.checks_failed,
       a.failed                                                            as failed_checks,
       a.breaches,
       a.rules_broken,
       round(a.breaches * 1000.0 / nullif(d.attempts, 0), 3)               as breaches_per_1000,
       p.date_key,
       p.plan_id
from mart.v_plan p
left join audit a using (plan_id)
left join dials d using (plan_id);

comment on view mart.v_compliance is 'Соблюдение правил: что нашла сверка, одна строка на кампанию и дату звонков; сами нарушения — mart.v_compliance_breach';
comment on column mart.v_compliance.campaign_id is 'Кампания';
comment on column mart.v_compliance.campaign_name is 'Название кампании';
comment on column mart.v_compliance.purpose is 'Цель звонков: advertising — реклама, service — сервис, debt — долг, survey — опрос';
comment on column mart.v_compliance.call_date is 'Дата звонков по местному времени абонентов';
comment on column mart.v_compliance.is_final is 'Все задания у платформы закрыты';
comment on column mart.v_compliance.is_partial is 'Хотя бы одно задание закрыто по сроку, отчёт неполон';
comment on column mart.v_compliance.attempts is 'Наборов, шт.';
comment on column mart.v_compliance.checked_at is 'Когда прошла сверка, UTC; пусто — ещё не проверено';
comment on column mart.v_compliance.checks is 'Проверок сверки, шт.';
comment on column mart.v_compliance.checks_failed is 'Из них не сошлось, шт.';
comment on column mart.v_compliance.failed_checks is 'Какие не сошлись';
comment on column mart.v_compliance.breaches is 'Нарушений правил обзвона, шт.';
comment on column mart.v_compliance.rules_broken is 'Нарушений по правилам: «число правило»';
comment on column mart.v_compliance.breaches_per_1000 is 'Нарушений на 1000 наборов: breaches × 1000 / attempts';
comment on column mart.v_compliance.date_key is 'Дата звонков, ГГГГММДД';
comment on column mart.v_compliance.plan_id is 'План: одна кампания на одну дату звонков';

comment on column mart.v_compliance_breach.campaign_id is 'Кампания';
comment on column mart.v_compliance_breach.call_date is 'Дата звонков по плану';
comment on column mart.v_compliance_breach.vendor_code is 'Платформа';
comment on column mart.v_compliance_breach.vendor_call_id is 'Номер звонка у платформы';
comment on column mart.v_compliance_breach.started_at is 'Начало, UTC';
