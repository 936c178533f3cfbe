-- How much of the list is spent: a contact is closed by a terminal outcome or by its number of attempts.
create or replace view mart.v_list_exhaustion as
with per_contact as (
    select f.plan_id,
           f.row_no,
           f.intent_id,
           f.campaign_key,
           f.call_date,
           coalesce(bool_or(a.is_terminal), false)                        as by_outcome,
           count(*) filter (where a.is_dialed) >= k.max_attempts          as by_limit
    from dwh.fact_campaign_contact f
    join dwh.dim_campaign k using (campaign_key)
    left join mart.v_attempt a on a.intent_id = f.intent_id and a.contact_key = f.contact_key
    where f.exclusion_code is null
    group by f.plan_id, f.row_no, k.max_attempts
)
select k.campaign_id,
       c.call_date,
       c.intent_id,
       c.campaign_key,
       count(*)                                                             as eligible,
       count(*) filter (where by_outcome or by_limit)                       as closed,
       round(count(*) filter (where by_outcome or by_limit)::numeric
             / count(*), 4)                                                 as exhaustion_rate,
       count(*) filter (where by_outcome)                                   as closed_by_outcome,
       count(*) filter (where by_limit and not by_outcome)                  as closed_by_limit
from per_contact c
join dwh.dim_campaign k using (campaign_key)
group by k.campaign_id, c.call_date, c.intent_id, c.campaign_key;

comment on view mart.v_list_exhaustion is 'Исчерпание списка по заданиям';
comment on column mart.v_list_exhaustion.eligible is 'Контактов к обзвону, E';
comment on column mart.v_list_exhaustion.closed is 'Контактов, которым звонить больше не нужно';
comment on column mart.v_list_exhaustion.exhaustion_rate is 'Исчерпание: (окончательный исход или попыток ≥ максимума) / eligible';
comment on column mart.v_list_exhaustion.closed_by_outcome is 'Закрыты окончательным исходом';
comment on column mart.v_list_exhaustion.closed_by_limit is 'Закрыты числом попыток';
