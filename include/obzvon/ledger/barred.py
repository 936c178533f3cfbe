"""Who may not be called any more, asked immediately before each request: opt-outs, other campaigns, caps.

Each question is about the contacts of one request, `rows` of the list, or about the whole intent where `rows` is None.

The plan has reserved what its contacts may cost, so caps are an upper guard here: dials that nobody planned, late rows
and a reservation that is gone make somebody drop out, never a race of two plans.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from obzvon.ledger.contacts import of_intent
from obzvon.ledger.intents import Intent
from obzvon.ledger.usage import WEEK, used
from obzvon.policy.caps import CapRule

__all__ = ["anybody_opted_out", "barred_under_way", "drop_barred"]


_NOT_SENT, _UNDER_WAY = "c.sent_state is null", "c.sent_state = 'sending'"


def _suppressed(which: str) -> str:
    """An opt-out that came between plan and launch must win (hazard 6), for each phone of the person."""
    return f"""
select c.row_no, 'EXCL_DNC', 'suppressed_after_plan'
from ops.plan_contact c
where {which} and (
    exists (select from ops.suppression s where s.phone_key = c.phone_key and s.purpose in ('*', %(purpose)s)
            and s.valid_from <= %(last_call)s and (s.valid_to is null or s.valid_to > now()))
    or exists (select from ops.suppression s where s.person_key = c.person_key and s.purpose in ('*', %(purpose)s)
               and s.valid_from <= %(last_call)s and (s.valid_to is null or s.valid_to > now())))
"""


# Of two intents that together are too many the later one gives way: one that has left, or was planned first, counts.
# Of two phones of one person in this intent, the one that was handed over or stands first in the list counts.
_AHEAD = """case when r.intent_id <> %(intent)s
            then i.submitted_at is not null or (p.planned_at, r.intent_id)
                 < ((select q.planned_at from ops.campaign_plan q where q.plan_id = %(plan)s), %(intent)s)
            else exists (select from ops.plan_contact s where s.intent_id = r.intent_id
                         and s.phone_key = r.phone_key and (s.sent_state is not null or s.row_no < c.row_no)) end"""


def _over(key: str) -> str:
    """Contacts of the intent who are too many with what others have of the same phone or person."""
    return f"""
select c.row_no,
    case when coalesce(o.taken, false) then 'EXCL_DUPLICATE' else 'EXCL_CAP' end,
    case when coalesce(o.taken, false) then 'other_campaign_after_plan' else 'cap_after_plan' end
from mine c
left join lateral (
    select coalesce(sum(u.dials) filter (where r.purpose = %(purpose)s and r.local_date = %(day)s), 0) as dy,
        {WEEK.format(day="%(day)s::date")} as wk,
        coalesce(sum(u.dials) filter (where r.purpose = %(purpose)s
            and date_trunc('month', r.local_date) = date_trunc('month', %(day)s::date)), 0) as mo,
        bool_or(%(one_campaign)s and i.plan_id <> %(plan)s and r.local_date = %(day)s
                and greatest(r.held, r.attempts) > 0) as taken
    from ops.attempt_reservation r
    join ops.campaign_intent i using (intent_id)
    join ops.campaign_plan p using (plan_id)
    cross join lateral (select {used("r")} as dials) u
    where r.{key}_key = c.{key}_key and r.local_date between %(since)s and %(until)s
      and not (r.intent_id = %(intent)s and r.phone_key = c.phone_key) and (r.attempts > 0 or {_AHEAD})
) o on true
where c.{key}_key is not null and (coalesce(o.taken, false) or (%(by_{key})s and (
    o.dy + c.today > %(cap_day)s or o.wk + c.dials > %(cap_week)s or o.mo + c.dials > %(cap_month)s)))
"""


def _barred(which: str) -> str:
    """The contacts `which`, a condition on `c`, who may not be called any more; one reason each."""
    return f"""
with mine as (
    select c.row_no, c.phone_key, c.person_key, h.dials, h.today
    from ops.plan_contact c
    cross join lateral (
        select coalesce(sum(r.held), 0) as dials,
            coalesce(sum(r.held) filter (where r.local_date = %(day)s), 0) as today
        from ops.attempt_reservation r where r.phone_key = c.phone_key and r.intent_id = c.intent_id
    ) h
    where {which}
), barred as (
    select distinct on (row_no) row_no, code, reason
    from ({_suppressed(which)}
          union all select row_no, 'EXCL_CAP', 'reservation_gone' from mine where today = 0
          union all ({_over("phone")}) union all ({_over("person")})) found (row_no, code, reason)
    order by row_no, code desc
)"""


_DROP = """, dropped as (
    update ops.plan_contact c
    set exclusion_code = b.code, exclusion_reason = b.reason, intent_id = null
    from barred b
    where c.plan_id = %(plan)s and c.row_no = b.row_no
    returning c.phone_key
), released as (
    update ops.attempt_reservation r set held = 0, released_at = now()
    from dropped d where r.intent_id = %(intent)s and r.phone_key = d.phone_key
)
select count(*) from dropped
"""
_NAMED = """
select c.external_id, b.reason from barred b join ops.plan_contact c on c.plan_id = %(plan)s and c.row_no = b.row_no
"""


async def anybody_opted_out(
    conn: psycopg.AsyncConnection, intent: Intent, purpose: str, rows: Sequence[int] | None = None
) -> bool:
    """True when somebody in the request that is about to leave asked not to be called since it was made."""
    values = {
        "intent": intent.intent_id,
        "plan": intent.plan_id,
        "rows": rows,
        "purpose": purpose,
        "last_call": intent.window_end_utc,
    }
    query = f"select exists ({_suppressed(_which(rows, _UNDER_WAY))})"
    found = await (await conn.execute(query.encode(), values)).fetchall()
    await conn.commit()
    return bool(found[0][0])


async def drop_barred(
    conn: psycopg.AsyncConnection, intent: Intent, rule: CapRule, rows: Sequence[int] | None = None
) -> int:
    """Take the contacts who may not be called any more out of the intent, with their reason. Does not commit.

    Contacts who were handed over already stay. Returns how many were taken out.
    """
    ((dropped,),) = await _ask(conn, _barred(_which(rows, _NOT_SENT)) + _DROP, intent, rule, rows)
    return int(dropped)


async def barred_under_way(
    conn: psycopg.AsyncConnection, intent: Intent, rule: CapRule, rows: Sequence[int] | None = None
) -> dict[str, str]:
    """External ids of the contacts under way who may not be sent again, each with the reason. Changes nothing.

    Two phones of one person that are together too many are both barred: the vendor may have either of them.
    """
    return dict(await _ask(conn, _barred(_which(rows, _UNDER_WAY)) + _NAMED, intent, rule, rows))


def _which(rows: Sequence[int] | None, state: str) -> str:
    return f"{of_intent('c', rows)} and {state}"


async def _ask(
    conn: psycopg.AsyncConnection, query: str, intent: Intent, rule: CapRule, rows: Sequence[int] | None
) -> list[tuple[Any, ...]]:
    day = intent.local_date or intent.call_date
    values: dict[str, Any] = rule.values(day) | {
        "intent": intent.intent_id,
        "plan": intent.plan_id,
        "rows": rows,
        "day": day,
        "last_call": intent.window_end_utc,
    }
    return await (await conn.execute(query.encode(), values)).fetchall()
