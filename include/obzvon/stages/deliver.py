"""Deliver: every conversation with a person that has a recording becomes a Qolio record, once for each content.

A campaign may ask for a sample (`qolio.sample_share`): the rest is kept in the ledger as SKIPPED. So are calls whose
recording a campaign wants copied and which have no copy yet; every run looks at them again.

A fixed pool of workers takes calls from a bounded queue, so memory does not grow with the plan; the next group of calls
is read meanwhile. A call is marked SENDING and committed before its request leaves. Answers are written behind the
workers, as many at once as have come, and workers wait where `limits.qolio_concurrency` of them are unwritten: a run
killed anywhere leaves at most three times as many calls that are sent a second time (an update by `uid`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from pydantic import ValidationError

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import ConfigError, InDoubt
from obzvon.qolio.answers import Accepted, Answer, Rejected, Unanswered
from obzvon.qolio.deliveries import Conversation, Deliveries, DeliveryState, Mark, Outcome, conversations
from obzvon.qolio.payload import PhoneCall, build, digest, payload_hash
from obzvon.recordings.links import Links
from obzvon.recordings.media import Lack, Media, media_of
from obzvon.telemetry.spans import staged
from obzvon.warehouse.db import connect_async

__all__ = ["NOT_SAMPLED", "CallsClient", "DeliverySummary", "deliver"]

log = logging.getLogger(__name__)

#: Calls read, marked and committed together before their requests leave.
GROUP = 50
NOT_SAMPLED = "not_sampled"
LEAST_SILENCE = 3


class CallsClient(Protocol):
    """What the stage needs of Qolio."""

    async def add_call(self, payload: PhoneCall) -> Answer:
        """Create or update one call. An ObzvonError stops the whole delivery."""


@dataclass(frozen=True, slots=True)
class DeliverySummary:
    """Calls of the plan by what this run did with them; `unchanged` ones were settled before and not touched.

    `skipped` ones have no recording, `unsampled` ones have, and are none of the reviewers' sample; `late` ones wait for
    the copy of theirs.
    """

    conversations: int
    sent: int
    rejected: int
    skipped: int
    unchanged: int
    in_doubt: int
    unsampled: int = 0
    late: int = 0


def _about(dsn: str, spec: CampaignSpec, client: CallsClient, plan_id: str, **_: object) -> dict[str, object]:
    return {"campaign": spec.name, "plan": plan_id, "vendor": "qolio"}


@staged("deliver", _about)
async def deliver(
    dsn: str,
    spec: CampaignSpec,
    client: CallsClient,
    plan_id: str,
    *,
    retry_rejected: bool = False,
    links: Links | None = None,
) -> DeliverySummary:
    """Send what is missing or changed of a plan's conversations; others are left alone.

    A conversation without a recording, or outside of the sample, is SKIPPED and looked at again by the next run; what
    was sent once stays in the sample. A rejected call is sent again when its content changed, or with `retry_rejected`.
    `links` shows copies of recordings, for campaigns that copy. Two runs of one plan at once follow one another. Raises
    AuthRefused or ConfigError at once when no call can succeed, InDoubt when calls got no answer: the next run sends
    those again.
    """
    if spec.recordings.copies and links is None:
        raise ConfigError(f"campaign {spec.name}: `recordings.mode` is copy, and nobody said how copies are shown")
    deadline = spec.recordings.deadline_hours
    async with await connect_async(dsn) as reader, Deliveries.connected(dsn) as deliveries:
        await deliveries.hold(plan_id)
        delivery = _Delivery(spec, client, deliveries, retry_rejected, links)
        try:
            async with aclosing(conversations(reader, plan_id, GROUP, spec.qolio.sample_share, deadline)) as groups:
                await delivery.run(groups)
        except ExceptionGroup as group:
            raise _first(group) from None
    summary = delivery.summary()
    log.info("%s", summary)
    if summary.in_doubt:
        raise _unanswered(summary)
    return summary


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _unanswered(summary: DeliverySummary) -> InDoubt:
    cause = (
        f"{summary.in_doubt} of {summary.conversations} calls got no usable answer, {summary.sent} were taken; "
        "run deliver again when Qolio is back, only the missing ones are sent"
    )
    return InDoubt("qolio", "add calls", cause)


class _Ledger:
    """Outcomes on their way into the ledger: whoever has one does not wait for the commit, unless `room` others do."""

    def __init__(self, deliveries: Deliveries, room: int) -> None:
        self._deliveries = deliveries
        self._come: asyncio.Queue[Outcome | None] = asyncio.Queue(room)

    async def add(self, outcome: Outcome | None) -> None:
        """Hand one over; None: there will be no more."""
        await self._come.put(outcome)

    async def write(self) -> None:
        """Commit all that has come, again and again until there will be no more; what has begun is finished."""
        while (outcome := await self._come.get()) is not None:
            writing = asyncio.ensure_future(self._deliveries.record([outcome, *self._waiting()]))
            try:
                await asyncio.shield(writing)
            except asyncio.CancelledError:
                await writing
                raise

    async def rest(self) -> None:
        """Commit what a delivery that breaks off has heard and not yet written."""
        await self._deliveries.record(self._waiting())

    def _waiting(self) -> list[Outcome]:
        found = []
        while not self._come.empty():
            if (outcome := self._come.get_nowait()) is None:
                self._come.put_nowait(None)  # the last one: nobody puts after it
                break
            found.append(outcome)
        return found


class _Delivery:
    def __init__(
        self,
        spec: CampaignSpec,
        client: CallsClient,
        deliveries: Deliveries,
        retry_rejected: bool,
        links: Links | None,
    ) -> None:
        self._spec, self._client, self._deliveries, self._retry_rejected = spec, client, deliveries, retry_rejected
        self._links = links
        self._ledger = _Ledger(deliveries, spec.limits.qolio_concurrency)
        self._queue: asyncio.Queue[PhoneCall | None] = asyncio.Queue(max(GROUP, spec.limits.qolio_concurrency))
        self._read: asyncio.Queue[list[Conversation] | None] = asyncio.Queue(1)
        self._counts: Counter[str] = Counter()
        self._silence = 0

    async def run(self, groups: AsyncIterator[list[Conversation]]) -> None:
        """Send all groups; an error of one worker ends the others, and what the ledger has been handed is noted."""
        try:
            async with asyncio.TaskGroup() as pool:
                pool.create_task(self._ledger.write())
                async with asyncio.TaskGroup() as workers:
                    for _ in range(self._spec.limits.qolio_concurrency):
                        workers.create_task(self._work())
                    workers.create_task(self._read_ahead(groups))
                    await self._hand_out()
                await self._ledger.add(None)
        finally:
            await self._ledger.rest()

    async def _hand_out(self) -> None:
        while (group := await self._read.get()) is not None:
            await self._enqueue(group)
        for _ in range(self._spec.limits.qolio_concurrency):
            await self._queue.put(None)

    async def _read_ahead(self, groups: AsyncIterator[list[Conversation]]) -> None:
        async for group in groups:
            await self._read.put(group)
        await self._read.put(None)

    def summary(self) -> DeliverySummary:
        """What was done so far."""
        count = self._counts
        return DeliverySummary(
            conversations=count["conversations"],
            sent=count[DeliveryState.SENT],
            rejected=count[DeliveryState.REJECTED],
            skipped=count[DeliveryState.SKIPPED],
            unchanged=count["unchanged"],
            in_doubt=count[DeliveryState.IN_DOUBT],
            unsampled=count[NOT_SAMPLED],
            late=count[Lack.LATE],
        )

    async def _enqueue(self, group: Sequence[Conversation]) -> None:
        marks, payloads = [], []
        for conversation in group:
            mark, payload = self._decide(conversation)
            marks += [mark] if mark else []
            payloads += [payload] if payload else []
            await asyncio.sleep(0)  # answers that came meanwhile go first: a whole group would keep them waiting
        self._counts["conversations"] += len(group)
        await self._deliveries.mark(marks)
        for payload in payloads:
            await self._queue.put(payload)

    def _decide(self, conversation: Conversation) -> tuple[Mark | None, PhoneCall | None]:
        """The line to write and the body to send; both None when nothing changed."""
        media = media_of(self._spec.recordings, conversation.call.record_url, conversation.copy, self._links)
        if media is Lack.NONE:
            return self._without_recording(conversation, media), None
        if not conversation.sampled and conversation.state in {None, DeliveryState.SKIPPED}:
            self._counts[NOT_SAMPLED] += 1
            return _skipped(conversation, NOT_SAMPLED), None
        if isinstance(media, Lack):
            return self._without_recording(conversation, media), None
        return self._with_recording(conversation, media)

    def _with_recording(self, conversation: Conversation, media: Media) -> tuple[Mark | None, PhoneCall | None]:
        try:
            payload = build(conversation.call, self._spec, media.url)
        except ValidationError as error:
            return self._unbuildable(conversation, error), None
        content = payload_hash(payload, media.content)
        if self._settled(conversation, content):
            return None, None
        return Mark(conversation, content, DeliveryState.SENDING), payload

    def _settled(self, conversation: Conversation, content: str) -> bool:
        state = conversation.state
        again = state is None or not state.settled or (state is DeliveryState.REJECTED and self._retry_rejected)
        if again or conversation.payload_hash != content:
            return False
        self._counts["unchanged"] += 1
        return True

    def _without_recording(self, conversation: Conversation, lack: Lack) -> Mark | None:
        if conversation.state not in {None, DeliveryState.SKIPPED}:
            self._counts["unchanged"] += 1
            return None
        self._counts[lack if lack is Lack.LATE else DeliveryState.SKIPPED] += 1
        return _skipped(conversation, lack)

    def _unbuildable(self, conversation: Conversation, error: ValidationError) -> Mark | None:
        places = sorted({".".join(map(str, detail["loc"])) for detail in error.errors(include_input=False)})
        content = digest({"uid": conversation.call.uid, "record_url": conversation.call.record_url, "fields": places})
        if self._settled(conversation, content):
            return None
        self._counts[DeliveryState.REJECTED] += 1
        return Mark(
            conversation, content, DeliveryState.REJECTED, "not sent, breaks the document: " + ", ".join(places)
        )

    async def _work(self) -> None:
        while (payload := await self._queue.get()) is not None:
            answer = await self._client.add_call(payload)
            outcome = _outcome(payload.uid or "", answer)
            await self._ledger.add(outcome)
            self._counts[outcome.state] += 1
            self._watch(answer)

    def _watch(self, answer: Answer) -> None:
        """Stop when every worker, and three calls at least, met silence in a row: Qolio is down, not one call odd."""
        self._silence = self._silence + 1 if isinstance(answer, Unanswered) else 0
        if self._silence >= max(LEAST_SILENCE, self._spec.limits.qolio_concurrency):
            raise _unanswered(self.summary())


def _skipped(conversation: Conversation, reason: str) -> Mark:
    content = digest({"uid": conversation.call.uid, "reason": reason})
    return Mark(conversation, content, DeliveryState.SKIPPED, reason)


def _outcome(uid: str, answer: Answer) -> Outcome:
    match answer:
        case Accepted(status, tries):
            return Outcome(uid, DeliveryState.SENT, tries, status)
        case Rejected(status, tries, fields):
            return Outcome(uid, DeliveryState.REJECTED, tries, status, ", ".join(fields) or None)
        case Unanswered(tries, status, cause):
            return Outcome(uid, DeliveryState.IN_DOUBT, tries, status, cause)
