-- How much of what bots say is listened to, and how well they do it: one row per campaign, script and day.
create or replace view mart.v_qa_coverage as
select p.campaign_id,
       a.script_key,
       s.vendor_script_id,
       s.version                                                                          as script_version,
       s.ab_variant,
       a.date_key,
       bool_and(p.is_final)                                                               as is_final,
       bool_or(p.is_partial)                                                              as is_partial,
       sum(a.recorded)::bigint                                                            as conversations,
       sum(a.qa_sent + a.qa_missing)::bigint                                              as sent,
       sum(a.qa_missing)::bigint                                                          as silently_dropped,
       sum(a.qa_reviewed)::bigint                                                         as reviewed,
       sum(a.qa_scores)::bigint                                                           as scores,
       round(sum(a.qa_reviewed)::numeric / nullif(sum(a.recorded), 0), 4)                 as qa_coverage_rate,
       round(sum(a.qa_missing)::numeric / nullif(sum(a.qa_sent + a.qa_missing), 0), 4)    as silent_drop_rate,
       sum(a.qa_score_sum)                                                                as score_sum,
       round(sum(a.qa_score_sum) / nullif(sum(a.qa_scores), 0), 4)                        as score_rate
from mart.attempt_daily a
join mart.v_plan p using (plan_id)
join dwh.dim_disposition d using (disposition_code)
left join dwh.dim_script s using (script_key)
where d.disposition_group = 'HUMAN'
group by p.campaign_id, a.script_key, s.vendor_script_id, s.version, s.ab_variant, a.date_key
having sum(a.recorded) > 0;

comment on view mart.v_qa_coverage is 'Контроль качества по сценариям и дням (день абонента): охват оценками и баллы';
comment on column mart.v_qa_coverage.campaign_id is 'Кампания';
comment on column mart.v_qa_coverage.script_key is 'Сценарий; пусто у звонков не из списка';
comment on column mart.v_qa_coverage.vendor_script_id is 'Номер сценария у платформы';
comment on column mart.v_qa_coverage.script_version is 'Версия сценария; unversioned — платформа её не сообщает';
comment on column mart.v_qa_coverage.ab_variant is 'Вариант теста; пусто — не назначен';
comment on column mart.v_qa_coverage.date_key is 'Дата звонка по местному времени абонента, ГГГГММДД';
comment on column mart.v_qa_coverage.is_final is 'Все задания у платформы закрыты';
comment on column mart.v_qa_coverage.is_partial is 'Хотя бы одно задание закрыто по сроку, отчёт неполон';
comment on column mart.v_qa_coverage.conversations is 'Разговоров с человеком с записью, шт.';
comment on column mart.v_qa_coverage.sent is 'Переданы в Qolio, шт.: приняты ею, и те, что потом не нашлись';
comment on column mart.v_qa_coverage.silently_dropped is 'Приняты, но в Qolio не появились, шт.';
comment on column mart.v_qa_coverage.reviewed is 'Разговоров с оценкой, шт.';
comment on column mart.v_qa_coverage.scores is 'Оценок с баллом, шт.';
comment on column mart.v_qa_coverage.qa_coverage_rate is 'Охват оценками, доля: reviewed / conversations';
comment on column mart.v_qa_coverage.silent_drop_rate is 'Молча потеряно, доля: silently_dropped / sent';
comment on column mart.v_qa_coverage.score_sum is 'Сумма долей балла: каждая оценка — балл / максимум формы, до 6 знаков';
comment on column mart.v_qa_coverage.score_rate is 'Средний балл, доля максимума: score_sum / scores';
