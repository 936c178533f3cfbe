-- Conversations that belong in Qolio against what became of each.
create or replace view mart.v_qa_reconciliation as
select a.date_key,
       p.vendor_code,
       p.campaign_id,
       bool_and(p.is_final)           as is_final,
       bool_or(p.is_partial)          as is_partial,
       sum(a.recorded)::bigint        as should_send,
       sum(a.qa_sent)::bigint         as delivered,
       sum(a.qa_verified)::bigint     as verified,
       sum(a.qa_missing)::bigint      as silently_dropped,
       sum(a.qa_rejected)::bigint     as rejected,
       sum(a.qa_skipped)::bigint      as skipped,
       sum(a.qa_in_doubt)::bigint     as in_doubt,
       sum(a.recorded - a.qa_sent - a.qa_missing - a.qa_rejected - a.qa_skipped - a.qa_in_doubt)::bigint as not_sent
from mart.attempt_daily a
join mart.v_plan p using (plan_id)
join dwh.dim_disposition d using (disposition_code)
where d.disposition_group = 'HUMAN'
group by a.date_key, p.vendor_code, p.campaign_id
having sum(a.recorded) > 0;

comment on view mart.v_qa_reconciliation is 'Сверка с Qolio: разговоры с записью и что с ними стало';
comment on column mart.v_qa_reconciliation.date_key is 'Дата звонка по местному времени абонента, ГГГГММДД';
comment on column mart.v_qa_reconciliation.vendor_code is 'Платформа';
comment on column mart.v_qa_reconciliation.campaign_id is 'Кампания';
comment on column mart.v_qa_reconciliation.is_final is 'Все задания у платформы закрыты';
comment on column mart.v_qa_reconciliation.is_partial is 'Хотя бы одно задание закрыто по сроку, отчёт неполон';
comment on column mart.v_qa_reconciliation.should_send is 'Разговоров с человеком с записью, шт. = delivered + silently_dropped + rejected + skipped + in_doubt + not_sent';
comment on column mart.v_qa_reconciliation.delivered is 'Приняты Qolio, шт.';
comment on column mart.v_qa_reconciliation.verified is 'Найдены в Qolio при обратном чтении, шт. (входят в delivered)';
comment on column mart.v_qa_reconciliation.silently_dropped is 'Приняты, но в Qolio не появились, шт.';
comment on column mart.v_qa_reconciliation.rejected is 'Отклонены Qolio, шт.';
comment on column mart.v_qa_reconciliation.skipped is 'Не отправлены намеренно: вне выборки или ждут копии записи, шт.';
comment on column mart.v_qa_reconciliation.in_doubt is 'Ответ Qolio не получен, шт.';
comment on column mart.v_qa_reconciliation.not_sent is 'Ещё не отправлены, шт.';
