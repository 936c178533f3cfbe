-- Whoever asks not to be called is suppressed from the start of that call on, with every phone of the person we know.
insert into ops.suppression (phone_key, person_key, purpose, reason, source, valid_from, evidence_ref)
select d.phone_key, c.person_key, %(opt_out)s, 'asked not to be called', 'bot', d.started_at,
       %(vendor)s || ':' || d.vendor_call_id
from decided d
left join ops.plan_contact c on c.intent_id = %(intent_id)s and c.phone_key = d.phone_key
where d.action in ('insert', 'update') and d.suppress_purpose is not null and d.phone_key is not null
on conflict do nothing
