-- Attempt-level rates by day; a calls day is the subscriber's.
create or replace view mart.v_attempt_kpi_daily as
select date_key,
       vendor_code,
       campaign_id,
       campaign_key,
       script_key,
       count(*) filter (where is_dialed)                                                      as attempts,
       count(*) filter (where is_connected)                                                   as connected,
       count(*) filter (where is_human)                                                       as human,
       round(count(*) filter (where is_connected)::numeric
             / nullif(count(*) filter (where is_dialed), 0), 4)                               as connect_rate,
       round(count(*) filter (where is_human)::numeric
             / nullif(count(*) filter (where is_dialed), 0), 4)                               as human_answer_rate,
       round(count(*) filter (where disposition_group = 'MACHINE')::numeric
             / nullif(count(*) filter (where is_connected), 0), 4)                            as machine_rate,
       round(avg(talk_sec) filter (where is_human), 1)                                        as aht_sec,
       round(count(*) filter (where disposition_code = 'HUMAN_SHORT')::numeric
             / nullif(count(*) filter (where is_human), 0), 4)                                as short_call_rate,
       round(count(*) filter (where disposition_code = 'RPC_OPTOUT')::numeric
             / nullif(count(*) filter (where is_human), 0), 4)                                as optout_rate,
       round(count(*) filter (where disposition_code = 'WRONG_PARTY')::numeric
             / nullif(count(*) filter (where is_human), 0), 4)                                as wrong_party_rate,
       round(count(*) filter (where is_human and (transferred or disposition_code = 'TRANSFERRED'))::numeric
             / nullif(count(*) filter (where is_human), 0), 4)                                as transfer_rate,
       count(*) filter (where disposition_code = 'UNKNOWN')                                   as unmapped,
       count(*) filter (where is_late)                                                        as late
from mart.v_attempt
group by date_key, vendor_code, campaign_id, campaign_key, script_key;

comment on view mart.v_attempt_kpi_daily is 'Показатели попыток по дням (день абонента), кампаниям и сценариям';
comment on column mart.v_attempt_kpi_daily.attempts is 'Наборов';
comment on column mart.v_attempt_kpi_daily.connected is 'Соединений: человек или автоответчик';
comment on column mart.v_attempt_kpi_daily.human is 'Разговоров с человеком';
comment on column mart.v_attempt_kpi_daily.connect_rate is 'Connect rate: connected / attempts';
comment on column mart.v_attempt_kpi_daily.human_answer_rate is 'Доля ответов человеком: human / attempts';
comment on column mart.v_attempt_kpi_daily.machine_rate is 'Доля автоответчиков: автоответчики / connected';
comment on column mart.v_attempt_kpi_daily.aht_sec is 'AHT бота: сумма секунд разговоров с человеком / human';
comment on column mart.v_attempt_kpi_daily.short_call_rate is 'Доля коротких: HUMAN_SHORT / human';
comment on column mart.v_attempt_kpi_daily.optout_rate is 'Доля отказов от звонков: RPC_OPTOUT / human';
comment on column mart.v_attempt_kpi_daily.wrong_party_rate is 'Доля «не тот абонент»: WRONG_PARTY / human';
comment on column mart.v_attempt_kpi_daily.transfer_rate is 'Доля переводов на оператора: переведённые / human';
comment on column mart.v_attempt_kpi_daily.unmapped is 'Попыток с нераспознанным статусом (UNKNOWN)';
comment on column mart.v_attempt_kpi_daily.late is 'Строк, пришедших после закрытия обзвона';
