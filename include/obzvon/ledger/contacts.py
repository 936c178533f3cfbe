"""The contacts of an intent: who is sent, who was suppressed meanwhile, what the vendor said of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from obzvon.ledger.intents import Intent
from obzvon.vendors.base import Contact

__all__ = ["contacts_of", "drop_suppressed", "mark_rejected", "mark_sent"]

_TO_SEND = """
select c.external_id, p.phone_e164, p.variables, c.tz_offsets
from ops.plan_contact c join pii.contact_payload p using (plan_id, row_no)
where c.intent_id = %s and c.sent_state is null
order by c.row_no limit %s
"""

# An opt-out that came between plan and launch must win (hazard 6).
_SUPPRESS = """
update ops.plan_contact c
set exclusion_code = 'EXCL_DNC', exclusion_reason = 'suppressed_after_plan', intent_id = null
where c.intent_id = %(intent)s and c.sent_state is null and exists (
    select from ops.suppression s
    where s.phone_key = c.phone_key and s.purpose in ('*', %(purpose)s)
      and s.valid_from <= %(until)s and (s.valid_to is null or s.valid_to > now()))
"""


async def contacts_of(conn: psycopg.AsyncConnection, intent: Intent, limit: int | None = None) -> list[Contact]:
    """The contacts of the intent that were not handed to the vendor yet, in list order; all, or the first `limit`."""
    cur = await conn.execute(_TO_SEND, (intent.intent_id, limit))
    return [_contact(*row) for row in await cur.fetchall()]


def _contact(external_id: str, phone: str, variables: Mapping[str, Any], offsets: Sequence[int]) -> Contact:
    return Contact(external_id, phone, variables, offsets[0] if len(offsets) == 1 else None)


async def drop_suppressed(conn: psycopg.AsyncConnection, intent: Intent, purpose: str) -> int:
    """Exclude the contacts that asked not to be called since the plan was made. Does not commit."""
    cur = await conn.execute(
        _SUPPRESS, {"intent": intent.intent_id, "purpose": str(purpose), "until": intent.window_end_utc}
    )
    return cur.rowcount


async def mark_sent(conn: psycopg.AsyncConnection, intent: Intent, external_ids: Sequence[str]) -> None:
    """Note that the vendor took these contacts. Does not commit."""
    await conn.execute(
        "update ops.plan_contact set sent_state = 'accepted' where intent_id = %s and external_id = any(%s)",
        (intent.intent_id, list(external_ids)),
    )


async def mark_rejected(conn: psycopg.AsyncConnection, intent: Intent, reasons: Mapping[str, str]) -> None:
    """Note the vendor's reason for each contact it did not take. Does not commit."""
    async with conn.cursor() as cur:
        await cur.executemany(
            "update ops.plan_contact set sent_state = 'rejected', vendor_reason = %s"
            " where intent_id = %s and external_id = %s",
            [(reason, intent.intent_id, external_id) for external_id, reason in reasons.items()],
        )
