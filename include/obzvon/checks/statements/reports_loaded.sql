-- An intent that is over and whose newest pull waits, or that was never pulled. Retention leaves loaded_at standing.
with ended as (
    select i.intent_id, i.vendor_code, p.loaded
    from ops.campaign_intent i
    left join lateral (select bool_and(r.loaded_at is not null) as loaded
                       from ops.raw_archive r
                       where r.intent_id = i.intent_id and r.kind <> 'events'
                       group by r.batch_id order by max(r.fetched_at) desc, max(r.archive_id) desc limit 1) p on true
    where i.state in ('final', 'final_partial') and i.final_at >= %(since)s
)
select count(*), count(*) filter (where loaded is not true),
       (array_agg(left(intent_id, 8) order by intent_id) filter (where loaded is not true))[1:3]
from ended
