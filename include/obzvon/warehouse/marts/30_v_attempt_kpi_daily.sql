-- Attempt-level rates by day; a calls day is the subscriber's. Calls of nobody in the list are among them.
create or replace view mart.v_attempt_kpi_daily as
with totals as (
    select a.date_key, p.vendor_code, p.campaign_id, a.campaign_key, a.script_key,
           bool_and(p.is_final)                                                              as is_final,
           bool_or(p.is_partial)                                                             as is_partial,
           (sum(a.attempts) filter (where d.disposition_group not in ('NOT_DIALED', 'PENDING')))::bigint as attempts,
           (sum(a.attempts) filter (where d.disposition_group in ('HUMAN', 'MACHINE')))::bigint          as connected,
           (sum(a.attempts) filter (where d.disposition_group = 'MACHINE'))::bigint                      as machine,
           (sum(a.attempts) filter (where d.disposition_group = 'HUMAN'))::bigint                        as human,
           (sum(a.attempts) filter (where a.disposition_code = 'HUMAN_SHORT'))::bigint                   as short_calls,
           (sum(a.attempts) filter (where a.disposition_code = 'RPC_OPTOUT'))::bigint                    as optouts,
           (sum(a.attempts) filter (where a.disposition_code = 'WRONG_PARTY'))::bigint                   as wrong_party,
           (sum(a.transferred) filter (where d.disposition_group = 'HUMAN'))::bigint                     as transferred,
           sum(a.talk_sec) filter (where d.disposition_group = 'HUMAN')                                  as talk_sec,
           sum(a.talk_sec_transferred) filter (where d.disposition_group = 'HUMAN')          as talk_sec_transferred,
           (sum(a.attempts) filter (where a.disposition_code = 'UNKNOWN'))::bigint                       as unmapped,
           sum(a.late)::bigint                                                                           as late,
           sum(a.orphans)::bigint                                                                        as orphans
    from mart.attempt_daily a
    join mart.v_plan p using (plan_id)
    join dwh.dim_disposition d using (disposition_code)
    group by a.date_key, p.vendor_code, p.campaign_id, a.campaign_key, a.script_key
)
select date_key,
       vendor_code,
       campaign_id,
       campaign_key,
       script_key,
       is_final,
       is_partial,
       coalesce(attempts, 0)                                                         as attempts,
       coalesce(connected, 0)                                                        as connected,
       coalesce(human, 0)                                                            as human,
       round(coalesce(connected, 0)::numeric / nullif(attempts, 0), 4)               as connect_rate,
       round(coalesce(human, 0)::numeric / nullif(attempts, 0), 4)                   as human_answer_rate,
       round(coalesce(machine, 0)::numeric / nullif(connected, 0), 4)                as machine_rate,
       round(talk_sec / nullif(human, 0), 1)                                         as aht_sec,
       round(talk_sec_transferred / nullif(transferred, 0), 1)                       as aht_transferred_sec,
       round(coalesce(short_calls, 0)::numeric / nullif(human, 0), 4)                as short_call_rate,
       round(coalesce(optouts, 0)::numeric / nullif(human, 0), 4)                    as optout_rate,
       round(coalesce(wrong_party, 0)::numeric / nullif(human, 0), 4)                as wrong_party_rate,
       round(coalesce(transferred, 0)::numeric / nullif(human, 0), 4)                as transfer_rate,
       coalesce(unmapped, 0)                                                         as unmapped,
       late,
       orphans
from totals;

comment on view mart.v_attempt_kpi_daily is 'Показатели попыток по дням (день абонента), кампаниям и сценариям';
comment on column mart.v_attempt_kpi_daily.date_key is 'Дата звонка по местному времени абонента, ГГГГММДД';
comment on column mart.v_attempt_kpi_daily.vendor_code is 'Платформа';
comment on column mart.v_attempt_kpi_daily.campaign_id is 'Кампания';
comment on column mart.v_attempt_kpi_daily.campaign_key is 'Версия кампании';
comment on column mart.v_attempt_kpi_daily.script_key is 'Сценарий; пусто у звонков не из списка';
comment on column mart.v_attempt_kpi_daily.is_final is 'Все задания у платформы закрыты';
comment on column mart.v_attempt_kpi_daily.is_partial is 'Хотя бы одно задание закрыто по сроку, отчёт неполон';
comment on column mart.v_attempt_kpi_daily.attempts is 'Наборов, шт.';
comment on column mart.v_attempt_kpi_daily.connected is 'Соединений, шт.: человек или автоответчик';
comment on column mart.v_attempt_kpi_daily.human is 'Разговоров с человеком, шт.';
comment on column mart.v_attempt_kpi_daily.connect_rate is 'Connect rate, доля: connected / attempts';
comment on column mart.v_attempt_kpi_daily.human_answer_rate is 'Доля ответов человеком: human / attempts';
comment on column mart.v_attempt_kpi_daily.machine_rate is 'Доля автоответчиков: автоответчики / connected';
comment on column mart.v_attempt_kpi_daily.aht_sec is 'AHT бота, сек.: сумма секунд разговоров с человеком / human';
comment on column mart.v_attempt_kpi_daily.aht_transferred_sec is 'AHT переведённых, сек.: сумма секунд разговоров с переводом на оператора / их число';
comment on column mart.v_attempt_kpi_daily.short_call_rate is 'Доля коротких: HUMAN_SHORT / human';
comment on column mart.v_attempt_kpi_daily.optout_rate is 'Доля отказов от звонков: RPC_OPTOUT / human';
comment on column mart.v_attempt_kpi_daily.wrong_party_rate is 'Доля «не тот абонент»: WRONG_PARTY / human';
comment on column mart.v_attempt_kpi_daily.transfer_rate is 'Доля переводов на оператора: переведённые / human';
comment on column mart.v_attempt_kpi_daily.unmapped is 'Попыток с нераспознанным статусом (UNKNOWN), шт.';
comment on column mart.v_attempt_kpi_daily.late is 'Строк, пришедших после закрытия обзвона, шт.';
comment on column mart.v_attempt_kpi_daily.orphans is 'Звонков не из нашего списка, шт.';
