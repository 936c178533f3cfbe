"""What happens to a campaign: contacts come, it starts, pauses, goes on, is halted, a contact is taken back.

Everything the future holds is planned at once and stored; an answer shows what the campaign's virtual clock has
reached. Whatever changes the future has it planned anew from the virtual now.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from obzvon.sandbox.campaigns import Campaign, Campaigns, NewContact
from obzvon.sandbox.dialing import FOREVER, Attempt, Person, plan
from obzvon.sandbox.fates import Chances, Fate, draw


class Lifecycle:
    """Changes campaigns and shows them. Each method is one transaction and returns the campaign as it is then."""

    def __init__(self, campaigns: Campaigns, seed: int) -> None:
        self._campaigns, self._store, self._seed = campaigns, campaigns.store, seed
        self.chances = Chances()

    def find(self, vendor: str, task_id: str) -> Campaign | None:
        """A campaign, ready to be looked at."""
        found = self._campaigns.find(vendor, task_id)
        return None if found is None else self.settled(found)

    def every(self, vendor: str | None = None) -> list[Campaign]:
        """All campaigns, oldest first, ready to be looked at."""
        return [self.settled(found) for found in self._campaigns.every(vendor)]

    def settled(self, campaign: Campaign) -> Campaign:
        """The campaign with its future planned. Left until somebody looks: contacts come in many batches."""
        if campaign.stale_from is None:
            return campaign
        with self._store.transaction():
            if campaign.epoch_at is None:
                self._store.run("delete from attempt where task_id = ?", [campaign.task_id])
            else:
                future = "delete from attempt where task_id = ? and dial_at > ?"
                self._store.run(future, [campaign.task_id, campaign.stale_from])
            made = self._plan(campaign, self._people(campaign), campaign.stale_from)
            # idle time is skipped: the clock starts with the first dial
            first = min((attempt.dial_at for attempt in made), default=campaign.stale_from)
            epoch = first if campaign.epoch_at is None else campaign.epoch_at
            return self._campaigns.change(campaign, epoch_at=epoch, stale_from=None)

    def closed(self, campaign: Campaign) -> bool:
        """True when the campaign takes no more contacts: halted, or its lifetime is over."""
        if campaign.state == "halted" or _before_start(campaign):
            return campaign.state == "halted"
        return campaign.ends_at is not None and self._campaigns.now(campaign) >= campaign.ends_at

    def load(self, campaign: Campaign, contacts: Sequence[NewContact]) -> Campaign:
        """Add contacts."""
        now = self._campaigns.now(campaign)
        begun = campaign.state in ("playing", "paused") and not _before_start(campaign)
        with self._store.transaction():
            added = self._campaigns.add(campaign, contacts, math.floor(now) if begun else 0.0)
            if not added or campaign.state == "paused":
                return campaign
            if begun:
                return self._stale(campaign, now)
            return campaign if campaign.start_mode == "manual" else self._begin(campaign, campaign.start_at or 0.0)

    def play(self, campaign: Campaign) -> Campaign:
        """Start now whatever the schedule says, or go on after a pause."""
        if campaign.state == "waiting" or _before_start(campaign):
            return self._begin(campaign, 0.0)
        if campaign.state == "paused":
            return self._stale(self._campaigns.change(campaign, state="playing"), self._campaigns.now(campaign))
        return campaign

    def pause(self, campaign: Campaign) -> Campaign:
        """Calls that ring or talk go on to their end; nothing new is dialled."""
        campaign = self.settled(campaign)
        if campaign.state != "playing":
            return campaign
        with self._store.transaction():
            self._freeze(campaign, "dial_at = :never, answer_at = null, end_at = :never, record_at = null")
            return self._campaigns.change(campaign, state="paused")

    def halt(self, campaign: Campaign) -> Campaign:
        """Stop for good: whoever waits for a dial gets the status CANCEL."""
        campaign = self.settled(campaign)
        if campaign.state == "halted":
            return campaign
        with self._store.transaction():
            self._freeze(campaign, CANCELLED)
            return self._campaigns.change(campaign, state="halted")

    def cancel(self, campaign: Campaign, phone: str) -> int:
        """Take a number back; how many contacts it concerned."""
        campaign = self.settled(campaign)
        now = self._campaigns.now(campaign)
        with self._store.transaction():
            found = self._store.run(
                "update contact set cancelled_at = :now where task_id = :task and cancelled_at is null"
                " and exists (select 1 from json_each(phones) where value = :phone)",
                {"now": now, "task": campaign.task_id, "phone": phone},
            )
            cancelled = "contact_id in (select contact_id from contact where task_id = :task and cancelled_at = :now)"
            self._freeze(campaign, CANCELLED, cancelled)
            return found

    def _begin(self, campaign: Campaign, start: float) -> Campaign:
        start = max(start, math.ceil(time.time()))
        ends_at = start + campaign.rules.lifetime if campaign.rules.lifetime else campaign.rules.until
        return self._campaigns.change(
            campaign,
            state="playing",
            start_at=start,
            ends_at=ends_at,
            epoch_at=None,
            epoch_elapsed=self._campaigns.clock.elapsed(),
            stale_from=start,
        )

    def _stale(self, campaign: Campaign, since: float) -> Campaign:
        if campaign.stale_from is not None:
            since = min(since, campaign.stale_from)
        return self._campaigns.change(campaign, stale_from=since)

    def _plan(self, campaign: Campaign, people: Iterable[Person], start: float) -> list[Attempt]:
        def fate(phone: str, attempt: int) -> Fate:
            return draw(self._seed, campaign.fate_key, phone, attempt, self.chances)

        made = plan(people, campaign.rules, fate, start, campaign.ends_at)
        self._store.insert_many("attempt", [asdict(attempt) for attempt in made])
        return made

    def _people(self, campaign: Campaign) -> list[Person]:
        history: dict[int, list[Attempt]] = {}
        for row in self._store.rows("select * from attempt where task_id = ? order by attempt", [campaign.task_id]):
            history.setdefault(row["contact_id"], []).append(Attempt(**dict(row)))
        rows = self._store.rows("select * from contact where task_id = ? order by contact_id", [campaign.task_id])
        return [_person(row, campaign, tuple(history.get(row["contact_id"], ()))) for row in rows]

    def _freeze(self, campaign: Campaign, change: str, only: str = "true") -> None:
        """Take back the dials that have not begun; those already shown as waiting are kept, changed by `change`."""
        now = self._campaigns.now(campaign)
        # a clock that stands still at the first dial has not made it yet
        since = now - 1 if now == campaign.epoch_at else now
        values = {"task": campaign.task_id, "now": now, "since": since, "at": math.floor(now), "never": FOREVER}
        future = f"task_id = :task and dial_at > :since and {only}"
        self._store.run(f"delete from attempt where {future} and queued_at > :now", values)
        self._store.run(f"update attempt set {change} where {future}", values)


CANCELLED = (
    "status = 'CANCEL', dialed = 0, dial_at = :at, answer_at = null, end_at = :at, record_at = null, ring = 0,"
    " talk = 0, responder = null, result = null, transferred = 0, price = 0"
)


def _person(row: Any, campaign: Campaign, history: tuple[Attempt, ...]) -> Person:
    return Person(
        task_id=row["task_id"],
        contact_id=row["contact_id"],
        external_id=row["external_id"],
        phones=tuple(json.loads(row["phones"])),
        offset_sec=row["offset_sec"],
        queued_at=max(row["queued_at"], campaign.start_at or 0.0),
        cancelled=row["cancelled_at"] is not None,
        history=history,
    )


def _before_start(campaign: Campaign) -> bool:
    # On the real clock a scheduled campaign has not begun: contacts that come now come before the first dial,
    # however far its accelerated clock has run meanwhile. It starts over from its own start.
    return campaign.start_mode == "schedule" and campaign.state == "playing" and time.time() < (campaign.start_at or 0)
