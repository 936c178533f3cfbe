"""What counts against the caps: dials that happened, and the worst case of intents that are not over.

`ops.attempt_reservation` has one row for each phone, intent and local date. `held` is the worst case from the plan on;
when the intent is over it gives way to `attempts`, what the reports say. It stays where nobody can prove that no more
calls came: a report that ended partial, a campaign that was cancelled after its request had left.
"""

from __future__ import annotations

import psycopg

from obzvon.ledger.states import IntentState

__all__ = ["WEEK", "give_up", "release", "sweep", "used"]


def used(row: str) -> str:
    """SQL: dials of one reservation that count. `%(answered)s`: only those that a person answered."""
    return f"greatest({row}.held, case when %(answered)s then {row}.answered else {row}.attempts end)"


def _days(first: str, last: str) -> str:
    return (
        f"coalesce(sum(u.dials) filter (where r.purpose = %(purpose)s and r.local_date between {first} and {last}), 0)"
    )


#: SQL: dials of the fullest week that holds `{day}`: the calendar week, or any seven days in a row.
WEEK = f"""case when %(rolling)s
        then greatest({", ".join(_days(f"{{day}} - {6 - k}", f"{{day}} + {k}") for k in range(7))})
        else coalesce(sum(u.dials) filter (where r.purpose = %(purpose)s
            and date_trunc('week', r.local_date) = date_trunc('week', {{day}})), 0) end"""

_AT_NO_VENDOR = "i.state in ('planned', 'refused') and i.vendor_task_id is null"

# Planned, never sent, and their window is over: nothing can come of them any more.
_SWEEP = f"""
with over as (
    select i.intent_id from ops.campaign_intent i
    where {_AT_NO_VENDOR} and i.window_end_utc <= %(now)s
      and exists (select from ops.attempt_reservation r where r.intent_id = i.intent_id and r.held > 0)
      and not exists (select from ops.doubt d where d.intent_id = i.intent_id)
    for update of i skip locked
)
update ops.attempt_reservation r set held = 0, released_at = %(now)s
from over where r.intent_id = over.intent_id and r.held > 0
"""

# Nobody may launch the plan any more.
_GIVE_UP = f"""
update ops.attempt_reservation r set held = 0, released_at = now()
from ops.campaign_intent i
where i.intent_id = r.intent_id and i.plan_id = %s and {_AT_NO_VENDOR} and r.held > 0
"""

# A contact is over when its last word is a terminal outcome or it had every dial it could get.
_RELEASE = """
update ops.attempt_reservation r set held = 0, released_at = now()
where r.intent_id = %(intent)s and r.held > 0
  and (%(all)s or r.attempts >= r.max_attempts or exists (
    select from ops.plan_contact c
    join dwh.fact_campaign_contact f using (plan_id, row_no)
    where c.intent_id = r.intent_id and c.phone_key = r.phone_key and f.closed_at is not null))
"""

_NEVER_LEFT = """
select i.submitted_at is null and i.vendor_task_id is null
       and not exists (select from ops.doubt d where d.intent_id = i.intent_id)
from ops.campaign_intent i where i.intent_id = %s
"""
_IN_QUARANTINE = """
select exists (select from ops.quarantine q join ops.raw_archive a using (archive_id)
               where a.intent_id = %s and a.kind <> 'events' and q.requeued_at is null)
"""


def sweep(conn: psycopg.Connection, now: object) -> int:
    """Release what intents hold that never left and whose window is over; how many reservations. Does not commit.

    An intent that a launch holds at this moment is passed over: nobody waits here.
    """
    return conn.execute(_SWEEP.encode(), {"now": now}).rowcount


def give_up(conn: psycopg.Connection, plan_id: str) -> int:
    """Release what a plan that a person said no to holds for intents that never left; how many. Does not commit."""
    return conn.execute(_GIVE_UP.encode(), [plan_id]).rowcount


async def release(conn: psycopg.AsyncConnection, intent_id: str, state: IntentState) -> None:
    """Let the worst case of an intent that is over give way to what happened. Does not commit."""
    if state is IntentState.FINAL:
        everything = not await _says(conn, _IN_QUARANTINE, intent_id)
    elif state is IntentState.CANCELLED:
        everything = await _says(conn, _NEVER_LEFT, intent_id)
    else:
        everything = False
    await conn.execute(_RELEASE, {"intent": intent_id, "all": everything})


async def _says(conn: psycopg.AsyncConnection, query: str, intent_id: str) -> bool:
    row = await (await conn.execute(query, (intent_id,))).fetchone()
    return row is not None and bool(row[0])
