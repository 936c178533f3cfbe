-- The newest row of each call, with the contact it belongs to: by our external id, else by the phone's key.
-- A contact without one certain zone has its local time counted in Moscow's.
-- A call is stored under the month of its intent's call date, or for ever under the one it came to first. One that was
-- never entered has nothing stored, whatever was dropped or replayed meanwhile.
-- An event makes no call of nobody in our list: that is for the report to say.
-- Whose data was erased after the calls is passed over: the vendor still has them, and a later pull brings them again.
insert into matched
with newest as (
    select distinct on (vendor_call_id) *
    from staged_attempt
    order by vendor_call_id, updated_at desc, seq desc
),
called as (
    select c.row_no, c.external_id, c.phone_key, c.tz_offsets, f.contact_key
    from ops.plan_contact c
    join dwh.fact_campaign_contact f on f.plan_id = c.plan_id and f.row_no = c.row_no
    where c.intent_id = %(intent_id)s
),
by_phone as (
    select distinct on (phone_key) * from called order by phone_key, row_no
)
select n.*,
       coalesce(e.row_no, p.row_no),
       coalesce(e.contact_key, p.contact_key),
       coalesce(e.phone_key, p.phone_key, n.phone_key::char(64)),
       case when cardinality(coalesce(e.tz_offsets, p.tz_offsets)) = 1
            then (coalesce(e.tz_offsets, p.tz_offsets))[1] else 180 end,
       coalesce(k.call_month, %(call_month)s),
       k.vendor_call_id is not null
from newest n
left join called e on e.external_id = n.external_id
left join by_phone p on e.row_no is null and p.phone_key = n.phone_key::char(64)
left join ops.known_call k on k.vendor_code = %(vendor)s and k.vendor_call_id = n.vendor_call_id
where (not %(is_event)s or coalesce(e.row_no, p.row_no) is not null)
  and not exists (
    select from ops.erasure x join ops.campaign_intent i on i.intent_id = %(intent_id)s
    where x.kind = 'request' and x.phone_key = coalesce(e.phone_key, p.phone_key, n.phone_key::char(64))
      and x.done_at >= coalesce(i.submitted_at, i.window_start_utc))
