"""From the inbox into the archive and the facts: what CALL_ENDED tells is loaded like a page of a report.

The body stays in the inbox until the archive's file is on the disk and the ledger names it, which is one commit. What
is no call of ours stays there with the reason. Nothing here dials, asks a vendor or raises because of a body.
"""

from __future__ import annotations

import io
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import LiteralString

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from obzvon.campaigns.spec import CampaignSpec
from obzvon.dispositions import Disposition
from obzvon.errors import ContractBreak, LedgerError, ObzvonError
from obzvon.events.tidy import forget
from obzvon.reports.archive import Archive, Pull
from obzvon.stages.stored_plans import Dialers
from obzvon.vendors.base import EVENTS, Attempt, Event
from obzvon.vendors.registry import dialer_class
from obzvon.warehouse.load.batch import load

__all__ = ["PENDING", "Moved", "Mover", "pending"]

log = logging.getLogger(__name__)

#: Bodies that one step takes, and bytes of them, where the first body alone is not more.
MOST_AT_ONCE, MOST_BYTES = 10_000, 16 << 20
#: For so long a task that nobody knew may turn out to be ours: an answer to its creation was lost, say.
UNKNOWN_DAYS = 2

PENDING: LiteralString = "select exists (select from pii.vendor_event where outcome is null)"
_NEXT = """
select event_id, vendor_code, body from (
    select event_id, vendor_code, body, bytes, sum(bytes) over (order by event_id) as so_far
    from (select event_id, vendor_code, body, bytes from pii.vendor_event
          where outcome is null order by event_id limit %s) first
) next where so_far <= %s or so_far = bytes order by event_id
"""
_INTENTS = """
select i.intent_id, i.plan_id, i.vendor_code, i.vendor_task_id, i.call_date, p.spec
from ops.campaign_intent i join ops.campaign_plan p using (plan_id)
where (i.vendor_code, i.vendor_task_id) in (select * from unnest(%s::text[], %s::text[]))
"""
_SETTLE = """
update pii.vendor_event e
set outcome = n.outcome, reason = n.reason, event = n.event, vendor_task_id = n.task, vendor_call_id = n.call,
    archive_id = %s, body = case when n.outcome = 'archived' then null else body end, settled_at = clock_timestamp()
from unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
     n (event_id, outcome, reason, event, task, call)
where e.event_id = n.event_id and e.outcome is null
"""
_RECORD = """
insert into ops.raw_archive (intent_id, batch_id, kind, page_no, path, sha256, bytes, request, fetched_at)
values (%s, %s, %s, 1, %s, %s, %s, %s, clock_timestamp()) returning archive_id
"""
_NOT_LOADED = """
select r.intent_id, r.batch_id, i.plan_id, i.vendor_code, p.spec
from ops.raw_archive r join ops.campaign_intent i using (intent_id) join ops.campaign_plan p using (plan_id)
where r.kind = %s and r.loaded_at is null and r.gone_at is null order by r.archive_id
"""
_SECOND_LOOK = """
update pii.vendor_event e set outcome = null, reason = null, settled_at = null
from ops.campaign_intent i
where e.outcome = 'unknown_task' and e.received_at > now() - make_interval(days => %s)
  and i.vendor_task_id = e.vendor_task_id and i.vendor_code = e.vendor_code
"""
_LOCK = "select pg_try_advisory_lock(hashtextextended('obzvon.events', 0))"
_UNLOCK = "select pg_advisory_unlock(hashtextextended('obzvon.events', 0))"
# As a download holds it: a sweep of the folder must not take a file that nothing names yet.
_PULL_LOCK = "select pg_advisory_xact_lock(hashtextextended('obzvon.download:' || %s, 0))"


@dataclass(slots=True)
class Moved:
    """What was done, in events; `loaded` counts calls that are new or changed in the facts."""

    read: int = 0
    archived: int = 0
    loaded: int = 0
    told: int = 0
    unknown_task: int = 0
    broken: int = 0

    def add(self, other: Moved) -> None:
        """Count another step."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True)
class _Row:
    event_id: int
    vendor_code: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Read:
    """A body and what it tells; without `event` it is broken, for `reason`."""

    row: _Row
    event: Event | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Owner:
    """The intent that a vendor's campaign is."""

    intent_id: str
    plan_id: str
    vendor_code: str
    vendor_task_id: str
    call_date: date
    spec: CampaignSpec = field(repr=False)


def pending(conn: psycopg.Connection) -> bool:
    """Whether something waits in the inbox."""
    return bool(conn.execute(PENDING).fetchall()[0][0])


class Mover:
    """Moves what is in the inbox; one at a time in a warehouse. `conn` is in autocommit, `secret` keys phones."""

    def __init__(
        self, conn: psycopg.Connection, archive: Archive, *, secret: bytes, dialers: Dialers = dialer_class
    ) -> None:
        self._conn, self._archive, self._secret, self._dialers = conn, archive, secret, dialers
        self._specs: dict[str, tuple[object, CampaignSpec]] = {}
        self.problems: list[ObzvonError] = []

    def begin(self) -> bool:
        """Take the place, put the inbox in order and load what a dead one left; False where another one is at work."""
        if self._conn.execute(_LOCK).fetchone() != (True,):
            return False
        forgotten = forget(self._conn)
        again = self._conn.execute(_SECOND_LOOK, (UNKNOWN_DAYS,)).rowcount
        log.info("inbox of events: %d old ones forgotten, %d of unknown tasks looked at again", forgotten, again)
        for intent_id, batch_id, plan_id, vendor, spec in self._conn.execute(_NOT_LOADED, (EVENTS,)).fetchall():
            self._load(intent_id, batch_id, vendor, self._spec(plan_id, spec))
        return True

    def end(self) -> None:
        """Leave the place to others."""
        self._conn.execute(_UNLOCK)

    def move(self) -> Moved:
        """Everything that is there now, step by step. What could not be loaded is in `problems`, its body archived."""
        done = Moved()
        while step := self._step():
            done.add(step)
        return done

    def _step(self) -> Moved | None:
        with self._conn.cursor(row_factory=class_row(_Row)) as cursor:
            rows = cursor.execute(_NEXT, (MOST_AT_ONCE, MOST_BYTES)).fetchall()
        if not rows:
            return None
        read = [self._read(row) for row in rows]
        owners = self._owners(read)
        of_intent: dict[str, list[_Read]] = defaultdict(list)
        others: list[tuple[_Read, str, str | None]] = []
        for each in read:
            outcome, reason = self._judged(each, owners)
            if outcome == "archived" and each.event:
                of_intent[owners[each.row.vendor_code, str(each.event.task_id)].intent_id].append(each)
            else:
                others.append((each, outcome, reason))
        self._settle(others, None)
        done = Moved(read=len(rows))
        for _, outcome, _ in others:
            setattr(done, outcome, getattr(done, outcome) + 1)
        by_intent = {owner.intent_id: owner for owner in owners.values()}
        for intent_id, mine in of_intent.items():
            owner = by_intent[intent_id]
            batch_id = self._keep(owner, mine)
            done.archived += len(mine)
            done.loaded += self._load(intent_id, batch_id, owner.vendor_code, owner.spec)
        return done

    def _read(self, row: _Row) -> _Read:
        try:
            return _Read(row, self._dialers(row.vendor_code).event(row.body))
        except ContractBreak as broken:
            return _Read(row, None, f"{broken.rule}: {broken}")

    def _owners(self, read: Iterable[_Read]) -> dict[tuple[str, str], _Owner]:
        named = {(e.row.vendor_code, e.event.task_id) for e in read if e.event and e.event.ended and e.event.task_id}
        values = ([vendor for vendor, _ in named], [task for _, task in named])
        rows = self._conn.execute(_INTENTS, values).fetchall()
        return {
            (vendor, task): _Owner(intent, plan, vendor, task, day, self._spec(plan, spec))
            for intent, plan, vendor, task, day, spec in rows
        }

    def _spec(self, plan_id: str, stored: object) -> CampaignSpec:
        known = self._specs.get(plan_id)
        if known is None or known[0] != stored:  # a requeue may change how a plan is read
            known = self._specs[plan_id] = stored, CampaignSpec.model_validate(stored)
        return known[1]

    def _judged(self, each: _Read, owners: dict[tuple[str, str], _Owner]) -> tuple[str, str | None]:
        """What becomes of it, and why."""
        if each.event is None:
            return "broken", each.reason
        if not each.event.ended:
            return "told", None
        owner = owners.get((each.row.vendor_code, each.event.task_id or ""))
        if owner is None:
            return "unknown_task", None
        dialer = self._dialers(owner.vendor_code)
        page = io.BytesIO(dialer.events_page([each.row.body]))
        try:
            rows = list(dialer.parse(owner.spec, EVENTS, page))
        except ContractBreak as broken:
            rows = [broken]
        if len(rows) == 1 and isinstance(row := rows[0], Attempt):
            # a call that goes on has no outcome yet: it wakes who waits, and comes again when it has ended
            return ("told", None) if row.disposition is Disposition.PENDING else ("archived", None)
        found = next((row for row in rows if isinstance(row, ContractBreak)), None)
        return "broken", f"{found.rule}: {found}" if found else "is not one call"

    def _keep(self, owner: _Owner, mine: Sequence[_Read]) -> str:
        """The bodies as a page of the archive; the name of their pull."""
        first, last = mine[0].row.event_id, mine[-1].row.event_id
        pull = Pull(owner.vendor_code, owner.call_date, owner.intent_id, f"event-{first}")
        page = self._dialers(owner.vendor_code).events_page([each.row.body for each in mine])
        with self._conn.transaction():
            self._conn.execute(_PULL_LOCK, (pull.folder,))
            stored = self._archive.write(f"{pull.folder}/{EVENTS}-1.zst", page)
            request = Jsonb({"events": len(mine), "first": first, "last": last})
            values = (owner.intent_id, pull.batch_id, EVENTS, stored.path, stored.sha256, stored.bytes, request)
            row = self._conn.execute(_RECORD, values).fetchone()
            if row is None:
                raise LedgerError(f"archive page {stored.path} was not recorded; run the task again")
            self._settle([(each, "archived", None) for each in mine], row[0])
        return pull.batch_id

    def _settle(self, settled: Sequence[tuple[_Read, str, str | None]], archive_id: int | None) -> None:
        if settled:
            known = [(each.row.event_id, outcome, reason, each.event) for each, outcome, reason in settled]
            columns = (
                [event_id for event_id, *_ in known], [outcome for _, outcome, _, _ in known],
                [reason for _, _, reason, _ in known], [event and event.name for *_, event in known],
                [event and event.task_id for *_, event in known], [event and event.call_id for *_, event in known],
            )  # fmt: skip
            self._conn.execute(_SETTLE, (archive_id, *columns))

    def _load(self, intent_id: str, batch_id: str, vendor: str, spec: CampaignSpec) -> int:
        try:
            dialer = self._dialers(vendor)
            result = load(self._conn, self._archive, spec, dialer, intent_id, batch_id, secret=self._secret)
        except ObzvonError as error:
            log.error("intent %s, batch %s: %s", intent_id[:8], batch_id, error)
            self.problems.append(error)
            return 0
        return result.inserted + result.updated
