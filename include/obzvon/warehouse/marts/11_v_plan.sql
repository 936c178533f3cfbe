-- What was called when, and whether its figures may still change; every other view has its is_final from here.
create or replace view mart.v_plan as
select p.plan_id,
       p.campaign_id,
       coalesce(p.spec ->> 'title', p.campaign_id)          as campaign_name,
       p.call_date,
       to_char(p.call_date, 'YYYYMMDD')::int                as date_key,
       p.vendor_code,
       p.purpose,
       coalesce(i.is_final, true)                           as is_final,
       coalesce(i.is_partial, false)                        as is_partial,
       coalesce(i.intents, 0)                               as intents,
       coalesce(i.intents_closed, 0)                        as intents_closed,
       coalesce(i.contacts_rejected, 0)                     as contacts_rejected,
       p.planned_at
from ops.campaign_plan p
left join (
    select plan_id,
           bool_and(state in ('final', 'final_partial', 'cancelled'))        as is_final,
           bool_or(state = 'final_partial')                                  as is_partial,
           count(*)                                                          as intents,
           count(*) filter (where state in ('final', 'final_partial', 'cancelled')) as intents_closed,
           sum(contacts_rejected)                                            as contacts_rejected
    from ops.campaign_intent
    group by plan_id
) i using (plan_id);

comment on view mart.v_plan is 'Планы: одна строка на кампанию и дату звонков, и окончательны ли её цифры';
comment on column mart.v_plan.plan_id is 'План: одна кампания на одну дату звонков';
comment on column mart.v_plan.campaign_id is 'Кампания';
comment on column mart.v_plan.campaign_name is 'Название кампании';
comment on column mart.v_plan.call_date is 'Дата звонков по местному времени абонентов';
comment on column mart.v_plan.date_key is 'Дата звонков, ГГГГММДД';
comment on column mart.v_plan.vendor_code is 'Платформа';
comment on column mart.v_plan.purpose is 'Цель звонков: advertising — реклама, service — сервис, debt — долг, survey — опрос';
comment on column mart.v_plan.is_final is 'Все задания у платформы закрыты (и те, что не начинались); цифры меняют только поздние строки';
comment on column mart.v_plan.is_partial is 'Хотя бы одно задание закрыто по сроку, отчёт неполон';
comment on column mart.v_plan.intents is 'Заданий у платформы, шт.';
comment on column mart.v_plan.intents_closed is 'Из них закрыто, шт.';
comment on column mart.v_plan.contacts_rejected is 'Контактов, не принятых платформой, шт.';
comment on column mart.v_plan.planned_at is 'Когда план составлен, UTC';
