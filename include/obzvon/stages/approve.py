"""Approve: a person says yes or no to a stored plan, and a launch sends only what was said yes to.

`ask` copies what is shown and whom it means; `decide` stores the answer for the very plan that was shown;
`check_approved` compares what is about to leave with the copy. The copy outlives a plan that is made anew, so nothing
can be changed behind a yes. People who were taken out since are no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import LedgerError, NobodyApproved, NotApproved, PlanChanged
from obzvon.ledger.contacts import of_intent
from obzvon.ledger.intents import Intent
from obzvon.ledger.usage import give_up
from obzvon.stages.planning.document import PlanDocument, read_document
from obzvon.stages.planning.need import needs_approval
from obzvon.vendors.base import Contact

__all__ = [
    "ANEW",
    "Approval",
    "Decision",
    "answer_until",
    "approval_of",
    "ask",
    "check_approved",
    "decide",
    "needs_approval",
    "why_not_asked",
]

#: Differences that a message names one by one.
NAMED = 5
#: What is to be done about a plan that may not be called.
ANEW = "start a new run for this call date: it plans anew and asks again"


class Decision(StrEnum):
    """What became of a question."""

    APPROVED = "approved"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True)
class Approval:
    """Where a plan stands. `decision` is None while nobody has answered.

    `stands`: launches may go by the yes. `given_up`: after a no its reservations are gone, it can only be planned anew.
    """

    needed: bool
    plan_hash: str
    decision: Decision | None
    by: str | None
    at: datetime | None
    stands: bool
    given_up: bool


_APPROVAL = """
select p.approval = 'needed', p.plan_hash, a.decision, a.decided_by, a.decided_at,
    coalesce(a.decision = 'approved' and a.plan_hash = p.plan_hash, false),
    coalesce(a.decision <> 'approved' and a.plan_hash = p.plan_hash, false) and not exists (
        select from ops.attempt_reservation r join ops.campaign_intent i using (intent_id)
        where i.plan_id = p.plan_id and i.state = 'planned' and r.held > 0)
from ops.campaign_plan p left join ops.plan_approval a using (plan_id)
where p.plan_id = %s
"""

# Windows as they will be sent: a plan made anew later in the day may start later.
_SHOWN = """
jsonb_build_object('window_start_utc', i.window_start_utc at time zone 'UTC',
    'window_end_utc', i.window_end_utc at time zone 'UTC', 'local_from', i.local_from, 'local_to', i.local_to,
    'local_date', i.local_date, 'zone', i.tz_offsets, 'settings', (
        select encode(sha256(convert_to(concat_ws('|', q.spec, q.policy_hash, q.purpose), 'UTF8')), 'hex')
        from ops.campaign_plan q where q.plan_id = i.plan_id))
"""

_ASK = f"""
insert into ops.plan_approval as known (plan_id, plan_hash, intents, dag_run_id)
select p.plan_id, p.plan_hash, (
    select jsonb_object_agg(i.intent_id, {_SHOWN} || jsonb_build_object('contacts', i.contacts_planned))
    from ops.campaign_intent i where i.plan_id = p.plan_id), %(run)s
from ops.campaign_plan p where p.plan_id = %(plan)s
on conflict (plan_id) do update set plan_hash = excluded.plan_hash, intents = excluded.intents,
    dag_run_id = excluded.dag_run_id, asked_at = now(), decision = null, decided_by = null, decided_at = null
"""

_HASH = "encode(sha256(convert_to(p.variables::text, 'UTF8')), 'hex')"

_COPY = f"""
insert into pii.approved_contact (plan_id, row_no, intent_id, contact_id, phone_e164, variables_hash)
select c.plan_id, c.row_no, c.intent_id, c.contact_id, p.phone_e164, {_HASH}
from ops.plan_contact c join pii.contact_payload p using (plan_id, row_no)
where c.plan_id = %(plan)s and c.intent_id is not null
"""

_WINDOWS = f"""
select i.intent_id from ops.campaign_intent i join ops.plan_approval a using (plan_id)
where i.plan_id = %(plan)s and (%(intent)s::text is null or i.intent_id = %(intent)s)
  and (a.intents -> i.intent_id) - 'contacts' is distinct from {_SHOWN}
limit 1
"""


# What is sent is compared with the copy and with the stored row: a value that changes between reading and sending
# would slip through a comparison of rows alone. jsonb compares numbers by value, so that 1.50 read back is 1.5.
def _differ(rows: Sequence[int] | None) -> str:
    return f"""
with sent as (
    select * from unnest(%(ids)s::text[], %(phones)s::text[], %(variables)s::jsonb[]) s (external_id, phone, variables)
), differing as (
    select s.external_id, c.row_no, c.contact_id, array_remove(array[
        case when a.row_no is null then 'added' end,
        case when a.phone_e164 <> s.phone or p.phone_e164 <> s.phone then 'phone' end,
        case when a.variables_hash <> {_HASH} or p.variables <> s.variables then 'variables' end,
        case when a.intent_id <> %(intent)s then 'vendor campaign' end], null) as what
    from sent s
    left join ops.plan_contact c on {of_intent("c", rows)} and c.external_id = s.external_id
    left join pii.contact_payload p on p.plan_id = c.plan_id and p.row_no = c.row_no
    left join pii.approved_contact a on a.plan_id = c.plan_id and a.row_no = c.row_no
)
select row_no, coalesce(contact_id, external_id), what, count(*) over () from differing
where cardinality(what) > 0 order by row_no limit {NAMED}
"""


# The whole plan at once, for a question that was answered already.
_STALE = f"""
select exists (
    select from ops.plan_contact c join pii.contact_payload p using (plan_id, row_no)
    left join pii.approved_contact a using (plan_id, row_no)
    where c.plan_id = %(plan)s and c.intent_id is not null and c.sent_state is null
      and (a.row_no is null or a.phone_e164 is distinct from p.phone_e164 or a.intent_id <> c.intent_id
           or a.variables_hash <> {_HASH})
) or exists ({_WINDOWS})
"""


def approval_of(conn: psycopg.Connection, plan_id: str) -> Approval:
    """Where the stored plan stands; LedgerError when there is none.

    An old yes `stands` for a plan with the same hash of which nothing was changed since it was shown.
    """
    row = conn.execute(_APPROVAL, [plan_id]).fetchone()
    if row is None:
        raise LedgerError(f"plan {plan_id[:8]} is not in the ledger; run the task `plan` of this DAG run again")
    needed, plan_hash, decision, by, at, same, given_up = row
    values = {"plan": plan_id, "intent": None}
    stands = same and conn.execute(_STALE.encode(), values).fetchone() == (False,)
    said = Decision(decision) if decision else None
    return Approval(needed, plan_hash, said, by, at, stands, given_up)


def ask(conn: psycopg.Connection, plan_id: str, run_id: str) -> PlanDocument:
    """Store what is shown and whom it means, and return the document to show. Asking again replaces both.

    Commits unless the caller has a transaction open.
    """
    values = {"plan": plan_id, "run": run_id}
    with conn.transaction():
        # a plan made anew at this moment waits until its predecessor is shown, and has another hash then
        conn.execute("select from ops.campaign_plan where plan_id = %(plan)s for share", values)
        conn.execute(_ASK.encode(), values)
        conn.execute("delete from pii.approved_contact where plan_id = %(plan)s", values)
        conn.execute(_COPY.encode(), values)
        return read_document(conn, plan_id)


def decide(conn: psycopg.Connection, plan_id: str, plan_hash: str, decision: Decision, by: str, at: datetime) -> None:
    """Store the answer to the question about the plan with this hash; a no and no answer free its reservations.

    PlanChanged when the stored plan or the question is another one by now, or was answered otherwise; then nothing is
    stored.
    """
    query = (
        "update ops.plan_approval a set decision = %s, decided_by = %s, decided_at = %s from ops.campaign_plan p"
        " where a.plan_id = %s and a.plan_hash = %s and p.plan_id = a.plan_id and p.plan_hash = a.plan_hash"
        " and (a.decision is null or a.decision = %s)"
    )
    with conn.transaction():
        conn.execute("select from ops.campaign_plan where plan_id = %s for share", [plan_id])
        if conn.execute(query, [decision, by, at, plan_id, plan_hash, decision]).rowcount != 1:
            raise PlanChanged(
                f"the answer “{decision}” of {by} was about plan {plan_hash[:12]}, and the plan is another one by now "
                f"or was decided otherwise: {ANEW}"
            )
        if decision is not Decision.APPROVED:
            give_up(conn, plan_id)


def why_not_asked(state: Approval, spec: CampaignSpec) -> str:
    """Why nobody is asked about a plan that may be called."""
    if state.needed:
        return f"{state.by} approved this very plan at {state.at:%Y-%m-%d %H:%M} UTC"
    rule = spec.approval
    if rule.when == "never":
        return "approval is not needed: approval.when is never"
    limit = "" if rule.cost_rub is None else f" and the cost stays within approval.cost_rub ({rule.cost_rub})"
    return f"approval is not needed: no more than approval.contacts ({rule.contacts}) are to be called{limit}"


def answer_until(spec: CampaignSpec, window_end: datetime, now: datetime) -> datetime:
    """Until when an answer is waited for (UTC): `approval.timeout_hours`, but not until it is too late to call."""
    last = window_end - timedelta(minutes=spec.limits.min_minutes_left)
    return min(now + timedelta(hours=spec.approval.timeout_hours), last)


async def check_approved(
    conn: psycopg.AsyncConnection, intent: Intent, contacts: Sequence[Contact], rows: Sequence[int] | None = None
) -> None:
    """Raise NotApproved unless a person agreed to exactly this: these people, phones and words, in this window.

    `contacts` are those about to be sent; `rows` of the list hold them all, None: the whole intent does. Belongs into
    the transaction that notes the sending. Nothing to do where the plan needs no approval; NobodyApproved where the
    whole plan has no yes. The message names rows and contact ids, never a phone or a value.
    """
    cur = await conn.execute(_APPROVAL, [intent.plan_id])
    needed, _, decision, by, at, same, _ = (await cur.fetchall())[0]
    if not needed:
        return
    if not same:
        raise NobodyApproved(f"{intent.title}: {_not_said(decision, by)}: {ANEW}; nothing was sent")
    if found := [*await _window(conn, intent), *await _people(conn, intent, contacts, rows)]:
        raise NotApproved(
            f"{intent.title}: not what {by} approved on {at:%Y-%m-%d %H:%M}: {'; '.join(found)}. Nothing of it was "
            f"sent; put it right and clear this task, or {ANEW}"
        )


def _not_said(decision: str | None, by: str | None) -> str:
    match decision:
        case None:
            return "nobody has approved the plan"
        case Decision.APPROVED:
            return f"{by} approved another plan"
        case Decision.REJECTED:
            return f"{by} said no to the plan"
        case _:
            return "nobody answered in time whether to call"


async def _window(conn: psycopg.AsyncConnection, intent: Intent) -> list[str]:
    cur = await conn.execute(_WINDOWS.encode(), {"plan": intent.plan_id, "intent": intent.intent_id})
    return ["its window or the settings of its campaign have changed"] if await cur.fetchall() else []


async def _people(
    conn: psycopg.AsyncConnection, intent: Intent, contacts: Sequence[Contact], rows: Sequence[int] | None
) -> list[str]:
    values: dict[str, Any] = {
        "intent": intent.intent_id,
        "plan": intent.plan_id,
        "rows": rows,
        "ids": [contact.external_id for contact in contacts],
        "phones": [contact.phone for contact in contacts],
        "variables": [Jsonb(dict(contact.variables)) for contact in contacts],
    }
    found = await (await conn.execute(_differ(rows).encode(), values)).fetchall()
    named = [f"row {row_no or '?'} (contact {contact_id}): {', '.join(what)}" for row_no, contact_id, what, _ in found]
    more = found[0][3] - len(found) if found else 0
    return [*named, f"and {more} more"] if more else named
