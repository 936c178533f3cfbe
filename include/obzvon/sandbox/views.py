"""What can be seen of the attempts: only what each campaign's virtual clock has reached."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from obzvon.sandbox.campaigns import Campaign, Campaigns

#: Columns of `attempt` plus `now`, `shown` (the status at this moment) and `updated_at`.
SEEN = """
select a.*, clock.value as now,
       case when clock.value < a.dial_at then 'SCHEDULED'
            when clock.value < coalesce(a.answer_at, a.end_at) then 'DIAL'
            when clock.value < a.end_at then 'INPROGRESS'
            else a.status end as shown,
       case when clock.value >= a.record_at then a.record_at
            when clock.value >= a.end_at then a.end_at
            when clock.value >= a.answer_at then a.answer_at
            when clock.value >= a.dial_at then a.dial_at
            else a.queued_at end as updated_at
  from json_each(:clocks) clock join attempt a on a.task_id = clock.key and a.queued_at <= clock.value
"""


class Views:
    """Questions about attempts across campaigns."""

    def __init__(self, campaigns: Campaigns) -> None:
        self._campaigns = campaigns

    def attempts(
        self,
        of: Iterable[Campaign],
        where: str = "true",
        params: Mapping[str, Any] | None = None,
        order: str = "dial_at, call_id",
        limit: int = -1,
        offset: int = 0,
    ) -> list[sqlite3.Row]:
        """Visible attempts. `where` and `order` name columns of SEEN; values are bound from `params`."""
        values = {**(params or {}), "clocks": self._clocks(of), "limit": limit, "offset": offset}
        sql = f"select * from ({SEEN}) where {where} order by {order} limit :limit offset :offset"
        return self._campaigns.store.rows(sql, values)

    def count(self, of: Iterable[Campaign], where: str = "true", params: Mapping[str, Any] | None = None) -> int:
        values = {**(params or {}), "clocks": self._clocks(of)}
        return int(self._campaigns.store.value(f"select count(*) from ({SEEN}) where {where}", values))

    def tally(self, of: Iterable[Campaign]) -> dict[str, int]:
        """Visible attempts by the status they show."""
        sql = f"select shown, count(*) as n from ({SEEN}) group by shown"
        return {row["shown"]: row["n"] for row in self._campaigns.store.rows(sql, {"clocks": self._clocks(of)})}

    def status(self, campaign: Campaign) -> str:
        """The task's status in TWIN's words; FINISHED is the sandbox's own (the vendor's table is cut off)."""
        if campaign.state == "halted":
            return "HALTED"
        if not self._campaigns.contacts(campaign):
            return "BLANK"
        if campaign.state != "playing":
            return {"waiting": "READY", "paused": "PAUSED"}[campaign.state]
        last = self._campaigns.store.one(
            "select max(end_at) as at, max(status = 'CANCEL' and end_at = :ends) as cut"
            " from attempt where task_id = :id",
            {"id": campaign.task_id, "ends": campaign.ends_at},
        )
        if last is not None and last["at"] is not None and last["at"] > self._campaigns.now(campaign):
            return "PROCESS"
        return "HALTED" if last is not None and last["cut"] else "FINISHED"

    def _clocks(self, of: Iterable[Campaign]) -> str:
        return json.dumps({campaign.task_id: self._campaigns.now(campaign) for campaign in of})
