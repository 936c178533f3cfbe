"""The part of launch that fills a vendor campaign in batches, each with its own write-ahead row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from obzvon.errors import AuthRefused, ConfigError, LedgerError, NotSent, RateLimited, Refused, VendorError
from obzvon.ledger.contacts import contacts_of, drop_suppressed, mark_rejected, mark_sent
from obzvon.ledger.intents import Intent, in_doubt, move, reread
from obzvon.ledger.states import SUPPRESSED, IntentState
from obzvon.vendors.base import Acceptance, Contact, Order

if TYPE_CHECKING:
    from obzvon.stages.launch import Launcher

__all__ = ["add_candidates"]

UNSETTLED = "select batch_no from ops.candidate_batch where intent_id = %s and state in ('sending', 'in_doubt') limit 1"


async def add_candidates(run: Launcher, intent: Intent, order: Order) -> Intent:
    """Add every contact the vendor does not have yet, as long as the window lasts; the intent comes back `created`.

    Before each batch the kill switch, the window and the opt-outs are looked at again. A batch whose request may or may
    not have arrived puts the intent in doubt: it is not sent again. Raises LedgerError when the vendor took nobody.
    """
    cur = await run.conn.execute(UNSETTLED, (intent.intent_id,))
    if await cur.fetchone():
        await _doubt(run, intent, "a batch of contacts may or may not have arrived")
    while not run.too_late(intent) and (batch := await _next_batch(run, intent)):
        intent = await _add(run, intent, order, batch)
    if intent.contacts_accepted or run.too_late(intent):
        return intent
    return await _nobody(run, intent)


async def _next_batch(run: Launcher, intent: Intent) -> Sequence[Contact]:
    await drop_suppressed(run.conn, intent, run.spec.purpose)
    batch = await contacts_of(run.conn, intent, run.spec.limits.candidate_batch)
    await run.conn.commit()
    return batch


async def _nobody(run: Launcher, intent: Intent) -> Intent:
    """Nobody was taken: either everybody has opted out meanwhile, or the vendor refused each of them."""
    refused = intent.contacts_rejected > 0
    state = IntentState.REFUSED if refused else IntentState.CANCELLED
    detail = "the vendor took no contact" if refused else SUPPRESSED
    moved = await move(run.conn, intent, state, run_id=run.run_id, detail=detail)
    await run.conn.commit()
    if refused:
        raise LedgerError(
            f"{intent.title}: the vendor took none of {intent.contacts_rejected} contacts; see vendor_reason"
        )
    return moved


async def _add(run: Launcher, intent: Intent, order: Order, batch: Sequence[Contact]) -> Intent:
    run.check_kill_switch()
    number = await _write_ahead(run, intent, len(batch))
    try:
        taken = await run.dialer.add_contacts(intent.vendor_task_id or "", order, batch)
    except (NotSent, AuthRefused, RateLimited, ConfigError) as error:  # not about these contacts
        await _settle(run, intent, number, "refused", 0, str(error))
        raise
    except Refused as error:
        run.problems.append(error)
        taken = Acceptance(0, {c.external_id: str(error) for c in batch})
    except VendorError as error:
        await _settle(run, intent, number, "in_doubt", 0, str(error))
        await _doubt(run, intent, str(error))
    accepted = [c.external_id for c in batch if c.external_id not in taken.rejected]
    await mark_sent(run.conn, intent, accepted)
    await mark_rejected(run.conn, intent, taken.rejected)
    await _settle(run, intent, number, "accepted" if accepted else "refused", len(accepted), None)
    return await _recount(run, intent)


async def _write_ahead(run: Launcher, intent: Intent, size: int) -> int:
    cur = await run.conn.execute(
        "insert into ops.candidate_batch (intent_id, batch_no, state, contacts, sent_at)"
        " select %(i)s, coalesce(max(batch_no), 0) + 1, 'sending', %(n)s, now()"
        " from ops.candidate_batch where intent_id = %(i)s returning batch_no",
        {"i": intent.intent_id, "n": size},
    )
    row = await cur.fetchone()
    await run.conn.commit()
    return int(row[0]) if row else 0


async def _settle(run: Launcher, intent: Intent, number: int, state: str, accepted: int, note: str | None) -> None:
    await run.conn.execute(
        "update ops.candidate_batch set state = %s, accepted = %s, note = %s where intent_id = %s and batch_no = %s",
        (state, accepted, note, intent.intent_id, number),
    )
    await run.conn.commit()


async def _recount(run: Launcher, intent: Intent) -> Intent:
    await run.conn.execute(
        "update ops.campaign_intent i"
        " set contacts_sent = n.sent, contacts_accepted = n.accepted, contacts_rejected = n.rejected"
        " from (select count(sent_state) as sent, count(*) filter (where sent_state = 'accepted') as accepted,"
        "  count(*) filter (where sent_state = 'rejected') as rejected from ops.plan_contact where intent_id = %(i)s) n"
        " where i.intent_id = %(i)s",
        {"i": intent.intent_id},
    )
    await run.conn.commit()
    return await reread(run.conn, intent.intent_id)


async def _doubt(run: Launcher, intent: Intent, why: str) -> None:
    moved = await move(run.conn, intent, IntentState.IN_DOUBT, run_id=run.run_id, detail=why)
    await run.conn.commit()
    raise in_doubt(moved, why)
