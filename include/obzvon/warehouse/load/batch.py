"""Loading one archived pull of an intent's report: pages in, facts and the mark that they are in, in one commit."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import AuditError, LedgerError
from obzvon.ledger.key_guard import demand_in_force
from obzvon.reports.archive import Archive, drain
from obzvon.vendors.base import EVENTS, Dialer, Row, Totals
from obzvon.warehouse.load.attempts import merge
from obzvon.warehouse.load.drift import ColumnDrift, note_columns, note_statuses, tell
from obzvon.warehouse.load.plan import clock, load_plan, lock_dimensions
from obzvon.warehouse.load.staging import Staging
from obzvon.warehouse.partitions import ensure_months

__all__ = ["LoadResult", "load", "waiting_batches"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What loading one pull did; counts only.

    `rows` are attempts read, `unmatched` those of no contact of ours, `unknown` those with a status nobody mapped,
    `older` those that the warehouse has newer, `orphans` calls of which only a transcript came. `reported` is every
    row of the report itself, quarantined ones included, to be compared with `control_count`, the vendor's own count
    (None where it gives none). `unknown_columns` came although nobody reads them and stay in the archive,
    `lost_columns` are read and did not come.
    """

    rows: int
    inserted: int
    updated: int
    unchanged: int
    older: int
    unmatched: int
    unknown: int
    quarantined: int
    orphans: int
    unknown_columns: int
    lost_columns: int
    reported: int
    control_count: int | None

    @property
    def reconciles(self) -> bool:
        return self.control_count is None or self.control_count == self.reported

    @property
    def whole(self) -> bool:
        """Whether the pull has as many different calls as the vendor counts: rows that shift between pages are lost."""
        calls = self.inserted + self.updated + self.unchanged + self.older
        return self.control_count is None or calls + self.quarantined >= self.control_count


_PAGES = """
select archive_id, kind, path, sha256, request, fetched_at, erased_rows, gone_at from ops.raw_archive
where intent_id = %s and batch_id = %s order by archive_id
"""
_INTENT = "select plan_id, call_date, final_at from ops.campaign_intent where intent_id = %s"
_WAITING = """
select batch_id from ops.raw_archive where intent_id = %s
group by batch_id having bool_or(loaded_at is null) order by min(fetched_at), batch_id
"""
# The plan is in the warehouse when every contact of the intent is, in the intent.
_PLAN_IS_LOADED = """
select not exists (
    select from ops.plan_contact p
    where p.intent_id = %(intent)s and not exists (
        select from dwh.fact_campaign_contact f
        where f.plan_id = p.plan_id and f.row_no = p.row_no and f.intent_id = p.intent_id))
  and not exists (
    select from dwh.fact_campaign_contact f join ops.plan_contact p using (plan_id, row_no)
    where f.intent_id = %(intent)s and p.intent_id is distinct from f.intent_id)
"""
# An older pull that is loaded again says nothing about the report as it is.
_NEWEST = """
select not exists (select from ops.raw_archive
                   where intent_id = %s and fetched_at > %s and loaded_at is not null and kind <> %s)
"""
_NEVER_LOOKED_AT = """
select c.oid::regclass::text
from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent in ('dwh.fact_call_attempt'::regclass, 'dwh.fact_dialog_goal'::regclass, 'pii.dialog_turn'::regclass)
  and c.reltuples <= 0 and pg_relation_size(c.oid) > 0
order by 1
"""
_LOCK = "select pg_advisory_xact_lock(hashtextextended('obzvon.load:' || %s, 0))"
_MARK = """
update ops.raw_archive set loaded_at = coalesce(loaded_at, %s), rows = %s, control_count = %s where archive_id = %s
"""


@dataclass(frozen=True, slots=True)
class _Stored:
    """One page in the archive."""

    archive_id: int
    kind: str
    path: str
    sha256: str
    request: Mapping[str, Any]
    fetched_at: datetime
    erased_rows: int
    gone_at: datetime | None

    @property
    def period(self) -> str:
        """What one control count covers: pages of one request that differ in their offset only."""
        asked = {name: value for name, value in self.request.items() if name != "offset"}
        return f"{self.kind} {json.dumps(asked, sort_keys=True)}"


@dataclass(slots=True)
class _Read:
    """What was read of a page; `rows` counts those that were erased from it too, as the vendor's own count does."""

    page: _Stored
    rows: int
    totals: Totals = field(default_factory=Totals)
    control_count: int | None = None

    def without_totals(self, contents: Iterable[Row | Totals]) -> Iterator[Row]:
        """The rows alone; the totals stay here."""
        for each in contents:
            if isinstance(each, Totals):
                self.totals = each
            else:
                yield each

    @property
    def asked(self) -> Sequence[str]:
        """The columns that the request named; none where the vendor has no such thing."""
        columns = self.page.request.get("columns")
        return columns if self.totals.columns and isinstance(columns, Sequence) else ()


def waiting_batches(conn: psycopg.Connection, intent_id: str) -> list[str]:
    """Pulls of an intent that are archived but not loaded, oldest first."""
    return [batch_id for (batch_id,) in conn.execute(_WAITING, (intent_id,))]


def load(
    conn: psycopg.Connection,
    archive: Archive,
    spec: CampaignSpec,
    dialer: type[Dialer],
    intent_id: str,
    batch_id: str,
    *,
    secret: bytes,
    loaded_at: datetime | None = None,
) -> LoadResult:
    """Load one archived pull of an intent's report. `secret` keys the HMAC of phones.

    Loading it again changes nothing; after a correction of the mapping it brings quarantined rows in and puts wrong
    ones right. Of two answers about a call the one with the newer `source_updated_at` wins, else the one fetched
    later; what an event told stands only until a report says it, whichever was first. A row is late when its pull was
    fetched after the intent became final. The plan is brought into the warehouse first where that has not happened.
    Rows that are written carry `loaded_at`: a replay gives the moment at which the pull was loaded first, else it is
    now. Committed here unless the caller has opened a transaction.

    Raises LedgerError when nothing is archived under these names, AuditError when the archive is damaged and
    ContractBreak when a page cannot be read at all; then nothing was changed.
    """
    with conn.transaction():
        pages = _pages(conn, intent_id, batch_id)
        plan_id, call_date, final_at = _intent(conn, intent_id)
        moment = _bring_plan(conn, spec, plan_id, intent_id, loaded_at)
    # by itself: other loads shall not wait for this one to end
    ensure_months(conn, [call_date])
    with conn.transaction():
        _look_at_new_months(conn)
    with conn.transaction():
        conn.execute(_LOCK, (intent_id,))
        demand_in_force(conn, secret)
        staging = Staging(conn, spec, secret)
        read = [_read(archive, spec, dialer, staging, page) for page in pages]
        fetched_at = max(page.fetched_at for page in pages)
        counts = merge(
            conn, spec, vendor=dialer.code, plan_id=plan_id, intent_id=intent_id, batch_id=batch_id,
            call_month=call_date.replace(day=1), fetched_at=fetched_at,
            is_late=final_at is not None and fetched_at > final_at, loaded_at=moment, recount=loaded_at is None,
            parts=staging.parts, is_event=all(page.kind == EVENTS for page in pages),
        )  # fmt: skip
        columns = _columns(conn, spec, dialer.code, read, fetched_at)
        statuses = note_statuses(conn, intent_id, fetched_at)
        _mark(conn, read, moment)
        if conn.execute(_NEWEST, (intent_id, fetched_at, EVENTS)).fetchone() == (True,):
            tell(spec.name, columns, statuses)
    return _told(intent_id, batch_id, _result(staging, counts, read, columns))


def _look_at_new_months(conn: psycopg.Connection) -> None:
    """Statistics for months that have rows and none yet; without them a few changed calls are looked up row by row."""
    for (month,) in conn.execute(_NEVER_LOOKED_AT).fetchall():
        # of all columns it is autovacuum's, which a list of columns does not keep from coming
        conn.execute(sql.SQL("analyze {} (vendor_code, vendor_call_id, call_month)").format(sql.SQL(month)))


def _pages(conn: psycopg.Connection, intent_id: str, batch_id: str) -> list[_Stored]:
    with conn.cursor(row_factory=class_row(_Stored)) as cursor:
        pages = cursor.execute(_PAGES, (intent_id, batch_id)).fetchall()
    if not pages:
        raise LedgerError(f"intent {intent_id[:8]}: nothing is archived as batch {batch_id}; run collect again")
    if gone := next((page.gone_at for page in pages if page.gone_at), None):
        raise AuditError(f"intent {intent_id[:8]}: batch {batch_id} was erased by retention on {gone:%Y-%m-%d}")
    return pages


def _intent(conn: psycopg.Connection, intent_id: str) -> tuple[str, date, datetime | None]:
    row = conn.execute(_INTENT, (intent_id,)).fetchone()
    if row is None:
        raise LedgerError(f"intent {intent_id[:8]} is not in the ledger; was its plan made anew meanwhile?")
    return row[0], row[1], row[2]


def _plan_is_loaded(conn: psycopg.Connection, intent_id: str) -> bool:
    row = conn.execute(_PLAN_IS_LOADED, {"intent": intent_id}).fetchone()
    return row is not None and bool(row[0])


def _bring_plan(
    conn: psycopg.Connection, spec: CampaignSpec, plan_id: str, intent_id: str, loaded_at: datetime | None
) -> datetime:
    """Load the plan where it is not; the moment of this load. A plan has that of its first pull, which is stored."""
    if _plan_is_loaded(conn, intent_id):
        return loaded_at or clock(conn)
    lock_dimensions(conn)
    if _plan_is_loaded(conn, intent_id):  # another intent of the plan brought it meanwhile
        return loaded_at or clock(conn)
    moment = loaded_at or clock(conn)
    load_plan(conn, spec, plan_id, loaded_at=moment)
    return moment


def _read(archive: Archive, spec: CampaignSpec, dialer: type[Dialer], staging: Staging, page: _Stored) -> _Read:
    read = _Read(page, page.erased_rows)
    with archive.open(page.path, page.sha256) as stream:
        read.rows += staging.add(page.archive_id, read.without_totals(dialer.contents(spec, page.kind, stream)))
        drain(stream)
    return read


def _columns(
    conn: psycopg.Connection, spec: CampaignSpec, vendor: str, read: Sequence[_Read], fetched_at: datetime
) -> ColumnDrift:
    return note_columns(
        conn,
        vendor=vendor,
        project=spec.vendor.report_project,
        campaign_id=spec.name,
        returned=[column for each in read for column in each.totals.columns],
        asked=[name for each in read for name in each.asked],
        mapped=spec.vendor.report_columns,
        fetched_at=fetched_at,
    )


def _mark(conn: psycopg.Connection, read: Sequence[_Read], moment: datetime) -> None:
    """Mark the pages as loaded. A period's control count stands on its first page, so that it can be summed."""
    first: dict[str, _Read] = {}
    for each in read:
        count = each.totals.count
        if count is not None:
            of_period = first.setdefault(each.page.period, each)
            of_period.control_count = max(of_period.control_count or 0, count)
    with conn.cursor() as cursor:
        cursor.executemany(_MARK, [(moment, each.rows, each.control_count, each.page.archive_id) for each in read])


def _result(staging: Staging, counts: Counter[str], read: Sequence[_Read], columns: ColumnDrift) -> LoadResult:
    # the first page is of the report itself; other kinds (transcripts) have counts of their own
    report = [each for each in read if each.page.kind == read[0].page.kind]
    controls = [each.control_count for each in report if each.control_count is not None]
    return LoadResult(
        rows=staging.attempts,
        inserted=counts["insert"],
        updated=counts["update"],
        unchanged=counts["unchanged"],
        older=counts["older"],
        unmatched=counts["unmatched"],
        unknown=counts["unknown"],
        quarantined=staging.quarantined,
        orphans=counts["orphans"],
        unknown_columns=len(columns.new),
        lost_columns=len(columns.lost),
        reported=sum(each.rows for each in report),
        control_count=sum(controls) if controls else None,
    )


def _told(intent_id: str, batch_id: str, result: LoadResult) -> LoadResult:
    log.info("intent %s, batch %s: %s", intent_id[:8], batch_id, result)
    if not result.reconciles:
        log.warning("the vendor counts %s rows, its report has %d", result.control_count, result.reported)
    return result
