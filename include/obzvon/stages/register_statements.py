"""The set-based changes of the registers, each with the name of what its row count means. Days are Moscow's.

A phone stands for the people whom plans have it of: what bars the phone bars their other phones too.
"""

from __future__ import annotations

__all__ = ["ADD_CONSENT", "ADD_SUPPRESSION", "LIFT", "PEOPLE", "STAGING", "SUPPRESSED", "SUPPRESSIONS", "WITHDRAW"]

STAGING = """
drop table if exists pg_temp.register_staging, pg_temp.register_person;
create temp table register_staging (
    row_no integer not null, phone_key char(64) not null, purpose text not null, reason text not null,
    source text not null, evidence text, since date, until date
) on commit drop;
create temp table register_person (phone_key char(64) not null, person_key char(64) not null) on commit drop
"""


def _people(phones: str) -> str:
    """Phone and person, for every person of whom a plan has one of the `phones`, called or not.

    Who is in an intent has a reservation; the others are found by the index that begins with the intent.
    """
    return f"""
select r.phone_key, r.person_key from ops.attempt_reservation r join {phones} using (phone_key)
where r.person_key is not null
union
select c.phone_key, c.person_key from ops.plan_contact c join {phones} using (phone_key)
where c.intent_id is null and c.person_key is not null
"""


PEOPLE = f"insert into register_person {_people('register_staging')}"
# What suppresses a phone: its own entries, and those of the people whom it belongs to.
SUPPRESSIONS = f"""
with asked as (select %(key)s::char(64) as phone_key), people as ({_people("asked")})
select s.purpose, s.reason, s.source, s.valid_from, s.valid_to, s.evidence_ref,
    case when s.phone_key = %(key)s then 'this' else 'another' end,
    s.valid_to is null or s.valid_to > now()
from ops.suppression s
where s.phone_key = %(key)s or s.person_key in (select person_key from people)
group by 1, 2, 3, 4, 5, 6, 7, 8
order by s.valid_from, min(s.suppression_id)
"""
# Of rows that say the same of one phone the last one counts. A last day is included. One entry for each person.
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
insert into ops.suppression (phone_key, person_key, purpose, reason, source, valid_from, valid_to, evidence_ref)
select e.phone_key, p.person_key, e.purpose, e.reason, e.source, coalesce(e.since, now()), e.until, e.evidence
from entry e left join register_person p using (phone_key)
where p.person_key is not null or not exists (
    select from ops.suppression s
    where (s.phone_key, s.purpose, s.source) = (e.phone_key, e.purpose, e.source)
      and s.evidence_ref is not distinct from e.evidence)
order by e.phone_key, p.person_key
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
with holding as (
    select phone_key, person_key, purpose from ops.suppression where valid_to is null or valid_to > now()
)
select e.phone_key from register_staging e join holding s using (phone_key)
where s.purpose in ('*', e.purpose) or e.purpose = '*'
union
select e.phone_key from register_staging e join register_person p using (phone_key) join holding s using (person_key)
where s.purpose in ('*', e.purpose) or e.purpose = '*'
"""
}
# The last day of a consent is included, so one that is withdrawn today ended yesterday. A person withdraws it, not a
# phone: the consents of the person's other phones end too, else a lifted suppression would let them speak again.
WITHDRAW = {
    "closed": """
update ops.consent c set valid_to = (now() at time zone 'Europe/Moscow')::date - 1
from (
    select phone_key, purpose from register_staging
    union
    select o.phone_key, e.purpose
    from register_staging e join register_person p using (phone_key) join ops.plan_contact o using (person_key)
    where o.phone_key is not null
) e
where c.phone_key = e.phone_key and (e.purpose = '*' or c.purpose = e.purpose)
  and (c.valid_to is null or c.valid_to >= (now() at time zone 'Europe/Moscow')::date)
"""
}
