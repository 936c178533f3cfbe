"""The decision about every row of the list, as set-based SQL in the order of the rules; the first that speaks decides.

validity, consent, suppression, duplicate in the list, other campaigns, caps, window. Domain rules 1.9 and hazards 6, 7,
14, 15, 21. The reason is finer than the code. Parameters are named; every statement runs once a plan.
"""

from __future__ import annotations

from obzvon.ledger.usage import WEEK, used

TABLES = """
drop table if exists pg_temp.plan_zone, pg_temp.plan_clear, pg_temp.plan_used_phone, pg_temp.plan_used_person,
    pg_temp.plan_busy, pg_temp.plan_judged, pg_temp.plan_decision, pg_temp.plan_intent;
create temp table plan_zone (
    zone_id smallint primary key, offsets smallint[] not null, label text not null, closed text,
    local_date date not null, starts_at timestamptz, ends_at timestamptz, local_from time, local_to time
) on commit drop;
create temp table plan_clear (
    row_no integer not null, zone_id smallint, phone_key char(64), person_key char(64), closed text, day date,
    consent_date date, consent_ref text, code text, reason text
) on commit drop;
create temp table plan_used_phone (
    phone_key char(64) not null, day date not null, dy integer not null, wk integer not null, mo integer not null,
    taken boolean not null
) on commit drop;
create temp table plan_used_person (
    person_key char(64) not null, day date not null, dy integer not null, wk integer not null, mo integer not null,
    taken boolean not null
) on commit drop;
create temp table plan_busy (phone_key char(64) not null, person_key char(64)) on commit drop;
create temp table plan_judged (
    row_no integer not null, zone_id smallint, consent_date date, consent_ref text, code text, reason text
) on commit drop;
create temp table plan_decision (
    row_no integer not null, zone_id smallint, consent_date date, consent_ref text, code text, reason text,
    chunk_no integer
) on commit drop;
create temp table plan_intent (
    zone_id smallint not null, chunk_no integer not null, batch_no smallint not null, intent_id char(64) not null,
    contacts integer not null
) on commit drop;
"""

ZONE = """
insert into plan_zone (zone_id, offsets, label, closed, local_date, starts_at, ends_at, local_from, local_to)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""

# Rules 1 to 4. A consent is a date that is not after the call and a place where its proof is, in the list or in the
# register; one that ends has to last until the last date on which this contact may be dialled, redials included.
# A suppression counts when it holds at any moment from now to the last call, of the phone or of the person. Of several
# rows with one phone, the first that passed the rules before is called, whatever zone the others name.
CLEAR = """
insert into plan_clear
with stopped as (
    select phone_key, person_key from ops.suppression
    where purpose in ('*', %(purpose)s) and valid_from <= %(last_call)s and (valid_to is null or valid_to > %(now)s)
), phones as (select distinct phone_key from stopped),
people as (select distinct person_key from stopped where person_key is not null),
register as (
    select distinct on (s.row_no) s.row_no, c.given_on, c.proof_ref
    from plan_staging s
    join ops.consent c using (phone_key)
    left join plan_zone z using (zone_id)
    where %(consent)s and c.purpose in ('*', %(purpose)s) and c.given_on <= %(call_date)s
      and (c.valid_to is null
           or c.valid_to >= coalesce(z.local_date, %(call_date)s) + (%(dials)s > %(dials_a_day)s)::integer)
    order by s.row_no, c.given_on desc, c.consent_id desc
), proven as (
    select s.row_no, s.zone_id, s.phone_key, s.person_key, s.exclusion_reason, s.consent_date as said,
        v.in_list, case when v.in_list then s.consent_date else r.given_on end as consent_date,
        case when v.in_list then s.consent_ref else r.proof_ref end as consent_ref
    from plan_staging s
    left join register r using (row_no)
    cross join lateral (
        select coalesce(s.consent_date <= %(call_date)s and s.consent_ref is not null, false) as in_list) v
), passed as (
    select p.*, z.closed, coalesce(z.local_date, %(call_date)s) as day,
        case
            when p.exclusion_reason is not null or p.phone_key is null then 'EXCL_INVALID'
            when %(consent)s and p.consent_date is null then 'EXCL_NO_CONSENT'
            when x.phone_key is not null or y.person_key is not null then 'EXCL_DNC'
        end as code
    from proven p
    left join plan_zone z using (zone_id)
    left join phones x using (phone_key)
    left join people y on y.person_key = p.person_key
), ranked as (
    select *, row_number() over (partition by phone_key, code is null order by row_no) as place from passed
)
select row_no, zone_id, phone_key, person_key, closed, day, consent_date, consent_ref,
    case when code is null and place > 1 then 'EXCL_DUPLICATE' else code end,
    case code
        when 'EXCL_INVALID' then coalesce(exclusion_reason, 'empty')
        when 'EXCL_NO_CONSENT' then case
            when said is null then 'no_consent'
            when said > %(call_date)s then 'consent_after_call_date'
            else 'consent_without_proof' end
        when 'EXCL_DNC' then 'suppressed'
        else case when place > 1 then 'duplicate_phone' end
    end
from ranked
"""


def _used(key: str) -> str:
    """What counts against the people of the list, by `phone_key` or `person_key`."""
    return f"""
insert into plan_used_{key}
select c.{key}_key, c.day, coalesce(sum(u.dials) filter (where r.purpose = %(purpose)s and r.local_date = c.day), 0),
    {WEEK.format(day="c.day")},
    coalesce(sum(u.dials) filter (where r.purpose = %(purpose)s
        and date_trunc('month', r.local_date) = date_trunc('month', c.day)), 0),
    coalesce(bool_or(r.local_date = c.day and greatest(r.held, r.attempts) > 0), false)
from (select distinct {key}_key, day from plan_clear where code is null and {key}_key is not null) c
join ops.attempt_reservation r using ({key}_key)
cross join lateral (select {used("r")} as dials) u
where r.local_date between %(since)s and %(until)s
group by c.{key}_key, c.day
"""


# The newest dates are unknown to the statistics, and a nested loop over a million people would be chosen.
USED = (
    "set local enable_nestloop = off",
    _used("phone"),
    _used("person"),
    "set local enable_nestloop = on",
    "analyze plan_used_phone, plan_used_person",
)

# Whoever is in an intent of an earlier date that is not over may still be redialled by it.
BUSY = """
insert into plan_busy
select distinct r.phone_key, r.person_key
from ops.campaign_intent i join ops.attempt_reservation r using (intent_id)
where i.state in ('sending', 'created', 'in_doubt', 'running', 'collecting') and r.held > 0
  and r.local_date >= %(call_date)s::date - %(recall_days)s and r.local_date < %(call_date)s
"""


def _over(used_up: str, j: str) -> str:
    """The first cap that `j` contacts of `dials` each would break, else null."""
    return f"""case
            when coalesce({used_up}.dy, 0) + {j} * %(dials_a_day)s > %(cap_day)s then 'cap_day'
            when coalesce({used_up}.wk, 0) + {j} * %(dials)s > %(cap_week)s then 'cap_week'
            when coalesce({used_up}.mo, 0) + {j} * %(dials)s > %(cap_month)s then 'cap_month'
        end"""


# Rules 5 to 7. Several rows of one person share the person's room in the order of the list: only those that nothing
# else keeps from being called use it up.
JUDGE = f"""
insert into plan_judged
with met as (
    select c.*, p.dy as p_dy, p.wk as p_wk, p.mo as p_mo, q.dy, q.wk, q.mo,
        case
            when c.code is not null then c.code
            when b.phone_key is not null or d.person_key is not null then 'EXCL_DUPLICATE'
            when %(one_campaign)s and (coalesce(p.taken, false) or coalesce(q.taken, false)) then 'EXCL_DUPLICATE'
        end as before,
        case
            when c.code is not null then c.reason
            when b.phone_key is not null or d.person_key is not null then 'not_final_yet'
            when %(one_campaign)s and coalesce(p.taken, false) then 'other_campaign_phone'
            when %(one_campaign)s and coalesce(q.taken, false) then 'other_campaign_person'
        end as before_reason,
        case when %(by_phone)s then {_over("p", "1")} end as phone_cap,
        case when %(by_person)s and c.person_key is not null then {_over("q", "1")} end as person_cap
    from plan_clear c
    left join plan_used_phone p on p.phone_key = c.phone_key and p.day = c.day
    left join plan_used_person q on q.person_key = c.person_key and q.day = c.day
    left join (select distinct phone_key from plan_busy) b on b.phone_key = c.phone_key
    left join (select distinct person_key from plan_busy where person_key is not null) d on d.person_key = c.person_key
), ranked as (
    select *, before is null and phone_cap is null and person_cap is null and closed is null as callable,
        sum((before is null and phone_cap is null and person_cap is null and closed is null)::int)
            over (partition by coalesce(person_key, phone_key) order by row_no) as j
    from met
), shared as (
    select r.*, case when callable and %(by_person)s and person_key is not null then {_over("r", "j")} end as room
    from ranked r
)
select row_no, zone_id, consent_date, consent_ref,
    case
        when before is not null then before
        when phone_cap is not null or person_cap is not null or room is not null then 'EXCL_CAP'
        when closed is not null then 'EXCL_WINDOW'
    end,
    case
        when before is not null then before_reason
        when phone_cap is not null then phone_cap || '_phone'
        when person_cap is not null or room is not null then coalesce(person_cap, room) || '_person'
        else closed
    end
from shared
"""

COUNTS = "select code, reason, count(*) from plan_judged group by code, reason"

PEOPLE = "select zone_id, count(*) from plan_judged where code is null group by zone_id"

# Chunk 0 is the canary: the first contacts of its zone.
CUT = """
insert into plan_decision
select row_no, zone_id, consent_date, consent_ref, code, reason,
    case
        when code is not null then null
        when zone_id = %(canary_zone)s and place <= %(canary)s then 0
        else 1 + (place - 1 - case when zone_id = %(canary_zone)s then %(canary)s else 0 end) / %(chunk_size)s
    end
from (select *, row_number() over (partition by zone_id, code is null order by row_no) as place from plan_judged) ranked
"""

CHUNKS = "select zone_id, chunk_no, count(*) from plan_decision where code is null group by zone_id, chunk_no"

# Exactly what will be sent: whom, with which words, when, in which vendor campaign. Who is not called is no part of it.
# Blocks keep the text that one digest covers small, however long the list is.
DIGESTS = """
select sha256(convert_to(string_agg(line, E'\\n' order by row_no), 'UTF8'))
from (
    select row_no, row(
        row_no, s.contact_id, s.phone_key, i.intent_id, z.local_date, z.local_from, z.local_to, s.variables
    )::text as line
    from plan_staging s
    join plan_decision d using (row_no)
    join plan_zone z on z.zone_id = d.zone_id
    join plan_intent i on i.zone_id = d.zone_id and i.chunk_no = d.chunk_no
) lines
group by row_no / 1000
order by row_no / 1000
"""
