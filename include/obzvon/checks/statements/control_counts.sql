with pull as (
    select intent_id, batch_id, kind, sum(rows) as rows, sum(control_count) as counted
    from ops.raw_archive
    where loaded_at is not null and fetched_at >= %(since)s
    group by intent_id, batch_id, kind
    having sum(control_count) is not null
)
select count(*), count(*) filter (where rows < counted),
       (array_agg(left(intent_id, 8) || ' ' || batch_id order by intent_id, batch_id) filter (where rows < counted))[1:3]
from pull
