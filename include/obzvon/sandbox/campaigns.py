"""The campaigns of both dialers: what is stored, and where each one's virtual clock stands."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from obzvon.sandbox.clock import LONGEST, Clock
from obzvon.sandbox.dialing import Rules
from obzvon.sandbox.fates import fate_key
from obzvon.sandbox.store import Store


@dataclass(frozen=True, slots=True)
class Campaign:
    """One vendor campaign. `start_mode`: schedule (at `start_at`), manual (by play), load (with the first contacts).

    `state`: waiting, playing, paused, halted. `start_at`, `ends_at` and `epoch_at` are virtual; the virtual clock
    stood at `epoch_at` when the sandbox had counted `epoch_elapsed` virtual seconds. `stale_from` is the virtual
    moment from which the future must be planned anew before anybody looks at it.
    """

    task_id: str
    vendor: str
    family: str
    name: str
    fate_key: str
    rules: Rules
    start_mode: str
    start_at: float | None
    ends_at: float | None
    state: str
    epoch_at: float | None
    epoch_elapsed: float | None
    stale_from: float | None
    created_at: float
    updated_at: float


@dataclass(frozen=True, slots=True)
class NewContact:
    """A contact as a vendor request brings it. `offset_sec` is seconds east of UTC."""

    phones: tuple[str, ...]
    variables: Mapping[str, Any]
    external_id: str | None = None
    callback: Any = None
    offset_sec: int | None = None


HEAD = (
    "task_id, vendor, family, name, fate_key, rules, start_mode, start_at, ends_at, state, epoch_at, epoch_elapsed, "
    "stale_from, created_at, updated_at"
)


class Campaigns:
    """Reads and writes campaigns and contacts; `lifecycle` decides what happens to them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock = store, clock

    def create(
        self,
        *,
        task_id: str,
        vendor: str,
        family: str,
        name: str,
        body: Mapping[str, Any],
        rules: Rules,
        start_mode: str,
        start_at: float | None,
    ) -> Campaign:
        """Store a campaign that waits; `body` is the request without its contacts."""
        now = time.time()
        row = {
            "task_id": task_id,
            "vendor": vendor,
            "family": family,
            "name": name,
            "fate_key": fate_key(name),
            "body": json.dumps(body, ensure_ascii=False),
            "rules": json.dumps(rules.stored()),
            "start_mode": start_mode,
            "start_at": start_at,
            "state": "waiting",
            "created_at": now,
            "updated_at": now,
        }
        self.store.insert("campaign", row)
        return self.must(vendor, task_id)

    def must(self, vendor: str, task_id: str) -> Campaign:
        """The campaign; KeyError when there is none."""
        found = self.find(vendor, task_id)
        if found is None:
            raise KeyError(task_id)
        return found

    def find(self, vendor: str, task_id: str) -> Campaign | None:
        row = self.store.one(f"select {HEAD} from campaign where task_id = ? and vendor = ?", [task_id, vendor])
        return None if row is None else _campaign(row)

    def every(self, vendor: str | None = None) -> list[Campaign]:
        """Oldest first."""
        sql = f"select {HEAD} from campaign where vendor = coalesce(?, vendor) order by created_at, rowid"
        return [_campaign(row) for row in self.store.rows(sql, [vendor])]

    def body(self, task_id: str) -> dict[str, Any]:
        """The request that created the campaign."""
        saved: dict[str, Any] = json.loads(
            self.store.value("select body from campaign where task_id = ?", [task_id]) or "{}"
        )
        return saved

    def change(self, campaign: Campaign, **columns: Any) -> Campaign:
        sets = ", ".join(f"{name} = :{name}" for name in columns)
        self.store.run(
            f"update campaign set {sets}, updated_at = :now where task_id = :task_id",
            {**columns, "now": time.time(), "task_id": campaign.task_id},
        )
        return self.must(campaign.vendor, campaign.task_id)

    def now(self, campaign: Campaign) -> float:
        """The campaign's virtual now; the real time before it has started."""
        if campaign.epoch_at is None or campaign.epoch_elapsed is None:
            return time.time()
        return campaign.epoch_at + min(self.clock.elapsed() - campaign.epoch_elapsed, LONGEST)

    def add(self, campaign: Campaign, contacts: Iterable[NewContact], queued_at: float) -> int:
        """Store contacts; one whose `external_id` the campaign already has is passed over. How many are new."""
        before = self.contacts(campaign)
        for contact in contacts:
            self.store.run(
                "insert or ignore into contact (task_id, external_id, phones, variables, callback, offset_sec,"
                " queued_at) values (?, ?, ?, ?, ?, ?, ?)",
                [
                    campaign.task_id,
                    contact.external_id,
                    json.dumps(contact.phones),
                    json.dumps(contact.variables, ensure_ascii=False),
                    None if contact.callback is None else json.dumps(contact.callback, ensure_ascii=False),
                    contact.offset_sec,
                    queued_at,
                ],
            )
        return self.contacts(campaign) - before

    def contacts(self, campaign: Campaign) -> int:
        return int(self.store.value("select count(*) from contact where task_id = ?", [campaign.task_id]))


def _campaign(row: Any) -> Campaign:
    return Campaign(**{**dict(row), "rules": Rules.restored(json.loads(row["rules"]))})
