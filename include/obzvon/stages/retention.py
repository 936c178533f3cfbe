"""Retention: when the time of a purpose is over, the personal data of its plans goes; facts and hashes stay."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from obzvon.events.tidy import forget
from obzvon.policy.model import Policy
from obzvon.reports.archive import Archive, intent_folder
from obzvon.stages.erasing import statements
from obzvon.stages.erasing.pages import sweep
from obzvon.stages.erasing.recordings import erase_copies_of_plan
from obzvon.stages.erasing.whole import check_whole

__all__ = ["ExpiredPlan", "Retained", "expired", "keep_to_retention"]

log = logging.getLogger(__name__)

_LOCK = "select pg_advisory_lock(hashtextextended('obzvon.erase', 0))"
# Older than its purpose allows, with something personal left. `open`: intents that are not over hold a plan back.
_EXPIRED = """
select p.plan_id, p.campaign_id, p.call_date,
       (select count(*) from ops.campaign_intent i
        where i.plan_id = p.plan_id and i.state not in ('final', 'final_partial', 'cancelled')) as open
from ops.campaign_plan p
where p.purpose = %(purpose)s and p.call_date + %(days)s < %(today)s
  and (exists (select from pii.contact_payload y where y.plan_id = p.plan_id)
       or exists (select from pii.approved_contact a where a.plan_id = p.plan_id)
       or exists (select from ops.raw_archive r join ops.campaign_intent i using (intent_id)
                  where i.plan_id = p.plan_id and r.gone_at is null)
       or exists (select from ops.recording r join ops.campaign_intent i using (intent_id)
                  where i.plan_id = p.plan_id and r.state = 'COPIED'))
order by p.call_date, p.campaign_id
"""
_INTENTS = """
select intent_id, vendor_task_id, vendor_code, call_date from ops.campaign_intent where plan_id = %s order by intent_id
"""
_PAGES = "select path from ops.raw_archive where intent_id = any(%s) and gone_at is null order by archive_id"
_GONE = """
update ops.raw_archive set gone_at = now(), erased_at = now() where intent_id = any(%s) and gone_at is null
"""
_QOLIO = "select count(*) from ops.qa_delivery where intent_id = any(%s) and state in ('SENT', 'VERIFIED', 'MISSING')"
# Waits for plans that are being made, and they for this: one that is made meanwhile must keep its phones.
_PHONES = """
delete from pii.phone p
where not exists (select from ops.plan_contact c join pii.contact_payload y using (plan_id, row_no)
                  where c.phone_key = p.phone_key)
"""
_NEW_RECEIPT = """
insert into ops.erasure (kind, purpose, counts, left_over) values ('retention', %s, %s, %s) returning erasure_id
"""
_RECEIPT = "update ops.erasure set counts = %s, left_over = %s, done_at = now() where erasure_id = %s"


@dataclass(frozen=True, slots=True)
class ExpiredPlan:
    """A plan whose personal data has had its time; `open` intents are not over yet."""

    plan_id: str
    campaign_id: str
    call_date: date
    open: int


@dataclass(frozen=True, slots=True)
class Retained:
    """What a run did: plans and phones whose data went, plans held back by intents that are not over."""

    plans: int
    held_back: int
    files: int
    phones: int


def expired(conn: psycopg.Connection, purpose: str, days: int, today: date) -> list[ExpiredPlan]:
    """The plans of a purpose, called more than `days` ago, that still have personal data; oldest first."""
    with conn.cursor(row_factory=class_row(ExpiredPlan)) as cursor:
        return cursor.execute(_EXPIRED, {"purpose": purpose, "days": days, "today": today}).fetchall()


def keep_to_retention(conn: psycopg.Connection, archive: Archive, policy: Policy, today: date) -> Retained:
    """Take the personal data out of every plan whose time is over by today's policy; a receipt for each purpose.

    `conn` is in autocommit, `today` is Moscow's date. One transaction a plan: a run that dies has finished the plans
    before, and the next one goes on. Files go before the commit, so none is forgotten. A purpose without
    `retention_days` keeps everything. Raises ConfigError, and changes nothing, when schema `dwh` is gone or not whole:
    the transcripts of a plan are found by its facts.
    """
    conn.execute(_LOCK)
    if forgotten := forget(conn):
        log.info("inbox of events: %d old ones forgotten", forgotten)
    check_whole(conn)
    plans = held_back = files = 0
    for purpose, rules in sorted(policy.purposes.items()):
        if rules.retention_days is None:
            log.info("%s: the policy sets no retention_days; its data stays", purpose)
            continue
        found = expired(conn, purpose, rules.retention_days, today)
        held = [plan for plan in found if plan.open]
        for plan in held:
            log.warning("%s %s stays: %d intents are not over", plan.campaign_id, plan.call_date, plan.open)
        run = _Purpose(conn, archive, purpose)
        for number, plan in enumerate((plan for plan in found if not plan.open), 1):
            run.erase(plan)
            log.info(
                "%s: plan %d of %d, %s %s", purpose, number, len(found) - len(held), plan.campaign_id, plan.call_date
            )
        plans, held_back, files = (
            plans + run.counts["plans"],
            held_back + len(held),
            files + run.counts["archive files"],
        )
    return Retained(plans, held_back, files, _forget_phones(conn))


def _forget_phones(conn: psycopg.Connection) -> int:
    """Phones that no plan needs any more; they belong to no purpose."""
    with conn.transaction():
        conn.execute("lock table pii.phone in share row exclusive mode")
        phones = conn.execute(_PHONES).rowcount
        if phones:
            conn.execute(_NEW_RECEIPT, (None, Jsonb({"pii.phone": phones}), Jsonb({})))
    return phones


class _Purpose:
    """The receipt of one purpose, which grows with every plan in the plan's own commit."""

    def __init__(self, conn: psycopg.Connection, archive: Archive, purpose: str) -> None:
        self._conn, self._archive, self._purpose = conn, archive, purpose
        self._receipt: int | None = None
        self.counts: Counter[str] = Counter()
        self._left: dict[str, Any] = {"vendor tasks": [], "qolio calls": 0}

    def erase(self, plan: ExpiredPlan) -> None:
        """All that is personal of a plan."""
        with self._conn.transaction():
            intents = self._conn.execute(_INTENTS, (plan.plan_id,)).fetchall()
            ids = [intent for intent, *_ in intents]
            self._conn.execute(statements.LOADS, (ids,))
            self._rows(plan.plan_id)
            self._files(ids, [intent_folder(vendor, day, intent) for intent, _, vendor, day in intents])
            copies = erase_copies_of_plan(
                self._conn, self._archive, [(i, vendor, day) for i, _, vendor, day in intents]
            )
            self.counts["recordings"] += copies
            self._left["vendor tasks"] += [f"{vendor}: {task}" for _, task, vendor, _ in intents if task]
            self._left["qolio calls"] += self._conn.execute(_QOLIO, (ids,)).fetchall()[0][0]
            self.counts["plans"] += 1
            self._write()

    def _rows(self, plan_id: str) -> None:
        calls = sql.SQL(statements.ALL_PLAN_CALLS).format(plan=sql.Literal(plan_id))
        self._conn.execute(calls)
        self._conn.execute("analyze erased_call")
        of_plan = (plan_id,)
        for place, statement, values in (
            ("pii.contact_payload", statements.PAYLOADS_OF_PLAN, of_plan),
            ("pii.approved_contact", statements.APPROVED_OF_PLAN, of_plan),
            ("pii.dialog_turn", statements.TURNS, None),
            ("dwh.fact_dialog_goal.goal_value", statements.GOALS, None),
            ("dwh.fact_call_attempt.record_url", statements.RECORDS, None),
        ):
            self.counts[place] += self._conn.execute(statement, values).rowcount

    def _files(self, intents: list[str], folders: list[str]) -> None:
        """Named or forgotten, every file of the intents goes; the rows of those that were named stay as their trace."""
        paths = [path for (path,) in self._conn.execute(_PAGES, (intents,))]
        self.counts["archive pages"] += self._conn.execute(_GONE, (intents,)).rowcount
        for path in paths:
            self._archive.remove(path)
        self.counts["archive files"] += len(paths) + sweep(self._conn, self._archive, folders)

    def _write(self) -> None:
        values = (Jsonb(_sorted(self.counts)), Jsonb(self._left))
        if self._receipt is None:
            row = self._conn.execute(_NEW_RECEIPT, (self._purpose, *values)).fetchall()[0]
            self._receipt = int(row[0])
        else:
            self._conn.execute(_RECEIPT, (*values, self._receipt))


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))
