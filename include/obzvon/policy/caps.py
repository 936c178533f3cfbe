"""The caps of a purpose as numbers and dates that SQL compares with `ops.attempt_reservation`.

Source: domain rules 1.2 (230-FZ, art. 7) and 1.8. A day is the subscriber's local date.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from obzvon.campaigns.spec import Purpose
from obzvon.policy.model import Policy

__all__ = ["CapRule"]

#: Larger than any number of dials a vendor makes.
NO_CAP = 32_767
#: An intent of an earlier date that is not over may still redial; one that hangs longer than this is stuck.
RECALL_DAYS = 3


@dataclass(frozen=True, slots=True)
class CapRule:
    """What one purpose allows; `one_campaign`: whoever another campaign has on that day is left to it."""

    purpose: str
    day: int = NO_CAP
    week: int = NO_CAP
    month: int = NO_CAP
    rolling: bool = False
    answered: bool = False
    by_phone: bool = True
    by_person: bool = True
    one_campaign: bool = True

    @classmethod
    def of(cls, policy: Policy, purpose: Purpose) -> CapRule:
        """The rule as the policy says it."""
        cap, alone = policy.rules(purpose).cap, policy.one_campaign_a_day
        if cap is None:
            return cls(purpose.value, one_campaign=alone)
        return cls(
            purpose.value, cap.day, cap.week, cap.month, cap.week_kind == "rolling", cap.count == "answered",
            "phone" in cap.scope, "person" in cap.scope, alone,
        )  # fmt: skip

    def values(self, first: date, last: date | None = None) -> dict[str, Any]:
        """Parameters for SQL; `since` and `until` span every date that can count for calls from `first` to `last`."""
        last = last or first
        monday, sunday = first - timedelta(days=first.weekday()), last + timedelta(days=6 - last.weekday())
        month_end = last.replace(day=monthrange(last.year, last.month)[1])
        return {
            "purpose": self.purpose,
            "cap_day": self.day,
            "cap_week": self.week,
            "cap_month": self.month,
            "rolling": self.rolling,
            "answered": self.answered,
            "by_phone": self.by_phone,
            "by_person": self.by_person,
            "one_campaign": self.one_campaign,
            "since": min(first.replace(day=1), monday, first - timedelta(days=6)),
            "until": max(month_end, sunday, last + timedelta(days=6)),
            "recall_days": RECALL_DAYS,
        }
