-- Whoever asks not to be called is suppressed from the start of that call on.
insert into ops.suppression (phone_key, purpose, reason, source, valid_from, evidence_ref)
select phone_key, suppress_purpose, 'asked not to be called', 'bot', started_at, %(vendor)s || ':' || vendor_call_id
from decided
where action in ('insert', 'update') and suppress_purpose is not null and phone_key is not null
on conflict do nothing
