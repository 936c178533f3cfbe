"""The contacts of an intent: who is sent, who was suppressed meanwhile, what the vendor said of each.

`sent_state` is null until a contact is handed over, `sending` while a request with it is under way or in doubt, then
`accepted` or `rejected`; back to null when it is proven that the vendor does not have it.

`rows` are numbers of rows of the list: a batch names its own, so that what it costs does not grow with the intent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from obzvon.ledger.intents import Intent, reread
from obzvon.vendors.base import Contact

__all__ = [
    "add_up",
    "contacts_of",
    "mark_not_sent",
    "mark_rejected",
    "mark_sending",
    "mark_taken",
    "of_intent",
    "recount",
    "rows_of",
]

_ROWS = "select row_no from ops.plan_contact where intent_id = %s and sent_state is null order by row_no"


def of_intent(contact: str, rows: Sequence[int] | None) -> str:
    """SQL: the contact is one of the intent `%(intent)s` of the plan `%(plan)s`, and of `%(rows)s` unless None."""
    whole = f"{contact}.intent_id = %(intent)s"
    return whole if rows is None else f"{contact}.plan_id = %(plan)s and {contact}.row_no = any(%(rows)s) and {whole}"


def _values(intent: Intent, rows: Sequence[int] | None) -> dict[str, Any]:
    """Values for `of_intent`."""
    return {"intent": intent.intent_id, "plan": intent.plan_id, "rows": rows}


async def rows_of(conn: psycopg.AsyncConnection, intent: Intent) -> list[int]:
    """The rows whose contacts were not handed to the vendor yet, in list order."""
    return [row for (row,) in await (await conn.execute(_ROWS, (intent.intent_id,))).fetchall()]


async def contacts_of(
    conn: psycopg.AsyncConnection, intent: Intent, rows: Sequence[int] | None = None
) -> list[Contact]:
    """The contacts of the intent that were not handed to the vendor yet, in list order; all, or those of `rows`."""
    query = f"""
        select c.external_id, p.phone_e164, p.variables, c.tz_offsets
        from ops.plan_contact c join pii.contact_payload p using (plan_id, row_no)
        where {of_intent("c", rows)} and c.sent_state is null
        order by c.row_no"""
    cur = await conn.execute(query.encode(), _values(intent, rows))
    return [_contact(*row) for row in await cur.fetchall()]


def _contact(external_id: str, phone: str, variables: Mapping[str, Any], offsets: Sequence[int]) -> Contact:
    return Contact(external_id, phone, variables, offsets[0] if len(offsets) == 1 else None)


async def mark_sending(
    conn: psycopg.AsyncConnection, intent: Intent, contacts: Sequence[Contact], rows: Sequence[int] | None = None
) -> int:
    """Note which contacts, of `rows`, the request that is about to leave carries; how many there are. Does not commit.

    Fewer than given: somebody was taken out of the intent since they were read, and the request must not leave.
    """
    query = f"update ops.plan_contact c set sent_state = 'sending' where {of_intent('c', rows)}"
    ids = {"ids": [c.external_id for c in contacts]}
    found = await conn.execute(f"{query} and c.external_id = any(%(ids)s)".encode(), _values(intent, rows) | ids)
    return found.rowcount


async def mark_taken(conn: psycopg.AsyncConnection, intent: Intent, rows: Sequence[int] | None = None) -> None:
    """Note that the vendor has every contact that was under way and not rejected. Does not commit."""
    await _settle(conn, intent, rows, "accepted")


async def mark_not_sent(conn: psycopg.AsyncConnection, intent: Intent, rows: Sequence[int] | None = None) -> None:
    """Note that the contacts under way are not at the vendor, so they may be sent again. Does not commit."""
    await _settle(conn, intent, rows, None)


async def _settle(conn: psycopg.AsyncConnection, intent: Intent, rows: Sequence[int] | None, state: str | None) -> None:
    query = f"update ops.plan_contact c set sent_state = %(state)s where {of_intent('c', rows)}"
    await conn.execute(f"{query} and c.sent_state = 'sending'".encode(), _values(intent, rows) | {"state": state})


_SUMS = """
update ops.campaign_intent i
set contacts_sent = {before}.contacts_sent + n.accepted + n.rejected,
    contacts_accepted = {before}.contacts_accepted + n.accepted,
    contacts_rejected = {before}.contacts_rejected + n.rejected
from (select count(*) filter (where c.sent_state = 'accepted') as accepted,
             count(*) filter (where c.sent_state = 'rejected') as rejected
      from ops.plan_contact c where {which}) n,
     (select 0 as contacts_sent, 0 as contacts_accepted, 0 as contacts_rejected) nothing
where i.intent_id = %(intent)s
"""


async def recount(conn: psycopg.AsyncConnection, intent: Intent) -> Intent:
    """Bring the sums of the intent up to its contacts. Does not commit."""
    query = _SUMS.format(before="nothing", which=of_intent("c", None))
    await conn.execute(query.encode(), _values(intent, None))
    return await reread(conn, intent.intent_id)


async def add_up(conn: psycopg.AsyncConnection, intent: Intent, rows: Sequence[int]) -> Intent:
    """Add the contacts of a batch, which the sums of the intent do not have yet. Does not commit."""
    query = _SUMS.format(before="i", which=of_intent("c", rows))
    await conn.execute(query.encode(), _values(intent, rows))
    return await reread(conn, intent.intent_id)


async def mark_rejected(
    conn: psycopg.AsyncConnection, intent: Intent, reasons: Mapping[str, str], rows: Sequence[int]
) -> None:
    """Note the vendor's reason for each contact, of `rows`, it did not take. Does not commit."""
    if not reasons:
        return
    query = f"""
        update ops.plan_contact c set sent_state = 'rejected', vendor_reason = s.reason
        from unnest(%(ids)s::text[], %(reasons)s::text[]) s (external_id, reason)
        where {of_intent("c", rows)} and c.external_id = s.external_id"""
    said = {"ids": list(reasons), "reasons": list(reasons.values())}
    await conn.execute(query.encode(), _values(intent, rows) | said)
