"""Launch: every intent of a batch is brought to `running`, each vendor campaign created at most once.

An intent is committed as `sending` before its request leaves and moved on after the answer. What an error proves
decides the next state; whoever finds `sending` under the intent's lock knows that the sender died: it is in doubt.
An intent in doubt is left alone here: settle.py finds out, and a launch after that goes on with it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, timezone

import psycopg

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import (
    AuthRefused,
    CanaryNotPassed,
    InDoubtError,
    KillSwitchOpen,
    LedgerError,
    NobodyApproved,
    NotSent,
    ObzvonError,
    RateLimited,
    Refused,
    TryEnds,
    VendorError,
)
from obzvon.ledger.barred import anybody_opted_out, drop_barred
from obzvon.ledger.contacts import contacts_of, mark_not_sent, mark_sending, mark_taken, rows_of
from obzvon.ledger.intents import Intent, in_doubt, intents_of, lock, move, reread
from obzvon.ledger.keys import CANARY_BATCH, marker
from obzvon.ledger.policies import caps_of
from obzvon.ledger.states import SUPPRESSED, TOO_LATE, IntentState
from obzvon.policy.caps import CapRule
from obzvon.stages.approve import check_approved
from obzvon.stages.canary import check_canary
from obzvon.stages.candidates import NOT_THERE, add_candidates, bounded
from obzvon.stages.stop import StopCause, can_be_stopped, stop, under_way
from obzvon.telemetry.spans import fields, staged
from obzvon.vendors.base import Contact, Dialer, Order
from obzvon.vendors.patience import NoCredentials

__all__ = ["LaunchResult", "Launcher", "launch"]

log = logging.getLogger(__name__)
S = IntentState
AT_WORK = (S.RUNNING, S.COLLECTING, S.FINAL, S.FINAL_PARTIAL)
PAUSES, LONGEST_PAUSE = (2.0, 10.0), 120.0  # seconds between tries of one intent
SENDER_DIED = "the worker ended while the create request was under way"
SENDER_DIED_FILLING = "the worker ended while contacts were under way"
#: So many creations in doubt one after the other mean that the vendor answers nothing usable.
DOUBTS_IN_A_ROW = 3


@dataclass(slots=True)
class LaunchResult:
    """How many intents ended in which state, how many contacts were newly handed over, and what went wrong.

    `doubts` are no problems yet: they are settled by the next stage.
    """

    states: Counter[str] = field(default_factory=Counter)
    contacts_sent: int = 0
    doubts: list[InDoubtError] = field(default_factory=list)
    problems: list[ObzvonError] = field(default_factory=list)

    @property
    def at_work(self) -> int:
        """Intents with calls to wait for or already collected."""
        return sum(self.states[s] for s in AT_WORK)


def hours_of(intent: Intent, spec: CampaignSpec, now: datetime) -> tuple[datetime, time]:
    """The end of the intent's window, in UTC and local. A canary has the first minutes of what is left at its creation.

    So its results are there while the others can still be called.
    """
    if intent.batch_no != CANARY_BATCH or spec.canary is None:
        return intent.window_end_utc, intent.local_to
    # a request that never left has a moment of sending too
    created = intent.submitted_at if intent.vendor_task_id else None
    begin = max(intent.window_start_utc, created or now)
    end = min(intent.window_end_utc, begin.replace(second=0, microsecond=0) + timedelta(minutes=spec.canary.minutes))
    if len(intent.tz_offsets) > 1:
        return end, intent.local_to
    return end, end.astimezone(timezone(timedelta(minutes=intent.tz_offsets[0]))).time()


def order_of(intent: Intent, spec: CampaignSpec, now: datetime) -> Order:
    """The intent in the vendor's terms. A window that is open already starts two minutes from now."""
    ends_at, local_to = hours_of(intent, spec, now)
    earliest = (now + timedelta(minutes=3)).replace(second=0, microsecond=0)
    name = spec.vendor.campaign_name.format(
        title=spec.title,
        call_date=intent.call_date,
        zone=intent.zone,
        chunk=intent.chunk_no,
        marker=marker(intent.intent_id),
    )
    return Order(
        intent_id=intent.intent_id,
        name=name,
        description=spec.description,
        call_date=intent.local_date or intent.call_date,
        offsets=tuple(intent.tz_offsets),
        starts_at=max(intent.window_start_utc, earliest),
        ends_at=ends_at,
        local_from=intent.local_from,
        local_to=local_to,
        opens_at=intent.window_start_utc,
    )


@dataclass(slots=True)
class Launcher:
    """What launching one batch needs. `kill_switch` is read before every request that can make people's phones ring."""

    conn: psycopg.AsyncConnection
    dialer: Dialer
    spec: CampaignSpec
    run_id: str
    kill_switch: Callable[[], bool]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    problems: list[ObzvonError] = field(default_factory=list)

    async def bring_up_patiently(self, intent: Intent) -> Intent:
        """`bring_up`, again after a pause where it is proven that nothing was done and a pause may help."""
        for pause in PAUSES:
            try:
                return await self.bring_up(intent)
            except NoCredentials:  # the login has had its own patience
                raise
            except (NotSent, RateLimited) as error:
                wait = min(error.retry_after or pause, LONGEST_PAUSE)
                log.warning("%s; nothing was done, trying again in %.0f s", error, wait)
                await self.sleep(wait)
                intent = await reread(self.conn, intent.intent_id)
                await self.conn.commit()
        return await self.bring_up(intent)

    async def bring_up(self, intent: Intent) -> Intent:
        """One intent as far as it goes. Raises what stopped it; the ledger has noted it by then."""
        if intent.state in (S.SENDING, S.IN_DOUBT):
            raise await self._doubt(intent, SENDER_DIED)
        if intent.state == S.REFUSED and intent.vendor_task_id:
            raise LedgerError(
                f"{intent.title}: {intent.note}; correct the list or the settings, then another call date"
            )
        if intent.state == S.REFUSED:  # asked to try again: nothing exists at the vendor
            intent = await self._move(intent, S.PLANNED)
        if intent.state == S.PLANNED and intent.stop_cause:  # stopped while nobody knew whether the vendor had it
            return await self._move(intent, S.CANCELLED, detail=f"stopped before it was created: {intent.stop_cause}")
        if intent.state == S.PLANNED:
            intent = await self._create(intent)
        if intent.state == S.CREATED:
            intent = await self._fill_and_start(intent)
        return intent

    async def _create(self, intent: Intent) -> Intent:
        self.check_kill_switch()
        # the row stays locked until `sending` is committed: a plan made anew meanwhile would have other contacts
        intent = await reread(self.conn, intent.intent_id, for_update=True)
        if self.too_late(intent):
            return await self._move(intent, S.CANCELLED, detail=TOO_LATE)
        anybody = await self._drop_barred(intent)
        contacts = await contacts_of(self.conn, intent) if anybody else []
        if not contacts:
            return await self._move(intent, S.CANCELLED, detail=SUPPRESSED)
        await check_canary(self.conn, intent)
        await check_approved(self.conn, intent, contacts)
        order = order_of(intent, self.spec, self.clock())
        self.dialer.check(order, self.clock())
        riding = contacts if self.dialer.contacts_in_create else ()
        if await mark_sending(self.conn, intent, riding) < len(riding):
            await self.conn.rollback()
            raise NotSent(intent.vendor_code, "create a campaign", "somebody was taken out of the intent meanwhile")
        intent = await self._move(intent, S.SENDING, request_hash=_hash(order, contacts), submitted_at=self.clock())
        self.dialer.guard(lambda: self.last_look(intent))
        try:
            task_id = await bounded(self.dialer, "create a campaign", self.dialer.create(order, riding))
        except NOT_THERE as error:
            await mark_not_sent(self.conn, intent)
            await self._move(intent, S.PLANNED, detail=str(error))
            raise
        except Refused as error:
            await mark_not_sent(self.conn, intent)
            await self._move(intent, S.REFUSED, detail=str(error))
            raise
        except VendorError as error:
            raise await self._doubt(intent, str(error)) from error
        log.info("%s: created, vendor id %s, %d contacts", intent.title, task_id, len(contacts))
        await mark_taken(self.conn, intent)
        return await self._move(
            intent, S.CREATED, vendor_task_id=task_id, confirmed_at=self.clock(),
            contacts_sent=len(riding), contacts_accepted=len(riding),
        )  # fmt: skip

    async def _drop_barred(self, intent: Intent) -> bool:
        """Take out who may not be called any more; False when nobody is left.

        Contacts that follow in batches are asked about when theirs leaves: here only until somebody is found for whom
        the campaign is to be created.
        """
        rule = await self.caps(intent)
        if self.dialer.contacts_in_create:
            await drop_barred(self.conn, intent, rule)
            return True
        rows, size = await rows_of(self.conn, intent), self.spec.limits.candidate_batch
        for part in (rows[first : first + size] for first in range(0, len(rows), size)):
            if await drop_barred(self.conn, intent, rule, part) < len(part):
                return True
        return False

    async def _fill_and_start(self, intent: Intent) -> Intent:
        if intent.vendor_task_id is None:
            raise LedgerError(f"{intent.title}: created, but without the vendor's id")
        if intent.stop_cause:
            return await self._stopped(intent, intent.stop_cause)
        order = order_of(intent, self.spec, self.clock())
        if not self.dialer.contacts_in_create:
            intent = await add_candidates(self, intent, order)
            if intent.state == S.CREATED and self.too_late(intent):
                return await self._stop_short(intent)
        intent = await reread(self.conn, intent.intent_id)  # a stop takes no lock
        if intent.state != S.CREATED:
            return intent
        if intent.stop_cause:
            return await self._stopped(intent, intent.stop_cause)
        if not self.dialer.contacts_in_create:  # else the campaign dials by its schedule: it is to be waited for
            self.check_kill_switch()
        await self.dialer.start(intent.vendor_task_id or "", order, self.clock())
        return await self._move(intent, S.RUNNING, started_at=self.clock())

    async def _stopped(self, intent: Intent, cause: str) -> Intent:
        """Somebody stopped it while it was created, filled or in doubt: it is collected, never filled or started."""
        if await under_way(self.conn, intent):
            raise await self._doubt(intent, SENDER_DIED_FILLING)
        await stop(self.conn, self.dialer, [intent], StopCause(cause), run_id=self.run_id)
        intent = await reread(self.conn, intent.intent_id)
        if intent.state != S.CREATED:
            return intent
        over = S.RUNNING if intent.contacts_accepted else S.CANCELLED
        return await self._move(intent, over, detail=f"stopped: {cause}")

    async def _stop_short(self, intent: Intent) -> Intent:
        """A campaign that was filled too late is stopped; what it dialled by its own schedule is still collected."""
        await stop(self.conn, self.dialer, [intent], StopCause.WINDOW, run_id=self.run_id)
        intent = await reread(self.conn, intent.intent_id)
        self.problems.append(LedgerError(f"{intent.title}: {intent.note}"))
        return intent

    async def last_look(self, intent: Intent, rows: Sequence[int] | None = None) -> None:
        """Raise when calling was switched off, or somebody opted out, while the request waited to leave."""
        self.check_kill_switch()
        if await anybody_opted_out(self.conn, intent, self.spec.purpose.value, rows):
            raise NotSent(intent.vendor_code, "send contacts", "somebody in it has opted out meanwhile")

    async def caps(self, intent: Intent) -> CapRule:
        """The caps that the plan was made under."""
        return await caps_of(self.conn, intent.plan_id, self.spec.purpose)

    def too_late(self, intent: Intent) -> bool:
        """True when less than `min_minutes_left` of the calling window is left."""
        return intent.window_end_utc - self.clock() < timedelta(minutes=self.spec.limits.min_minutes_left)

    def check_kill_switch(self) -> None:
        """Raise when calling is switched off."""
        if self.kill_switch():
            name = self.spec.name
            raise KillSwitchOpen(
                f"calling is switched off for campaign {name} (Variable obzvon_kill_switch), nothing more is sent:"
                f" let it call again with `obzvon resume {name}`, then clear this task"
            )

    async def stop_switched_off(self, plan_id: str, batch_no: int) -> None:
        """Stop whatever of the batch may dial: what was created dials by its own schedule, started or not."""
        await self.conn.rollback()
        chosen = [i for i in await intents_of(self.conn, plan_id, batch_no) if can_be_stopped(i)]
        await stop(self.conn, self.dialer, chosen, StopCause.KILL_SWITCH, run_id=self.run_id)

    async def _move(self, intent: Intent, to: IntentState, detail: str | None = None, **columns: object) -> Intent:
        moved = await move(self.conn, intent, to, run_id=self.run_id, detail=detail, **columns)
        await self.conn.commit()
        return moved

    async def _doubt(self, intent: Intent, why: str) -> InDoubtError:
        if intent.state != S.IN_DOUBT:
            intent = await self._move(intent, S.IN_DOUBT, detail=why)
        return in_doubt(intent, why=intent.note or why)


def _hash(order: Order, contacts: Sequence[Contact]) -> str:
    parts = [order.name, order.starts_at.isoformat(), *(c.external_id for c in contacts)]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def _nothing_usable(intent: Intent) -> InDoubtError:
    return InDoubtError(
        f"{DOUBTS_IN_A_ROW} intents in a row got no usable answer from {intent.vendor_code}; the others of batch"
        f" {intent.batch_no} are left. Find out what is wrong, then clear this task"
    )


def _about(launcher: Launcher, plan_id: str, batch_no: int) -> dict[str, object]:
    return {"campaign": launcher.spec.name, "plan": plan_id, "batch": batch_no}


@staged("launch", _about)
async def launch(launcher: Launcher, plan_id: str, batch_no: int) -> LaunchResult:
    """Bring up every intent of a batch, one after the other; a problem of one does not stop the others.

    An intent in doubt is none: it is noted and left to be settled. An open kill switch, wrong credentials, a vendor
    that is not reached or answers nothing usable, a canary that has not passed and a plan that nobody approved stop the
    batch at once. An open kill switch also stops what is at the vendor already. When nothing of the batch is at work in
    the end, the first problem is raised; otherwise problems are returned, and the audit fails the run once calls are
    collected.
    """
    result, in_a_row = LaunchResult(), 0
    if launcher.kill_switch():
        await launcher.stop_switched_off(plan_id, batch_no)
    for intent in await intents_of(launcher.conn, plan_id, batch_no):
        with fields(intent=intent.intent_id):
            try:
                async with lock(launcher.conn, intent.intent_id):
                    fresh = await reread(launcher.conn, intent.intent_id)
                    after = await launcher.bring_up_patiently(fresh)
                    result.contacts_sent += after.contacts_sent - fresh.contacts_sent
                in_a_row = 0
            except InDoubtError as doubt:
                log.warning("%s", doubt)
                result.doubts.append(doubt)
                in_a_row += fresh.state in (S.PLANNED, S.REFUSED)
                if in_a_row == DOUBTS_IN_A_ROW:
                    result.problems.append(_nothing_usable(intent))
                    break
            except (KillSwitchOpen, CanaryNotPassed, NobodyApproved, AuthRefused, NotSent, RateLimited) as error:
                log.error("%s; the other intents of the batch are left for the next try", error)
                result.problems.append(error)
                if isinstance(error, KillSwitchOpen) and not isinstance(error, TryEnds):
                    await launcher.stop_switched_off(plan_id, batch_no)
                break
            except ObzvonError as error:
                log.error("%s", error)
                result.problems.append(error)
    result.problems += launcher.problems
    result.states.update(i.state for i in await intents_of(launcher.conn, plan_id, batch_no))
    if result.problems and not result.at_work:
        raise result.problems[0]
    return result
