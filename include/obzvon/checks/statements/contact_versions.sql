with version as (
    select contact_key, valid_from,
           lag(coalesce(valid_to, 'infinity')) over (partition by contact_id, phone_key order by valid_from) as before
    from dwh.dim_contact
)
select count(*), count(*) filter (where before > valid_from),
       (array_agg(contact_key::text order by contact_key) filter (where before > valid_from))[1:3]
from version
