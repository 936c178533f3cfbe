"""The set-based changes of the registers, each with the name of what its row count means. Days are Moscow's."""

from __future__ import annotations

__all__ = ["ADD_CONSENT", "ADD_SUPPRESSION", "LIFT", "STAGING", "SUPPRESSED", "WITHDRAW"]

STAGING = """
drop table if exists pg_temp.register_staging;
create temp table register_staging (
    row_no integer not null, phone_key char(64) not null, purpose text not null, reason text not null,
    source text not null, evidence text, since date, until date
) on commit drop
"""
# Of rows that say the same of one phone the last one counts. A last day is included.
_SUPPRESSIONS = """
with entry as (
    select distinct on (phone_key, purpose, source, evidence) phone_key, purpose, source, evidence, reason,
           since::timestamp at time zone 'Europe/Moscow' as since,
           (until + 1)::timestamp at time zone 'Europe/Moscow' as until
    from register_staging order by phone_key, purpose, source, evidence, row_no desc
)
"""
ADD_SUPPRESSION = {
    "changed": f"""{_SUPPRESSIONS}
update ops.suppression s set reason = e.reason, valid_from = coalesce(e.since, s.valid_from), valid_to = e.until
from entry e
where (s.phone_key, s.purpose, s.source) = (e.phone_key, e.purpose, e.source)
  and s.evidence_ref is not distinct from e.evidence
  and (s.reason, s.valid_from, s.valid_to) is distinct from (e.reason, coalesce(e.since, s.valid_from), e.until)
""",
    "added": f"""{_SUPPRESSIONS}
insert into ops.suppression (phone_key, purpose, reason, source, valid_from, valid_to, evidence_ref)
select phone_key, purpose, reason, source, coalesce(since, now()), until, evidence from entry order by phone_key
on conflict do nothing
""",
}
# `source` of the staged rows is the one to lift; empty: all but erasure, which only its own name lifts.
LIFT = {
    "closed": """
update ops.suppression s set valid_to = now(), reason = s.reason || '; lifted: ' || e.reason
from (select distinct on (phone_key, purpose) * from register_staging order by phone_key, purpose, row_no desc) e
where s.phone_key = e.phone_key and (s.valid_to is null or s.valid_to > now())
  and (e.purpose = '*' or s.purpose = e.purpose)
  and case when e.source = '' then s.source <> 'erasure' else s.source = e.source end
"""
}
_CONSENTS = """
with entry as (
    select distinct on (phone_key, purpose, evidence) phone_key, purpose, evidence, source, since, until
    from register_staging order by phone_key, purpose, evidence, row_no desc
)
"""
ADD_CONSENT = {
    "changed": f"""{_CONSENTS}
update ops.consent c set given_on = e.since, valid_to = e.until, source = e.source
from entry e
where (c.phone_key, c.purpose, c.proof_ref) = (e.phone_key, e.purpose, e.evidence)
  and (c.given_on, c.valid_to, c.source) is distinct from (e.since, e.until, e.source)
""",
    "added": f"""{_CONSENTS}
insert into ops.consent (phone_key, purpose, given_on, valid_to, proof_ref, source)
select phone_key, purpose, since, until, evidence, source from entry order by phone_key
on conflict do nothing
""",
}
SUPPRESSED = {
    "suppressed": """
select distinct e.phone_key from register_staging e join ops.suppression s using (phone_key)
where (s.purpose in ('*', e.purpose) or e.purpose = '*') and (s.valid_to is null or s.valid_to > now())
"""
}
# The last day of a consent is included, so one that is withdrawn today ended yesterday.
WITHDRAW = {
    "closed": """
update ops.consent c set valid_to = (now() at time zone 'Europe/Moscow')::date - 1
from (select distinct phone_key, purpose from register_staging) e
where c.phone_key = e.phone_key and (e.purpose = '*' or c.purpose = e.purpose)
  and (c.valid_to is null or c.valid_to >= (now() at time zone 'Europe/Moscow')::date)
"""
}
