"""Settle: what is in doubt is looked up at the vendor where it can be, and asked of a person where it cannot.

    creation   the vendor lists (TWIN v1)          one of ours: adopted; none in several spaced looks: sent again;
                                                   two or more: a person; a look that fails says nothing: look on
               an empty campaign dials nobody      a possible orphan is noted, the campaign is created again
               neither (Dialog)                    a person
    contacts   the vendor's own count has them     accepted
               nobody was dialled, it can be halted  halted and confirmed, then a new campaign for everybody
               else                                a person

Nothing here creates: an intent that is settled goes on with the next launch.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import psycopg

from obzvon.campaigns.spec import CampaignSpec, Settling
from obzvon.errors import AuthRefused, ContractBreak, LedgerError, VendorError
from obzvon.ledger.doubts import Doubt, Finding, Subject, close, doubt_of, not_of_others, number
from obzvon.ledger.intents import Intent, intents_of, lock, move, reread, try_lock
from obzvon.ledger.keys import marker
from obzvon.ledger.states import IntentState
from obzvon.stages.candidates import SKEW, find_campaign
from obzvon.stages.launch import SENDER_DIED, SENDER_DIED_FILLING
from obzvon.stages.stop import under_way
from obzvon.stages.wait import task_of
from obzvon.vendors.base import Dialer, Found, StopOutcome

__all__ = [
    "Answer",
    "Choice",
    "Question",
    "Settler",
    "Sight",
    "UnusableAnswer",
    "answer",
    "check_at_vendor",
    "look_out",
    "take_apart",
]

log = logging.getLogger(__name__)
S = IntentState
CONFIRMED = StopOutcome.CONFIRMED


class Choice(StrEnum):
    """What a person can say; the words of the question in the UI."""

    EXISTS = "It exists"
    ABSENT = "It does not exist, send again"
    LEAVE = "Leave it"


class UnusableAnswer(LedgerError):
    """It lacks the vendor's id, the id belongs to another intent, or it comes too early. The question stands."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said. `task_id` is the vendor's id of the campaign, needed where a creation is said to exist."""

    choice: Choice
    by: str
    at: datetime | None
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """What the vendor shows: campaigns with our marker (None: it cannot list), and its count of contacts in ours."""

    campaigns: tuple[Found, ...] | None = None
    contacts: int | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What only a person can tell, with the evidence. No phone and no name in it."""

    doubt: Doubt
    seen: str

    @property
    def subject(self) -> str:
        """The headline; lists cut it off, so what differs comes first."""
        intent, vendor = self.doubt.intent, self.doubt.intent.vendor_code.capitalize()
        what = "the campaign" if self.doubt.subject is Subject.CREATION else f"{self.doubt.batch} contacts"
        return (
            f"{intent.call_date:%d.%m} {intent.zone} #{intent.chunk_no}: does {vendor} have {what} of"
            f" {intent.campaign_id} ({intent.call_date})?"
        )

    @property
    def evidence(self) -> str:
        """All that is known, as Markdown, and what each answer does."""
        intent, doubt, vendor = self.doubt.intent, self.doubt, self.doubt.intent.vendor_code.capitalize()
        creation = doubt.subject is Subject.CREATION
        lines = {
            "In doubt": "the creation of a campaign" if creation else f"contacts added to {intent.vendor_task_id}",
            "Contacts": str(doubt.batch),
            "Campaign": f"{intent.campaign_id}, calls of {intent.call_date}, zone {intent.zone} #{intent.chunk_no}",
            "Calls": f"{intent.window_start_utc:%Y-%m-%d %H:%M} to {intent.window_end_utc:%Y-%m-%d %H:%M} UTC,"
            f" at {intent.local_from:%H:%M}–{intent.local_to:%H:%M} where the people are",
            "Sent": f"{doubt.sent_at:%Y-%m-%d %H:%M:%S} UTC",
            "Error": intent.note or "unknown",
            "Known since": self.seen,
            "Intent": intent.intent_id,
        }
        table = "\n".join(f"| {name} | {value} |" for name, value in lines.items())
        look = f"for a campaign whose name carries `{marker(intent.intent_id)}`."
        if not creation:
            look = (
                f"at campaign {intent.vendor_task_id}: with {doubt.before + doubt.batch} contacts “it exists”,"
                f" with {doubt.before} it does not; otherwise leave it."
            )
        return f"| | |\n|---|---|\n{table}\n\nLook in the cabinet of {vendor} {look}\n\n{_HOW.format(vendor=vendor)}"


_HOW = """\
* We send nothing while the question is open. But if {vendor} has it, **{vendor} dials these people when the calls
  begin, whatever you answer**: look before then. To prevent the calls, delete the campaign in the cabinet and say
  “leave it”.
* **It exists** (give its id): its calls are waited for and loaded.
* **It does not exist, send again**: it is created once more. If it does exist, people are called twice. Counts from a
  quarter of an hour after the sending on; an earlier answer is asked for again.
* **Leave it**: we do not call these people. If {vendor} does, its calls stay out of the warehouse.

An answer that cannot be used is asked for again; the log of this task says why."""


@dataclass(slots=True)
class Settler:
    """What settling needs. `run_id` goes to the ledger with every step."""

    conn: psycopg.AsyncConnection
    dialer: Dialer
    spec: CampaignSpec
    run_id: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def settle(self, intent: Intent) -> Intent | Question:
        """Look and conclude, in one go; for callers that may wait."""
        doubt = await self.doubt(intent)
        if doubt is None:
            return await reread(self.conn, intent.intent_id)
        seen = await look_out(
            self.dialer, doubt, self.spec, deadline=deadline_of(self.spec.settle, self.clock()),
            sleep=self.sleep, clock=self.clock,
        )  # fmt: skip
        return await self.conclude(doubt, seen)

    async def doubt(self, intent: Intent) -> Doubt | None:
        """What is in doubt, None when nothing is (any more)."""
        async with lock(self.conn, intent.intent_id):
            intent = await reread(self.conn, intent.intent_id)
            if intent.state == S.SENDING:  # under the lock: whoever sent it is dead
                intent = await move(self.conn, intent, S.IN_DOUBT, run_id=self.run_id, detail=SENDER_DIED)
                await self.conn.commit()
            return await doubt_of(self.conn, intent) if intent.state == S.IN_DOUBT else None

    async def conclude(self, looked: Doubt, seen: Sight | None) -> Intent | Question:
        """The step that follows from what was seen, or the question. None: the vendor did not answer in time.

        What was seen is about the doubt that was looked for, `looked`; a later one of the intent is left alone.
        """
        async with lock(self.conn, looked.intent.intent_id):
            intent = await reread(self.conn, looked.intent.intent_id)
            if intent.state != S.IN_DOUBT:
                return intent
            doubt = await doubt_of(self.conn, intent)
            if not doubt.same(looked):
                return intent
            if seen is None:
                return Question(doubt, f"the look-up did not answer for {self.spec.settle.minutes:g} minutes")
            if doubt.subject is Subject.CREATION:
                return await self._creation(doubt, seen)
            return await self._contacts(doubt, seen)

    async def _creation(self, doubt: Doubt, seen: Sight) -> Intent | Question:
        if seen.campaigns is None:
            if self.dialer.contacts_in_create:
                return Question(doubt, f"{self.dialer.code} documents no way to list campaigns")
            why = "an empty campaign may be left at the vendor; it dials nobody"
            return await self._close(doubt, Finding.ORPHAN, why)
        ids = await not_of_others(self.conn, doubt.intent, [campaign.task_id for campaign in seen.campaigns])
        ours = [campaign for campaign in seen.campaigns if campaign.task_id in ids]
        if len(ours) > 1:
            return Question(doubt, f"{len(ours)} campaigns carry the marker: {', '.join(ids)}; halt all but one")
        if ours and ours[0].contacts:
            return Question(doubt, f"campaign {ids[0]} carries the marker and holds {ours[0].contacts} contacts")
        if ours:
            why = f"one campaign carries the marker {marker(doubt.intent.intent_id)}"
            return await self._close(doubt, Finding.EXISTS, why, ids[0])
        why = f"{self.spec.settle.looks} looks found no campaign with {marker(doubt.intent.intent_id)}"
        return await self._close(doubt, Finding.ABSENT, why)

    async def _contacts(self, doubt: Doubt, seen: Sight) -> Intent | Question:
        why = f"the vendor holds {seen.contacts} contacts, {doubt.before} before and {doubt.batch} sent"
        if seen.contacts == doubt.before + doubt.batch:
            return await self._close(doubt, Finding.EXISTS, why)
        if seen.contacts is None:
            why = "the vendor shows no count of the campaign's contacts"
        if await self._fenced(doubt.intent):
            return await self._close(doubt, Finding.ORPHAN, f"{why}; it has dialled nobody and is halted")
        return Question(doubt, why)

    async def _fenced(self, intent: Intent) -> bool:
        """Halt a campaign that has dialled nobody, so that a batch that still arrives arrives in a dead one."""
        if await self._dialled(intent) != 0 or await self.dialer.cancel(intent.vendor_task_id or "") != CONFIRMED:
            return False
        return await self._dialled(intent) == 0

    async def _dialled(self, intent: Intent) -> int | None:
        found = await find_campaign(self.dialer, intent, self.clock())
        return None if found is None else found.calls

    async def _close(self, doubt: Doubt, finding: Finding, why: str, task_id: str | None = None) -> Intent:
        log.info("%s: %s: %s", doubt.intent.title, finding, why)
        return await close(self.conn, doubt, finding, run_id=self.run_id, evidence=why, vendor_task_id=task_id)


def deadline_of(rule: Settling, now: datetime) -> datetime:
    """When looking ends and a person is asked (UTC)."""
    return now + timedelta(minutes=rule.minutes)


async def look_out(
    dialer: Dialer,
    doubt: Doubt,
    spec: CampaignSpec,
    *,
    deadline: datetime,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Sight | None:
    """What the vendor shows, once that is certain; None when the deadline comes first. Only looks.

    "Not there" is certain after `settle.looks` equal looks. A look that fails says nothing and is tried again.
    AuthRefused ends the looking.
    """
    rule, same = spec.settle, list[Sight]()
    while clock() < deadline:
        seen = await _look(dialer, doubt, spec, clock())
        if seen is not None:
            same = [*same, seen] if same and same[-1] == seen else [seen]
            if _certain(doubt, seen) or len(same) >= rule.looks:
                return seen
        await sleep(rule.pause_seconds * random.uniform(0.8, 1.2))  # noqa: S311
    return None


async def _look(dialer: Dialer, doubt: Doubt, spec: CampaignSpec, now: datetime) -> Sight | None:
    intent = doubt.intent
    try:
        if doubt.subject is Subject.CREATION:
            found = await dialer.find(marker(intent.intent_id), doubt.sent_at - SKEW, now + SKEW)
            return Sight(campaigns=found)
        ours = await find_campaign(dialer, intent, now)
        if ours is not None and ours.contacts is not None:
            return Sight(contacts=ours.contacts)
        # calls of all of them prove that they arrived; fewer prove nothing: a call may show only when it is made
        seen = (await dialer.look(task_of(intent, spec))).contacts_seen
        return Sight(contacts=seen if seen == doubt.before + doubt.batch else None)
    except AuthRefused:
        raise
    except (VendorError, ContractBreak) as error:
        log.warning("%s: in doubt, nothing is sent; waiting until the vendor can be asked: %s", intent.title, error)
        return None


def _certain(doubt: Doubt, seen: Sight) -> bool:
    if doubt.subject is Subject.CREATION:
        return seen.campaigns is None or bool(seen.campaigns)
    return seen.contacts == doubt.before + doubt.batch


async def answer(
    conn: psycopg.AsyncConnection, question: Question, said: Answer, rule: Settling, *, run_id: str
) -> Intent:
    """Take a person's answer to the ledger, with who gave it and when. An intent settled meanwhile stays as it is.

    Raises UnusableAnswer where the question has to be asked again.
    """
    intent_id = question.doubt.intent.intent_id
    async with lock(conn, intent_id):
        intent = await reread(conn, intent_id)
        if intent.state != S.IN_DOUBT:
            return intent
        doubt = await doubt_of(conn, intent)
        if not doubt.same(question.doubt):  # it was settled and is in doubt again: that is another question
            return intent
        task_id = await _said_id(conn, doubt, said)
        _late_enough(doubt, said, rule)
        try:
            return await close(
                conn, doubt, _FINDINGS[said.choice], run_id=run_id, evidence=f"answer: {said.choice}", by=said.by,
                answered_at=said.at, vendor_task_id=task_id,
            )  # fmt: skip
        except psycopg.errors.UniqueViolation:  # two answers gave one id in the same moment
            await conn.rollback()
            raise UnusableAnswer(f"{doubt.intent.title}: that campaign belongs to another intent") from None


_FINDINGS = {Choice.EXISTS: Finding.EXISTS, Choice.ABSENT: Finding.ABSENT, Choice.LEAVE: Finding.LEFT}


async def check_at_vendor(dialer: Dialer, doubt: Doubt, said: Answer, now: datetime) -> None:
    """UnusableAnswer when the vendor lists campaigns and the one that is said to exist does not carry the marker.

    A list that fails is no objection: a person is asked because of such lists.
    """
    if said.choice is not Choice.EXISTS or doubt.subject is not Subject.CREATION:
        return
    try:
        found = await dialer.find(marker(doubt.intent.intent_id), doubt.sent_at - SKEW, now + SKEW)
    except (VendorError, ContractBreak) as error:
        log.warning("%s: the answer could not be checked: %s", doubt.intent.title, error)
        return
    if found is not None and (said.task_id or "").strip() not in {campaign.task_id for campaign in found}:
        raise UnusableAnswer(f"{doubt.intent.title}: the vendor lists no such campaign with this intent's marker")


def _late_enough(doubt: Doubt, said: Answer, rule: Settling) -> None:
    first = doubt.sent_at + timedelta(minutes=rule.absent_minutes)
    if said.choice is Choice.ABSENT and (said.at or first) < first:
        raise UnusableAnswer(
            f"{doubt.intent.title}: before {first:%H:%M} UTC nobody can know that it does not exist, the request may"
            " still arrive; look again then"
        )


async def _said_id(conn: psycopg.AsyncConnection, doubt: Doubt, said: Answer) -> str | None:
    if said.choice is not Choice.EXISTS or doubt.subject is Subject.CONTACTS:
        return None
    task_id = (said.task_id or "").strip()
    if not task_id:
        raise UnusableAnswer(f"{doubt.intent.title}: “{said.choice}” needs the vendor's id of the campaign")
    if not await not_of_others(conn, doubt.intent, (task_id,)):
        raise UnusableAnswer(f"{doubt.intent.title}: campaign {task_id} belongs to another intent of the ledger")
    return task_id


async def take_apart(conn: psycopg.AsyncConnection, plan_id: str, run_id: str) -> list[int]:
    """Give every doubt of a plan a batch of its own, so that it holds nobody back; the numbers of all there ever were.

    An intent found `sending` or half filled whose sender is dead is in doubt too; one whose sender lives is left alone.
    A number once given stays: whoever answers a question must be heard about the doubt that was shown.
    """
    for intent in await intents_of(conn, plan_id, states=[S.IN_DOUBT, S.SENDING, S.CREATED]):
        async with try_lock(conn, intent.intent_id) as alone:
            if not alone:
                continue
            await conn.execute("select pg_advisory_xact_lock(hashtextextended('doubts:' || %s, 0))", (plan_id,))
            fresh = await reread(conn, intent.intent_id)
            if fresh.state == S.SENDING:
                fresh = await move(conn, fresh, S.IN_DOUBT, run_id=run_id, detail=SENDER_DIED)
            if fresh.state == S.CREATED and await under_way(conn, fresh):
                fresh = await move(conn, fresh, S.IN_DOUBT, run_id=run_id, detail=SENDER_DIED_FILLING)
            if fresh.state == S.IN_DOUBT:
                await number(conn, await doubt_of(conn, fresh))
            await conn.commit()
    cur = await conn.execute("select batch_no from ops.doubt where plan_id = %s order by batch_no", (plan_id,))
    return [batch_no for (batch_no,) in await cur.fetchall()]
