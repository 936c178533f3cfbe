-- Statuses of the intent's attempts that somebody has to look at, as they are after this load.
with alarming as (
    select f.vendor_status_raw,
           case when f.disposition_code = 'UNKNOWN' then 'unknown' else 'setup' end as cause,
           max(m.alert)                                                             as alert,
           count(*)                                                                 as calls
    from dwh.fact_call_attempt f
    left join dwh.map_disposition m
        on m.vendor_code = f.vendor_code and m.status = upper(f.vendor_status_raw) and m.alert is not null
    where f.intent_id = %(intent_id)s and (f.disposition_code = 'UNKNOWN' or m.status is not null)
    group by f.vendor_status_raw, 2
),
gone as (
    delete from ops.status_alert a
    where a.intent_id = %(intent_id)s
      and not exists (select from alarming n where n.vendor_status_raw = a.vendor_status_raw)
),
written as (
    insert into ops.status_alert as a (intent_id, vendor_status_raw, cause, calls, first_seen_at)
    select %(intent_id)s, vendor_status_raw, cause, calls, %(fetched_at)s from alarming
    on conflict (intent_id, vendor_status_raw) do update set cause = excluded.cause, calls = excluded.calls
    where (a.cause, a.calls) is distinct from (excluded.cause, excluded.calls)
)
select vendor_status_raw, calls, alert from alarming order by calls desc, vendor_status_raw
