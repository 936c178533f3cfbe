-- Which script brings more goals. Intention to treat: every contact that was to be called with the script counts, reached
-- or not, so a script cannot win by being heard less often. Rates have Wilson's interval; the difference from the control
-- has Newcombe's (hybrid score, his method 10), both 95 % with z = 1.96. The control is the arm whose variant sorts first,
-- without variants the oldest script. Arms that did not run on the same dates compare the dates too: is_concurrent.
create or replace view mart.v_ab_test as
with arm as (
    select p.campaign_id, c.script_key,
           bool_and(p.is_final)            as is_final,
           bool_or(p.is_partial)           as is_partial,
           min(p.call_date)                as first_date,
           max(p.call_date)                as last_date,
           array_agg(distinct p.call_date) as dates,
           sum(c.contacts)::numeric        as n,
           sum(c.goal)::numeric            as g
    from mart.contact_outcome c
    join mart.v_plan p using (plan_id)
    where c.exclusion_code is null
    group by p.campaign_id, c.script_key
),
named as (
    select a.*, s.vendor_code, s.vendor_script_id, s.version, s.ab_variant, g / n as rate,
           (g / n + 1.9208 / n - 1.96 * sqrt((g / n * (1 - g / n) + 0.9604 / n) / n)) / (1 + 3.8416 / n) as low,
           (g / n + 1.9208 / n + 1.96 * sqrt((g / n * (1 - g / n) + 0.9604 / n) / n)) / (1 + 3.8416 / n) as high,
           row_number() over (partition by campaign_id order by s.ab_variant nulls last, a.first_date, a.script_key) = 1
               as is_control
    from arm a
    join dwh.dim_script s using (script_key)
)
select t.campaign_id,
       t.script_key,
       t.vendor_script_id,
       t.version                                                        as script_version,
       t.ab_variant,
       t.is_control,
       t.first_date,
       t.last_date,
       t.dates = c.dates                                                as is_concurrent,
       t.is_final,
       t.is_partial,
       t.n::bigint                                                      as contacts_assigned,
       t.g::bigint                                                      as contacts_goal,
       round(t.rate, 4)                                                 as goal_rate_list,
       round(greatest(t.low, 0), 4)                                     as goal_rate_low95,
       round(least(t.high, 1), 4)                                       as goal_rate_high95,
       case when not t.is_control then round(t.rate - c.rate, 4) end    as lift,
       case when not t.is_control then round(
           t.rate - c.rate - sqrt((t.rate - t.low) ^ 2 + (c.high - c.rate) ^ 2), 4) end as lift_low95,
       case when not t.is_control then round(
           t.rate - c.rate + sqrt((t.high - t.rate) ^ 2 + (c.rate - c.low) ^ 2), 4) end as lift_high95
from named t
join named c on c.campaign_id = t.campaign_id and c.is_control;

comment on view mart.v_ab_test is 'A/B по сценариям: все назначенные контакты (intention to treat), интервалы Уилсона и Ньюкомба';
comment on column mart.v_ab_test.campaign_id is 'Кампания';
comment on column mart.v_ab_test.script_key is 'Сценарий';
comment on column mart.v_ab_test.vendor_script_id is 'Номер сценария у платформы';
comment on column mart.v_ab_test.script_version is 'Версия сценария; unversioned — платформа её не сообщает';
comment on column mart.v_ab_test.ab_variant is 'Вариант теста; пусто — не назначен';
comment on column mart.v_ab_test.is_control is 'Контрольный сценарий: первый по варианту, без вариантов — самый ранний';
comment on column mart.v_ab_test.first_date is 'Первая дата звонков';
comment on column mart.v_ab_test.last_date is 'Последняя дата звонков';
comment on column mart.v_ab_test.is_concurrent is 'Шёл в те же даты, что контрольный; если нет, разница может быть разницей дней';
comment on column mart.v_ab_test.is_final is 'Все задания у платформы закрыты';
comment on column mart.v_ab_test.is_partial is 'Хотя бы одно задание закрыто по сроку, отчёт неполон';
comment on column mart.v_ab_test.contacts_assigned is 'Назначено контактов, E, шт.: все к обзвону, и те, кому не дозвонились';
comment on column mart.v_ab_test.contacts_goal is 'Контакты с достигнутой целью, шт.';
comment on column mart.v_ab_test.goal_rate_list is 'Конверсия из списка, доля: contacts_goal / contacts_assigned';
comment on column mart.v_ab_test.goal_rate_low95 is 'Нижняя граница 95 % интервала Уилсона для goal_rate_list';
comment on column mart.v_ab_test.goal_rate_high95 is 'Верхняя граница 95 % интервала Уилсона для goal_rate_list';
comment on column mart.v_ab_test.lift is 'Разница с контрольным, доля: goal_rate_list − goal_rate_list контрольного; пусто у контрольного';
comment on column mart.v_ab_test.lift_low95 is 'Нижняя граница 95 % интервала Ньюкомба для lift: выше 0 — сценарий лучше';
comment on column mart.v_ab_test.lift_high95 is 'Верхняя граница 95 % интервала Ньюкомба для lift: ниже 0 — сценарий хуже';
