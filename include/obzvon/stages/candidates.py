"""The part of launch that fills a vendor campaign in batches, each with its own write-ahead row.

A batch counts as accepted when the vendor's own count of contacts says so, where the vendor shows one. Contacts that
are missing are sent again with the same external ids, as long as the campaign cannot dial yet, but for those who may
not be called any more by then.

While the vendor works on a batch the next one is read and asked about; it is noted as under way when its turn has come,
and the last look before it leaves is its own. Where its turn is late, it is asked about again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TypeVar

from obzvon.errors import (
    AuthRefused,
    ConfigError,
    ContractBreak,
    InDoubt,
    KillSwitchOpen,
    LedgerError,
    NotSent,
    RateLimited,
    Refused,
    VendorError,
)
from obzvon.ledger.barred import barred_under_way, drop_barred
from obzvon.ledger.contacts import (
    add_up,
    contacts_of,
    mark_not_sent,
    mark_rejected,
    mark_sending,
    mark_taken,
    rows_of,
)
from obzvon.ledger.intents import Intent, in_doubt, move
from obzvon.ledger.keys import marker
from obzvon.ledger.states import SUPPRESSED, IntentState
from obzvon.policy.caps import CapRule
from obzvon.stages.approve import check_approved
from obzvon.stages.stop import cancel, under_way
from obzvon.vendors.base import Contact, Dialer, Found, Order

if TYPE_CHECKING:
    from datetime import datetime

    from obzvon.stages.launch import Launcher

__all__ = ["NOT_THERE", "SKEW", "add_candidates", "bounded", "find_campaign"]

log = logging.getLogger(__name__)
#: What proves that nothing has arrived: it may be sent again.
NOT_THERE = (NotSent, AuthRefused, RateLimited, ConfigError, KillSwitchOpen)
T = TypeVar("T")
TRIES, LOOKS, PAUSE = 3, 5, 1.0  # of sending one batch; of reading the count after it; seconds between looks
LOOK_SECONDS = 30
#: Clocks differ; a marker is one intent's, so a wide period finds nothing foreign.
SKEW = timedelta(days=1)
#: So old an answer about caps and approval may be when a batch's turn comes; most vendors answer sooner.
FRESH = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class _Batch:
    """The contacts of one request, rows of the list that hold them all, and since when they are asked about."""

    rows: Sequence[int]
    contacts: Sequence[Contact]
    asked_at: datetime


async def add_candidates(run: Launcher, intent: Intent, order: Order) -> Intent:
    """Add every contact the vendor does not have yet, as long as the window lasts; the intent comes back `created`.

    Before each batch the kill switch and the window are looked at again, and who of it may not be called any more, the
    latter within `FRESH` of its turn; opt-outs and the switch once more when it leaves. A batch whose request may or
    may not have arrived puts the intent in doubt: it is not sent again. Raises LedgerError when the vendor took nobody.
    """
    if await under_way(run.conn, intent):
        await _doubt(run, intent, "a batch of contacts may or may not have arrived")
    rule, size, rows = await run.caps(intent), run.spec.limits.candidate_batch, await rows_of(run.conn, intent)
    parts = [rows[first : first + size] for first in range(0, len(rows), size)]
    ahead = _Ahead(run, intent, rule)
    for part, after in zip_longest(parts, parts[1:]):
        if intent.stop_cause or run.too_late(intent):
            break
        batch = await ahead.batch(part)
        if batch.contacts:
            intent = await _add(run, intent, order, batch, ahead, after)
    if intent.contacts_accepted or intent.stop_cause or run.too_late(intent):
        return intent
    return await _nobody(run, intent)


async def find_campaign(dialer: Dialer, intent: Intent, now: datetime) -> Found | None:
    """The intent's campaign as the vendor lists it; None where it lists none. Raises what a look raises."""
    since = (intent.submitted_at or now) - SKEW
    found = await dialer.find(marker(intent.intent_id), since, now + SKEW)
    for campaign in found or ():
        if campaign.task_id == intent.vendor_task_id:
            return campaign
    if found is None:
        return None
    raise InDoubt(intent.vendor_code, "look at a campaign", "it is not in the vendor's list")


async def bounded(dialer: Dialer, action: str, request: Coroutine[Any, Any, T]) -> T:
    """The answer within the longest time a request may take, login and renewal included; later it is in doubt."""
    try:
        return await asyncio.wait_for(request, dialer.longest_request.total_seconds())
    except TimeoutError:
        raise InDoubt(dialer.code, action, "no answer in time") from None


def _dials_by_itself(intent: Intent, now: datetime) -> bool:
    """True when the vendor may be dialling although nobody has started the campaign: its scheduled start has come."""
    return intent.submitted_at is not None and intent.submitted_at < intent.window_start_utc <= now


class _Ahead:
    """The batch after the one that is under way. The launch's connection is its own until it is `quiet`."""

    def __init__(self, run: Launcher, intent: Intent, rule: CapRule) -> None:
        self._run, self._intent, self._rule = run, intent, rule
        self._rows: Sequence[int] | None = None
        self._task: asyncio.Task[_Batch] | None = None

    def begin(self, rows: Sequence[int] | None) -> None:
        """Prepare the batch of these rows, once; None: there is no further one."""
        if rows is not None and rows is not self._rows:
            self._rows, self._task = rows, asyncio.create_task(self._prepared(rows))

    async def quiet(self) -> None:
        """Return when the connection is free; what went wrong is told when the batch's turn has come."""
        if self._task is None or self._task.done():
            return
        try:
            await asyncio.wait([self._task])
        except asyncio.CancelledError:
            self._task.cancel()
            await asyncio.wait([self._task])
            raise

    async def batch(self, rows: Sequence[int]) -> _Batch:
        """The batch of these rows, prepared meanwhile or now."""
        task, self._task = self._task, None
        if task is not None and rows is self._rows:
            batch = await task
            if self._run.clock() - batch.asked_at <= FRESH:
                return batch
        return await _next_batch(self._run, self._intent, self._rule, rows)

    async def _prepared(self, rows: Sequence[int]) -> _Batch:
        try:
            return await _next_batch(self._run, self._intent, self._rule, rows)
        except BaseException:  # a cancelled one too: what is under way is still to be noted
            await self._run.conn.rollback()
            raise


async def _next_batch(run: Launcher, intent: Intent, rule: CapRule, rows: Sequence[int]) -> _Batch:
    """Whom of these rows the next request carries: they alone are asked about, the others when their turn has come."""
    asked_at = run.clock()
    await drop_barred(run.conn, intent, rule, rows)
    batch = _Batch(rows, await contacts_of(run.conn, intent, rows), asked_at)
    await check_approved(run.conn, intent, batch.contacts, rows)
    await run.conn.commit()
    return batch


async def _nobody(run: Launcher, intent: Intent) -> Intent:
    """Nobody was taken: either everybody has opted out meanwhile, or the vendor refused each of them."""
    refused = intent.contacts_rejected > 0
    state = IntentState.REFUSED if refused else IntentState.CANCELLED
    detail = SUPPRESSED
    if refused:  # its count may have been late: nobody waits for a refused campaign, so it must not dial
        detail = f"the vendor took no contact; stop: {await cancel(run.dialer, intent)}"
    moved = await move(run.conn, intent, state, run_id=run.run_id, detail=detail)
    await run.conn.commit()
    if refused:
        raise LedgerError(
            f"{intent.title}: the vendor took none of {intent.contacts_rejected} contacts; see vendor_reason"
        )
    return moved


async def _handed(
    run: Launcher, intent: Intent, order: Order, batch: _Batch, ahead: _Ahead, after: Sequence[int] | None
) -> Mapping[str, str]:
    """Send a batch, and prepare the next one as soon as it has left; whom the vendor did not take, with the reason."""

    async def leaving() -> None:
        await ahead.quiet()  # a request is looked at again when it leaves again
        await run.last_look(intent, batch.rows)
        ahead.begin(after)

    run.dialer.guard(leaving)
    try:
        adding = run.dialer.add_contacts(intent.vendor_task_id or "", order, batch.contacts)
        return (await bounded(run.dialer, "add contacts", adding)).rejected
    finally:
        await ahead.quiet()


async def _add(
    run: Launcher, intent: Intent, order: Order, batch: _Batch, ahead: _Ahead, after: Sequence[int] | None
) -> Intent:
    run.check_kill_switch()
    number, before = await _write_ahead(run, intent, batch)
    try:
        rejected = await _handed(run, intent, order, batch, ahead, after)
    except NOT_THERE as error:
        await mark_not_sent(run.conn, intent, batch.rows)
        await _settle(run, intent, number, "refused", 0, str(error))
        raise
    except Refused as error:
        run.problems.append(error)
        rejected = {c.external_id: str(error) for c in batch.contacts}
    except VendorError as error:
        await _settle(run, intent, number, "in_doubt", 0, str(error))
        await _doubt(run, intent, str(error))
    try:
        sent = replace(batch, contacts=[c for c in batch.contacts if c.external_id not in rejected])
        taken = await _verified(run, intent, order, sent, before)
    except (VendorError, ContractBreak) as error:
        why = f"the vendor's count of contacts could not be read or is too high: {error}"
        await _settle(run, intent, number, "in_doubt", 0, why)
        await _doubt(run, intent, why)
    if not taken:  # its word was yes, its count says no
        nobody = {c.external_id: "the vendor answered yes and holds no such contact" for c in batch.contacts}
        rejected = nobody | dict(rejected)
    await mark_rejected(run.conn, intent, rejected, batch.rows)
    await mark_taken(run.conn, intent, batch.rows)
    # one transaction with the batch: whoever finds a closed batch and no contact would give up a campaign that dials
    intent = await add_up(run.conn, intent, batch.rows)
    # nobody waits for the disk here: the write-ahead of whatever leaves next does, and brings this there with it
    await run.conn.execute("set local synchronous_commit = off")
    await _settle(run, intent, number, "accepted" if taken else "refused", taken, None)
    return intent


async def _verified(run: Launcher, intent: Intent, order: Order, batch: _Batch, before: int) -> int:
    """How many of a batch the vendor holds by its own count, after sending what is missing again.

    Whoever may not be called any more by then is left out, and noted as rejected where the vendor's count is just that
    much lower. InDoubt when it holds more than were sent: it must not dial them before a person has looked.
    """
    held: int | None = before
    sent = again = batch.contacts
    barred = dict[str, str]()
    for left in reversed(range(TRIES)):
        held = await _count(run, intent, before + len(again)) if again else held
        if held is None:
            return len(sent)
        if held > before + len(sent):
            raise InDoubt(intent.vendor_code, "count contacts", f"it holds {held}, {before + len(sent)} were sent")
        if held >= before + len(again):
            if held == before + len(again):
                await mark_rejected(run.conn, intent, barred, batch.rows)
            return held - before
        log.warning("%s: the vendor holds %d of %d contacts", intent.title, held, before + len(again))
        if not left or _dials_by_itself(intent, run.clock()):
            break
        # the vendor passes over an external id that it knows, and the count is read again before anybody is dialled
        run.check_kill_switch()
        barred |= await _leave_out_barred(run, intent, replace(batch, contacts=again))
        again = [c for c in sent if c.external_id not in barred]
        if again:
            sending = run.dialer.add_contacts(intent.vendor_task_id or "", order, again)
            await bounded(run.dialer, "add contacts", sending)
    run.problems.append(
        LedgerError(f"{intent.title}: the vendor holds {held} of {before + len(sent)} contacts and names no reason")
    )
    return (held or 0) - before


async def _leave_out_barred(run: Launcher, intent: Intent, batch: _Batch) -> dict[str, str]:
    """Who of a batch may not be sent again, with the reason; noted as handed over, for the vendor may have them."""
    found = await barred_under_way(run.conn, intent, await run.caps(intent), batch.rows)
    barred = {who: f"left out when a short batch was sent again: {reason}" for who, reason in found.items()}
    if barred:
        log.warning("%s: %d contacts may not be called any more and are not sent again", intent.title, len(barred))
        await mark_taken(run.conn, intent, batch.rows)
        left = [c for c in batch.contacts if c.external_id not in barred]
        await mark_sending(run.conn, intent, left, batch.rows)
    await run.conn.commit()
    return barred


async def _count(run: Launcher, intent: Intent, expected: int) -> int | None:
    """The vendor's count, read again for a while where it is lower than expected: new contacts may show late."""
    held: int | None = None
    for number in range(LOOKS):
        if number:
            await run.sleep(PAUSE)
        try:
            found = await asyncio.wait_for(find_campaign(run.dialer, intent, run.clock()), LOOK_SECONDS)
        except TimeoutError:  # settling waits for the list without holding a worker
            raise InDoubt(intent.vendor_code, "count contacts", f"no count within {LOOK_SECONDS} s") from None
        held = None if found is None else found.contacts
        if held is None or held >= expected:
            break
    return held


async def _write_ahead(run: Launcher, intent: Intent, batch: _Batch) -> tuple[int, int]:
    """The number of the batch, and how many contacts the vendor holds from the batches before it."""
    if await mark_sending(run.conn, intent, batch.contacts, batch.rows) < len(batch.contacts):
        await run.conn.rollback()
        raise NotSent(intent.vendor_code, "add contacts", "somebody in it was taken out of the intent meanwhile")
    cur = await run.conn.execute(
        "insert into ops.candidate_batch (intent_id, batch_no, state, contacts, sent_at)"
        " select %(i)s, coalesce(max(batch_no), 0) + 1, 'sending', %(n)s, now()"
        " from ops.candidate_batch where intent_id = %(i)s"
        " returning batch_no, (select coalesce(sum(accepted), 0) from ops.candidate_batch where intent_id = %(i)s)",
        {"i": intent.intent_id, "n": len(batch.contacts)},
    )
    number, before = (await cur.fetchall())[0]
    await run.conn.commit()
    return int(number), int(before)


async def _settle(run: Launcher, intent: Intent, number: int, state: str, accepted: int, note: str | None) -> None:
    await run.conn.execute(
        "update ops.candidate_batch set state = %s, accepted = %s, note = %s where intent_id = %s and batch_no = %s",
        (state, accepted, note, intent.intent_id, number),
    )
    await run.conn.commit()


async def _doubt(run: Launcher, intent: Intent, why: str) -> None:
    moved = await move(run.conn, intent, IntentState.IN_DOUBT, run_id=run.run_id, detail=why)
    await run.conn.commit()
    raise in_doubt(moved, why)
