-- What the audit of each plan compared, as it was stored.
create or replace view mart.v_audit_check as
select p.campaign_id,
       p.purpose,
       p.call_date,
       c.check_name,
       c.holds,
       c.expected,
       c.actual,
       c.explained,
       c.explanation,
       c.checked_at,
       p.plan_id
from ops.audit_check c
join ops.campaign_plan p on p.plan_id = c.plan_id;

comment on view mart.v_audit_check is 'Сверки обзвона: план, отправка, отчёт, загрузка и Qolio сходятся';
comment on column mart.v_audit_check.campaign_id is 'Кампания';
comment on column mart.v_audit_check.purpose is 'Цель обзвона';
comment on column mart.v_audit_check.call_date is 'Дата звонков у абонента';
comment on column mart.v_audit_check.check_name is 'Сверка; запрос каждой — в docs/reconciliation.md';
comment on column mart.v_audit_check.holds is 'Сходится: |expected − actual| = explained';
comment on column mart.v_audit_check.expected is 'Сколько должно быть';
comment on column mart.v_audit_check.actual is 'Сколько есть';
comment on column mart.v_audit_check.explained is 'Часть разницы с известной причиной';
comment on column mart.v_audit_check.explanation is 'Причина разницы';
comment on column mart.v_audit_check.checked_at is 'Когда сверено, UTC';
comment on column mart.v_audit_check.plan_id is 'План';
