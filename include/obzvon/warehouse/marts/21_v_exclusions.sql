-- Why contacts of the list were not called: one row per campaign, call date, code and finer reason.
create or replace view mart.v_exclusions as
select k.campaign_id,
       f.call_date,
       f.exclusion_code,
       d.title_ru           as exclusion_title,
       f.exclusion_reason,
       count(*)             as contacts,
       f.plan_id
from dwh.fact_campaign_contact f
join dwh.dim_campaign k using (campaign_key)
join dwh.dim_disposition d on d.disposition_code = f.exclusion_code
group by k.campaign_id, f.call_date, f.exclusion_code, d.title_ru, f.exclusion_reason, f.plan_id;

comment on view mart.v_exclusions is 'Исключённые контакты по причинам; сумма по кампании и дате = v_campaign_funnel.contacts_excluded';
comment on column mart.v_exclusions.exclusion_code is 'Код решения';
comment on column mart.v_exclusions.exclusion_reason is 'Точная причина';
comment on column mart.v_exclusions.contacts is 'Строк списка с этой причиной';
