"""Alerts: which rules hold now, and which of them somebody is told about.

A row of `ops.alert` is one case, from the moment it is seen to the moment it is gone. It is told when it begins, again
while it lasts, and when it has ended. Told means that a channel took it: what none took is told by the next look.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import psycopg

from obzvon.watching.rules import RULES, Rule
from obzvon.watching.state import Sample

__all__ = ["AGAIN", "Case", "News", "judge", "note_told", "renew"]

#: A case that lasts is told again after so long.
AGAIN = timedelta(hours=12)

_OPEN = "select rule, subject from ops.alert where ended_at is null for update"
_BEGIN = """
insert into ops.alert as a (rule, subject, severity, value, began_at) values (%s, %s, %s, %s, %s)
on conflict (rule, subject) where ended_at is null do update set value = excluded.value
"""
_END = "update ops.alert set ended_at = %s where rule = %s and subject = %s and ended_at is null"
# a case that nobody was told about needs no end
_NEWS = """
select alert_id, rule, subject, severity, value, began_at, told_at, ended_at from ops.alert
where (ended_at is null and (told_at is null or told_at <= %(now)s - %(again)s))
   or (ended_at is not null and told_at is not null and end_told_at is null)
order by alert_id
"""
_TOLD = "update ops.alert set told_at = %s where alert_id = %s"
_END_TOLD = "update ops.alert set end_told_at = %s where alert_id = %s"


class News(StrEnum):
    """What a message says of a case."""

    BEGAN = "began"
    LASTS = "lasts"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Case:
    """One case that somebody is to be told about. Moments are UTC. `subject`: a campaign, a vendor, or nothing."""

    alert_id: int
    rule: Rule
    subject: str
    value: float
    began_at: datetime
    news: News


def judge(samples: Iterable[Sample], rules: Sequence[Rule] = RULES) -> dict[tuple[str, str], tuple[Rule, float]]:
    """The rules that hold, by name and subject, with the value that made them."""
    values = list(samples)
    return {
        (rule.name, sample.subject): (rule, sample.value)
        for rule in rules
        for sample in values
        if sample.metric is rule.metric and sample.value > rule.above
    }


def renew(conn: psycopg.Connection, samples: Iterable[Sample], *, now: datetime | None = None) -> list[Case]:
    """Begin and end cases by what holds, and return what is to be told. `now`: by default the database's clock."""
    holds = judge(samples)
    with conn.transaction():
        now = now or _clock(conn)
        open_ = set(conn.execute(_OPEN).fetchall())
        with conn.cursor() as cur:
            cur.executemany(_BEGIN, [(*key, str(rule.severity), value, now) for key, (rule, value) in holds.items()])
            cur.executemany(_END, [(now, *key) for key in open_ - holds.keys()])
        rows = conn.execute(_NEWS, {"now": now, "again": AGAIN}).fetchall()
    known = {rule.name: rule for rule in RULES}
    return [
        Case(alert_id, known[rule], subject, value, began_at, _news(told_at, ended_at))
        for alert_id, rule, subject, _severity, value, began_at, told_at, ended_at in rows
        if rule in known  # of a version that had another rule
    ]


def _news(told_at: datetime | None, ended_at: datetime | None) -> News:
    if ended_at is not None:
        return News.ENDED
    return News.BEGAN if told_at is None else News.LASTS


def note_told(conn: psycopg.Connection, cases: Iterable[Case], *, now: datetime | None = None) -> None:
    """Somebody was told of these."""
    with conn.transaction():
        now = now or _clock(conn)
        for case in cases:
            conn.execute(_END_TOLD if case.news is News.ENDED else _TOLD, (now, case.alert_id))


def _clock(conn: psycopg.Connection) -> datetime:
    now: datetime = conn.execute("select clock_timestamp()").fetchall()[0][0]
    return now
