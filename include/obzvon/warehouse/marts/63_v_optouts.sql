-- Who asked not to be called, and who complained: one row per campaign and day. A complaint is an entry of the stop list
-- that an operator or a regulator made; it belongs to the last call to the phone in the thirty days before it.
create or replace view mart.v_optouts as
with complaint as (
    select l.campaign_id, l.is_final, l.is_partial,
           coalesce(l.date_key, to_char(s.valid_from at time zone 'Europe/Moscow', 'YYYYMMDD')::int) as date_key
    from ops.suppression s
    left join lateral (
        select p.campaign_id, p.is_final, p.is_partial, a.date_key
        from dwh.dim_contact c
        join dwh.fact_call_attempt a using (contact_key)
        join dwh.dim_disposition d using (disposition_code)
        join ops.campaign_intent i using (intent_id)
        join mart.v_plan p using (plan_id)
        where c.phone_key = s.phone_key and d.disposition_group not in ('NOT_DIALED', 'PENDING')
          and a.started_at <= s.valid_from and a.started_at > s.valid_from - interval '30 days'
        order by a.started_at desc, a.vendor_call_id desc
        limit 1
    ) l on true
    where s.source in ('operator', 'regulator')
),
said as (
    select p.campaign_id, a.date_key, p.is_final, p.is_partial,
           case when d.disposition_group = 'HUMAN' then a.attempts else 0 end         as human,
           case when a.disposition_code = 'RPC_OPTOUT' then a.attempts else 0 end     as optouts,
           0                                                                          as complaints
    from mart.attempt_daily a
    join mart.v_plan p using (plan_id)
    join dwh.dim_disposition d using (disposition_code)
    where d.disposition_group not in ('NOT_DIALED', 'PENDING')
    union all
    select campaign_id, date_key, is_final, is_partial, 0, 0, 1 from complaint
)
select campaign_id,
       date_key,
       coalesce(bool_and(is_final), true)                              as is_final,
       coalesce(bool_or(is_partial), false)                            as is_partial,
       sum(human)::bigint                                              as human,
       sum(optouts)::bigint                                            as optouts,
       round(sum(optouts)::numeric / nullif(sum(human), 0), 4)         as optout_rate,
       sum(complaints)::bigint                                         as complaints,
       round(sum(complaints) * 1000.0 / nullif(sum(human), 0), 2)      as complaints_per_1000
from said
group by campaign_id, date_key;

comment on view mart.v_optouts is 'Отказы от звонков и жалобы по кампаниям и дням (день абонента)';
comment on column mart.v_optouts.campaign_id is 'Кампания; пусто — жалоба, перед которой за 30 дней звонков не было';
comment on column mart.v_optouts.date_key is 'Дата звонка по местному времени абонента, ГГГГММДД; у жалобы — дата звонка перед ней';
comment on column mart.v_optouts.is_final is 'Все задания у платформы закрыты';
comment on column mart.v_optouts.is_partial is 'Хотя бы одно задание закрыто по сроку, отчёт неполон';
comment on column mart.v_optouts.human is 'Разговоров с человеком, шт.';
comment on column mart.v_optouts.optouts is 'Просили не звонить в разговоре (RPC_OPTOUT), шт.';
comment on column mart.v_optouts.optout_rate is 'Доля отказов: optouts / human';
comment on column mart.v_optouts.complaints is 'Жалоб, шт.: записи стоп-листа от оператора связи, сотрудника или регулятора после звонка';
comment on column mart.v_optouts.complaints_per_1000 is 'Жалоб на 1000 разговоров: complaints × 1000 / human';
