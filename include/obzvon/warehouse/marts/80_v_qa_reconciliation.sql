-- Conversations that belong in Qolio against what became of each.
create or replace view mart.v_qa_reconciliation as
select a.date_key,
       a.vendor_code,
       a.campaign_id,
       count(*)                                                     as should_send,
       count(*) filter (where q.state in ('SENT', 'VERIFIED'))      as delivered,
       count(*) filter (where q.state = 'VERIFIED')                 as verified,
       count(*) filter (where q.state = 'MISSING')                  as silently_dropped,
       count(*) filter (where q.state = 'REJECTED')                 as rejected,
       count(*) filter (where q.state = 'SKIPPED')                  as skipped,
       count(*) filter (where q.state in ('SENDING', 'IN_DOUBT'))   as in_doubt,
       count(*) filter (where q.state is null)                      as not_sent
from mart.v_attempt a
left join ops.qa_delivery q on q.vendor_code = a.vendor_code and q.vendor_call_id = a.vendor_call_id
where a.is_human and a.has_record
group by a.date_key, a.vendor_code, a.campaign_id;

comment on view mart.v_qa_reconciliation is 'Сверка с Qolio: разговоры с записью и что с ними стало';
comment on column mart.v_qa_reconciliation.should_send is 'Разговоров с человеком с записью = delivered + silently_dropped + rejected + skipped + in_doubt + not_sent';
comment on column mart.v_qa_reconciliation.delivered is 'Приняты Qolio';
comment on column mart.v_qa_reconciliation.verified is 'Найдены в Qolio при обратном чтении';
comment on column mart.v_qa_reconciliation.silently_dropped is 'Приняты, но в Qolio не появились';
comment on column mart.v_qa_reconciliation.rejected is 'Отклонены Qolio';
comment on column mart.v_qa_reconciliation.skipped is 'Пропущены по правилу выборки';
comment on column mart.v_qa_reconciliation.in_doubt is 'Ответ Qolio не получен';
comment on column mart.v_qa_reconciliation.not_sent is 'Ещё не отправлены';
