"""The contacts of an intent: who is sent, who was suppressed meanwhile, what the vendor said of each.

`sent_state` is null until a contact is handed over, `sending` while a request with it is under way or in doubt, then
`accepted` or `rejected`; back to null when it is proven that the vendor does not have it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from obzvon.ledger.intents import Intent, reread
from obzvon.vendors.base import Contact

__all__ = ["contacts_of", "mark_not_sent", "mark_rejected", "mark_sending", "mark_taken", "recount"]

_TO_SEND = """
select c.external_id, p.phone_e164, p.variables, c.tz_offsets
from ops.plan_contact c join pii.contact_payload p using (plan_id, row_no)
where c.intent_id = %s and c.sent_state is null
order by c.row_no limit %s
"""


async def contacts_of(conn: psycopg.AsyncConnection, intent: Intent, limit: int | None = None) -> list[Contact]:
    """The contacts of the intent that were not handed to the vendor yet, in list order; all, or the first `limit`."""
    cur = await conn.execute(_TO_SEND, (intent.intent_id, limit))
    return [_contact(*row) for row in await cur.fetchall()]


def _contact(external_id: str, phone: str, variables: Mapping[str, Any], offsets: Sequence[int]) -> Contact:
    return Contact(external_id, phone, variables, offsets[0] if len(offsets) == 1 else None)


async def mark_sending(conn: psycopg.AsyncConnection, intent: Intent, contacts: Sequence[Contact]) -> None:
    """Note which contacts the request that is about to leave carries. Does not commit."""
    await conn.execute(
        "update ops.plan_contact set sent_state = 'sending' where intent_id = %s and external_id = any(%s)",
        (intent.intent_id, [c.external_id for c in contacts]),
    )


async def mark_taken(conn: psycopg.AsyncConnection, intent: Intent) -> None:
    """Note that the vendor has every contact that was under way and not rejected. Does not commit."""
    await _settle(conn, intent, "accepted")


async def mark_not_sent(conn: psycopg.AsyncConnection, intent: Intent) -> None:
    """Note that the contacts under way are not at the vendor, so they may be sent again. Does not commit."""
    await _settle(conn, intent, None)


async def _settle(conn: psycopg.AsyncConnection, intent: Intent, state: str | None) -> None:
    await conn.execute(
        "update ops.plan_contact set sent_state = %s where intent_id = %s and sent_state = 'sending'",
        (state, intent.intent_id),
    )


async def recount(conn: psycopg.AsyncConnection, intent: Intent) -> Intent:
    """Bring the sums of the intent up to its contacts. Does not commit."""
    await conn.execute(
        "update ops.campaign_intent i"
        " set contacts_sent = n.accepted + n.rejected, contacts_accepted = n.accepted, contacts_rejected = n.rejected"
        " from (select count(*) filter (where sent_state = 'accepted') as accepted,"
        "  count(*) filter (where sent_state = 'rejected') as rejected from ops.plan_contact where intent_id = %(i)s) n"
        " where i.intent_id = %(i)s",
        {"i": intent.intent_id},
    )
    return await reread(conn, intent.intent_id)


async def mark_rejected(conn: psycopg.AsyncConnection, intent: Intent, reasons: Mapping[str, str]) -> None:
    """Note the vendor's reason for each contact it did not take. Does not commit."""
    async with conn.cursor() as cur:
        await cur.executemany(
            "update ops.plan_contact set sent_state = 'rejected', vendor_reason = %s"
            " where intent_id = %s and external_id = %s",
            [(reason, intent.intent_id, external_id) for external_id, reason in reasons.items()],
        )
