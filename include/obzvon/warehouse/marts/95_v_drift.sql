-- What reports say that nobody expects: statuses without a meaning, columns that came or went. Empty = nothing to do.
create or replace view mart.v_drift as
select case a.cause when 'unknown' then 'new_status' else 'setup_status' end      as what,
       case a.cause when 'unknown' then 'Новый статус: звонки UNKNOWN, дополните файл кампании и выполните reclassify'
                    else 'Статус требует действий: проверьте номера исходящих вызовов у поставщика' end as what_ru,
       'alert'                                                                    as severity,
       i.vendor_code,
       i.campaign_id,
       a.vendor_status_raw                                                        as name,
       sum(a.calls)::bigint                                                       as calls,
       count(distinct i.call_date)                                                as call_dates,
       min(a.first_seen_at)                                                       as since
from ops.status_alert a
join ops.campaign_intent i using (intent_id)
group by a.cause, i.vendor_code, i.campaign_id, a.vendor_status_raw
union all
select case when returned then 'new_column' else 'lost_column' end,
       case when returned then 'Новая колонка отчёта: никто её не запрашивал, хранится только в архиве'
            else 'Колонка пропала из отчёта, а файл кампании её читает' end,
       'warning',
       vendor_code,
       campaign_id,
       field,
       null,
       null,
       since
from ops.report_column
where asked <> returned;

comment on view mart.v_drift is 'Расхождения отчётов с картой: новые статусы и колонки; строка исчезает, когда карта исправлена';
comment on column mart.v_drift.what is 'Вид: new_status, setup_status, new_column, lost_column';
comment on column mart.v_drift.what_ru is 'Вид словами и что делать';
comment on column mart.v_drift.severity is 'Важность: alert — исходы звонков неверны, warning — данные пока целы';
comment on column mart.v_drift.vendor_code is 'Поставщик';
comment on column mart.v_drift.campaign_id is 'Кампания';
comment on column mart.v_drift.name is 'Текст статуса или ключ колонки, как в отчёте';
comment on column mart.v_drift.calls is 'Попыток с этим статусом сейчас, шт.; у колонок пусто';
comment on column mart.v_drift.call_dates is 'Дат звонков с этим статусом, шт.; у колонок пусто';
comment on column mart.v_drift.since is 'С какого получения отчёта, UTC';
