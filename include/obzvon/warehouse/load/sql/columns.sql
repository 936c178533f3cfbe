-- The columns of a report as its newest pull has them. An older pull, loaded again, says nothing about today.
with said as (
    select * from unnest(%(fields)s::text[], %(captions)s::text[], %(kinds)s::text[], %(asked)s::boolean[],
                         %(returned)s::boolean[]) s (field, caption, kind, asked, returned)
),
newest as (
    select coalesce(bool_and(seen_at <= %(fetched_at)s), true) as here
    from ops.report_column
    where vendor_code = %(vendor)s and project = %(project)s and campaign_id = %(campaign_id)s
),
gone as (
    delete from ops.report_column c using newest n
    where n.here and c.vendor_code = %(vendor)s and c.project = %(project)s and c.campaign_id = %(campaign_id)s
      and not exists (select from said s where s.field = c.field)
)
insert into ops.report_column as c (vendor_code, project, campaign_id, field, caption, kind, asked, returned, since,
                                    seen_at)
select %(vendor)s, %(project)s, %(campaign_id)s, s.field, s.caption, s.kind, s.asked, s.returned, %(fetched_at)s,
       %(fetched_at)s
from said s cross join newest n
where n.here
order by s.field -- two pulls at once must not wait for each other
on conflict (vendor_code, project, campaign_id, field) do update set
    caption = excluded.caption, kind = excluded.kind, asked = excluded.asked, returned = excluded.returned,
    since = case when (c.asked, c.returned) = (excluded.asked, excluded.returned) then c.since else excluded.since end,
    seen_at = excluded.seen_at
where c.seen_at <= excluded.seen_at
  and (c.caption, c.kind, c.asked, c.returned, c.seen_at)
      is distinct from (excluded.caption, excluded.kind, excluded.asked, excluded.returned, excluded.seen_at)
