-- Why contacts of the list were not called: one row per campaign, call date, code and finer reason.
create or replace view mart.v_exclusions as
select p.campaign_id,
       p.call_date,
       c.exclusion_code,
       d.title_ru                as exclusion_title,
       c.exclusion_reason,
       sum(c.contacts)::bigint   as contacts,
       p.is_final,
       p.is_partial,
       p.date_key,
       c.plan_id
from mart.contact_outcome c
join mart.v_plan p using (plan_id)
join dwh.dim_disposition d on d.disposition_code = c.exclusion_code
group by p.campaign_id, p.call_date, c.exclusion_code, d.title_ru, c.exclusion_reason, p.is_final, p.is_partial,
         p.date_key, c.plan_id;

comment on view mart.v_exclusions is 'Исключённые контакты по причинам; сумма по кампании и дате = v_campaign_funnel.contacts_excluded';
comment on column mart.v_exclusions.campaign_id is 'Кампания';
comment on column mart.v_exclusions.call_date is 'Дата звонков по местному времени абонентов';
comment on column mart.v_exclusions.exclusion_code is 'Код решения';
comment on column mart.v_exclusions.exclusion_title is 'Решение словами';
comment on column mart.v_exclusions.exclusion_reason is 'Точная причина';
comment on column mart.v_exclusions.contacts is 'Строк списка с этой причиной, шт.';
comment on column mart.v_exclusions.is_final is 'Все задания у платформы закрыты';
comment on column mart.v_exclusions.is_partial is 'Хотя бы одно задание закрыто по сроку, отчёт неполон';
comment on column mart.v_exclusions.date_key is 'Дата звонков, ГГГГММДД';
comment on column mart.v_exclusions.plan_id is 'План: одна кампания на одну дату звонков';
