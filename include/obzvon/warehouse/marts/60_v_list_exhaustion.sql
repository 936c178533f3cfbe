-- How much of the list is spent: a contact is closed by a terminal outcome or by its number of attempts.
create or replace view mart.v_list_exhaustion as
select p.campaign_id,
       p.call_date,
       c.intent_id,
       c.campaign_key,
       p.is_final,
       p.is_partial,
       sum(c.contacts)::bigint                                                                  as eligible,
       sum(c.closed_by_outcome + c.closed_by_limit)::bigint                                     as closed,
       round(sum(c.closed_by_outcome + c.closed_by_limit)::numeric / sum(c.contacts), 4)        as exhaustion_rate,
       sum(c.closed_by_outcome)::bigint                                                         as closed_by_outcome,
       sum(c.closed_by_limit)::bigint                                                           as closed_by_limit,
       p.date_key,
       c.plan_id
from mart.contact_outcome c
join mart.v_plan p using (plan_id)
where c.exclusion_code is null
group by p.campaign_id, p.call_date, c.intent_id, c.campaign_key, p.is_final, p.is_partial, p.date_key, c.plan_id;

comment on view mart.v_list_exhaustion is 'Исчерпание списка по заданиям';
comment on column mart.v_list_exhaustion.campaign_id is 'Кампания';
comment on column mart.v_list_exhaustion.call_date is 'Дата звонков по местному времени абонентов';
comment on column mart.v_list_exhaustion.intent_id is 'Задание у платформы';
comment on column mart.v_list_exhaustion.campaign_key is 'Версия кампании';
comment on column mart.v_list_exhaustion.is_final is 'Все задания плана у платформы закрыты';
comment on column mart.v_list_exhaustion.is_partial is 'Хотя бы одно задание плана закрыто по сроку, отчёт неполон';
comment on column mart.v_list_exhaustion.eligible is 'Контактов к обзвону, E, шт.';
comment on column mart.v_list_exhaustion.closed is 'Контактов, которым звонить больше не нужно, шт.: closed_by_outcome + closed_by_limit';
comment on column mart.v_list_exhaustion.exhaustion_rate is 'Исчерпание, доля: closed / eligible';
comment on column mart.v_list_exhaustion.closed_by_outcome is 'Закрыты окончательным исходом, шт.';
comment on column mart.v_list_exhaustion.closed_by_limit is 'Закрыты числом попыток (≥ максимума кампании), шт.';
comment on column mart.v_list_exhaustion.date_key is 'Дата звонков, ГГГГММДД';
comment on column mart.v_list_exhaustion.plan_id is 'План: одна кампания на одну дату звонков';
