-- A report may name a call twice (rows shift between pages), so facts may be fewer by what the vendor's own count is
-- below the rows; they are more where an older report had calls that the newest one lacks. What only events told is no
-- part of a report.
with page as (
    select r.intent_id, r.batch_id, r.fetched_at, r.archive_id, r.rows, r.control_count, r.kind,
           first_value(r.kind) over (partition by r.intent_id, r.batch_id order by r.archive_id) as report_kind,
           bool_and(r.loaded_at is not null) over (partition by r.intent_id, r.batch_id)         as loaded,
           (select count(*) from ops.quarantine q where q.archive_id = r.archive_id and q.requeued_at is null) as broken
    from ops.raw_archive r
    where r.fetched_at >= %(since)s and r.kind <> 'events'
),
pull as (
    select intent_id, batch_id, max(fetched_at) as fetched_at, max(archive_id) as archive_id, sum(rows) as rows,
           sum(control_count) as counted, sum(broken) as broken
    from page where kind = report_kind and loaded
    group by intent_id, batch_id
),
newest as (
    select distinct on (intent_id) * from pull order by intent_id, fetched_at desc, archive_id desc
),
compared as (
    select n.intent_id,
           n.rows - n.broken - greatest(n.rows - n.counted, 0) > (
               select count(*) from dwh.fact_call_attempt f
               where f.intent_id = n.intent_id
                 and not exists (select from ops.raw_archive e where e.intent_id = f.intent_id
                                 and e.batch_id = f.batch_id and e.kind = 'events')) as short
    from newest n
    where not exists (select from ops.raw_archive r where r.intent_id = n.intent_id and r.erased_rows > 0)
)
select count(*), count(*) filter (where short), (array_agg(left(intent_id, 8) order by intent_id) filter (where short))[1:3]
from compared
