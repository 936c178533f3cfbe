"""When a report is complete: proven from what the vendor shows, never assumed.

A vendor campaign is complete when, by the vendor's own clock,
  1. it cannot dial any more: the vendor says so, or the window has been over for `margin_minutes`;
  2. no row is pending and every accepted contact is terminal;
  3. no conversation waits for its recording, or recordings had `recording_minutes` after the window to appear;
  4. the last `stable_polls` looks are equal and span at least `stable_minutes`.
Where contacts never appear in the report (the window closed before their turn), 2 gives way once the window is over and
one more equal look has passed: the audit counts those contacts. Source: design §4.5, hazard 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from obzvon.campaigns.spec import Waiting
from obzvon.vendors.base import Progress, Task

__all__ = ["Judgement", "due", "judge", "window_open"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a report is complete, and in a few words why (not)."""

    complete: bool
    why: str


def due(task: Task, rule: Waiting, gap: timedelta) -> datetime:
    """The vendor's moment from which on a look can decide when a report is complete. Pure.

    No look before `ends_at` and `margin` ends the wait of a task that the vendor does not call finished. The first look
    after that may end it, by those that came `stable_for` and `stable_polls` looks before: `gap`, the longest time
    between two looks, says how early they must begin.
    """
    return task.order.ends_at + rule.margin - max(rule.stable_for + gap, rule.stable_polls * gap)


def window_open(task: Task) -> Judgement:
    """What holds as long as the vendor can dial, whatever the report says."""
    return Judgement(False, f"window open until {task.order.ends_at:%Y-%m-%d %H:%M} UTC")


def judge(task: Task, looks: Sequence[Progress], rule: Waiting) -> Judgement:
    """Judge a vendor campaign by all looks at it so far, oldest first. Pure."""
    if not looks:
        return Judgement(False, "not looked yet")
    now = looks[-1]
    over = now.vendor_time >= task.order.ends_at + rule.margin
    if not (over or now.task_finished):
        return window_open(task)
    if now.pending_rows:
        return Judgement(False, f"{now.pending_rows} calls under way")
    recordings_due = now.vendor_time < task.order.ends_at + rule.margin + rule.recordings_within
    if now.recordings_missing and recordings_due:
        return Judgement(False, f"{now.recordings_missing} recordings not there yet")
    equal = _equal_tail(looks)
    span = now.vendor_time - equal[0].vendor_time
    open_contacts = task.contacts - now.contacts_terminal
    covered = open_contacts <= 0
    needed = rule.stable_polls if covered else rule.stable_polls + 1
    if len(equal) < needed or span < rule.stable_for:
        return Judgement(False, f"report stable for {len(equal)} of {needed} looks")
    if covered:
        return Judgement(True, "every contact has a terminal outcome")
    if over:
        return Judgement(True, f"window over, {open_contacts} contacts without a terminal outcome")
    return Judgement(False, f"{open_contacts} contacts without a terminal outcome")


def _equal_tail(looks: Sequence[Progress]) -> Sequence[Progress]:
    first = len(looks) - 1
    while first > 0 and looks[first - 1].fingerprint == looks[-1].fingerprint:
        first -= 1
    return looks[first:]
