"""What others say about the month's calls: Qolio, reviewers, people who complain, the audit. Drawn as the month is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time

from month import DAYS, Plan, chance

#: What becomes of a conversation with a recording at Qolio: share, state; the rest was not sent yet.
AT_QOLIO = (
    (0.55, "SENT"), (0.25, "VERIFIED"), (0.03, "MISSING"), (0.03, "REJECTED"), (0.06, "SKIPPED"), (0.02, "SENDING"),
    (0.02, "IN_DOUBT"),
)  # fmt: skip
MOST_POINTS = 12
#: Days whose audit found something, and what.
AUDITED = {DAYS[3]: (2, "2 CAP_DAY"), DAYS[8]: (3, "1 AFTER_OPTOUT, 2 CAP_DAY")}


def at_qolio(call_id: str) -> str | None:
    """The state of a call's delivery."""
    point = chance("qolio", call_id)
    for share, state in AT_QOLIO:
        point -= share
        if point < 0:
            return state
    return None


def reviews(call_id: str) -> Iterator[int]:
    """The scores that reviewers gave a call: none, one or two."""
    if at_qolio(call_id) in ("SENT", "VERIFIED") and (point := chance("review", call_id)) < 0.1:
        yield int(point * 1000) % (MOST_POINTS + 1)
        if point < 0.02:
            yield MOST_POINTS


def complaints(plans: list[Plan]) -> Iterator[tuple[str, str, datetime]]:
    """Phone, source and moment of each complaint: two days after calls, one of somebody who was never called."""
    for day in (5, 12, 19):
        plan = next(p for p in plans if p.day == DAYS[day])
        noon = datetime.combine(DAYS[day + 2], time(12), UTC)
        for row in [row for row in plan.rows if row["exclusion_code"] is None][:2]:
            yield row["person"].phone, "regulator" if day == 5 else "operator", noon
    yield "+79991112233", "regulator", datetime.combine(DAYS[-1], time(12), UTC)
