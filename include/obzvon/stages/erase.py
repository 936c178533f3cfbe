"""Erasing one person: what is stored of a phone goes, hashed facts stay, and the phone is never called again."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from obzvon.errors import LedgerError
from obzvon.ledger.key_guard import demand_in_force
from obzvon.ledger.keys import phone_key
from obzvon.ledger.states import NOTHING_AT_VENDOR, IntentState
from obzvon.reports.archive import Archive
from obzvon.reports.scrub import Marks
from obzvon.stages.erasing import statements as sql
from obzvon.stages.erasing.pages import CleanPage, Reader, StoredRow, calls_in, clean_page, pages_of, put, sweep
from obzvon.stages.erasing.recordings import erase_copies
from obzvon.stages.erasing.whole import check_whole
from obzvon.stages.stored_plans import Dialers, StoredPlan, check_secret
from obzvon.vendors.registry import dialer_class
from obzvon.warehouse.db import connect

__all__ = ["PLACES", "Receipt", "erase", "erase_again"]

log = logging.getLogger(__name__)

#: What a receipt counts, in the order in which it is printed.
PLACES = (
    "taken out of plans",
    "suppressions",
    "pii.contact_payload",
    "pii.approved_contact",
    "pii.dialog_turn",
    "pii.phone",
    "dwh.fact_call_attempt.record_url",
    "dwh.fact_dialog_goal.goal_value",
    "recordings",
    "pii.vendor_event",
    "archive records",
    "archive pages",
)
#: For so long after a request the vendor's reports may bring a person back.
WATCHED_DAYS = 30

_LOCK = "select pg_advisory_lock(hashtextextended('obzvon.erase', 0))"
_PLANS = """
select plan_id, campaign_id, call_date, vendor_code, planned_at, spec from ops.campaign_plan where plan_id = any(%s)
"""
_RECEIPT = """
insert into ops.erasure (kind, phone_key, reference, counts, left_over) values ('request', %s, %s, %s, %s)
returning erasure_id, done_at
"""
_REQUESTS = """
select phone_key, max(done_at) from ops.erasure
where kind = 'request' and done_at > now() - make_interval(days => %s) group by phone_key order by 2
"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an erasure did, as `ops.erasure` has it. `counts` by place; `left_over`: what must be erased by hand."""

    erasure_id: int
    done_at: datetime
    counts: Mapping[str, int]
    left_over: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An intent that is not over and has the person; `free`: nobody is sending it at this moment."""

    intent_id: str
    campaign_id: str
    call_date: date
    state: str
    free: bool


@dataclass(slots=True)
class _Scope:
    """Whom to erase and where they are. Without `phone` the person is known by the key alone."""

    key: str
    phone: str | None
    reference: str | None
    intents: list[str] = field(default_factory=list)
    ids: frozenset[str] = frozenset()
    plans: dict[str, str] = field(default_factory=dict)  # intent: plan


def erase(
    dsn: str,
    archive: Archive,
    phone: str,
    *,
    secret: bytes,
    reference: str | None = None,
    dialers: Dialers = dialer_class,
) -> Receipt:
    """Erase what is stored of a phone (E.164), suppress it for every purpose, and leave a receipt.

    A second run finishes what a dead one began, and counts zeros where nothing is left. Raises LedgerError, and changes
    nothing, while the phone is in an intent that a vendor has or may have; from one that was not sent it is taken out.
    Raises ConfigError when the secret is another or schema `dwh` is gone or not whole, AuditError when a page of the
    archive cannot be read.
    """
    with connect(dsn) as conn:
        conn.autocommit = True
        check_secret(conn, secret)
        conn.execute(_LOCK)
        check_whole(conn)
        scope = _Scope(phone_key(secret, phone), phone, reference)
        return _Erasure(conn, archive, secret, dialers).run(scope)


def erase_again(conn: psycopg.Connection, archive: Archive, *, secret: bytes, dialers: Dialers = dialer_class) -> int:
    """Erase what vendors' later reports brought of people who were erased lately, and files a crash left; how many.

    `conn` is in autocommit. A receipt is left only where something was found. Raises ConfigError when schema `dwh` is
    gone or not whole, or the secret is not the one in force.
    """
    demand_in_force(conn, secret)
    conn.execute(_LOCK)
    check_whole(conn)
    found = 0
    for key, since in conn.execute(_REQUESTS, (WATCHED_DAYS,)).fetchall():
        found += _Erasure(conn, archive, secret, dialers).again(_Scope(key, None, "found again"), since)
    return found


class _Erasure:
    def __init__(self, conn: psycopg.Connection, archive: Archive, secret: bytes, dialers: Dialers) -> None:
        self._conn, self._archive, self._secret, self._dialers = conn, archive, secret, dialers
        self._counts: Counter[str] = Counter()

    def run(self, scope: _Scope) -> Receipt:
        self._bar(scope)
        self._find(scope, None)
        clean, calls, folders = self._pages(scope, None)
        with self._conn.transaction():
            self._take_out(scope, clean, calls)
            receipt = self._receipt(scope)
        removed = sweep(self._conn, self._archive, folders)
        log.info("erasure %d: %d files of the archive deleted", receipt.erasure_id, removed)
        return receipt

    def again(self, scope: _Scope, since: datetime) -> bool:
        """What came after `since`. The person may have been planned anew with a new consent: that is left alone."""
        self._find(scope, since)
        clean, calls, folders = self._pages(scope, since)
        if clean:
            with self._conn.transaction():
                self._rewrite(scope, clean, calls)
                self._receipt(scope)
        return sweep(self._conn, self._archive, folders) > 0 or bool(clean)

    def _bar(self, scope: _Scope) -> None:
        """Nobody calls the person from here on; LedgerError when somebody may be doing so."""
        with self._conn.transaction():
            with self._conn.cursor(row_factory=class_row(_Waiting)) as cursor:
                waiting = cursor.execute(sql.UNFINISHED, (scope.key,)).fetchall()
            if under_way := [w for w in waiting if IntentState(w.state) not in NOTHING_AT_VENDOR or not w.free]:
                raise LedgerError(_cannot(under_way))
            values = {"key": scope.key, "reference": scope.reference, "intents": [w.intent_id for w in waiting]}
            self._counts["taken out of plans"] = self._conn.execute(sql.WITHDRAW, values).fetchall()[0][0]
            self._counts["suppressions"] = self._conn.execute(sql.SUPPRESS, values).rowcount

    def _find(self, scope: _Scope, until: datetime | None) -> None:
        rows = self._conn.execute(sql.CONTACTS, {"key": scope.key, "until": until}).fetchall()
        scope.plans = {intent: plan for plan, intent, _ in rows}
        scope.intents = sorted(scope.plans)
        scope.ids = frozenset(external for _, _, external in rows if external)

    def _readers(self, scope: _Scope) -> dict[str, Reader]:
        """By intent. LedgerError when a stored campaign file is not readable by this version."""
        with self._conn.cursor(row_factory=class_row(StoredPlan)) as cursor:
            plans = cursor.execute(_PLANS, (sorted(set(scope.plans.values())),)).fetchall()
        read = {plan.plan_id: Reader(plan.campaign(), self._dialers(plan.vendor_code)) for plan in plans}
        return {intent: read[plan] for intent, plan in scope.plans.items()}

    def _pages(
        self, scope: _Scope, since: datetime | None
    ) -> tuple[list[tuple[CleanPage, Reader]], list[str], set[str]]:
        """Pages written anew, the vendor's ids of the person's calls, and the folders to sweep afterwards."""
        readers, pages = self._readers(scope), pages_of(self._conn, scope.intents)
        fresh = pages_of(self._conn, scope.intents, since)
        folders = {page.folder for page in pages}
        if not fresh:
            return [], [], folders
        calls = self._calls(scope, readers, pages)
        marks = Marks(self._secret, frozenset({scope.key}), scope.ids | calls)
        clean = [
            (new, readers[page.intent_id])
            for page in fresh
            if (new := clean_page(self._archive, readers[page.intent_id], page, marks))
        ]
        return clean, sorted(calls), folders

    def _calls(self, scope: _Scope, readers: Mapping[str, Reader], pages: Sequence[StoredRow]) -> frozenset[str]:
        """As the facts know them, and as the archive does where it was not loaded."""
        marks = Marks(self._secret, frozenset({scope.key}), scope.ids)
        left = self._conn.execute(sql.LEFT_AT_VENDORS, {"key": scope.key, "intents": scope.intents})
        known = {call for _, _, _, calls in left for call in calls or ()}
        for page in pages:
            known |= set(calls_in(self._archive, readers[page.intent_id], page, marks))
        return frozenset(known)

    def _take_out(self, scope: _Scope, clean: Sequence[tuple[CleanPage, Reader]], calls: list[str]) -> None:
        self._rewrite(scope, clean, calls)
        self._count("pii.approved_contact", sql.APPROVED, {"key": scope.key})
        self._count("pii.contact_payload", sql.PAYLOADS, (scope.key,))
        if scope.phone:
            self._count("pii.contact_payload", sql.MENTIONED, (_pattern(scope.phone),))
        # where only the key of the phone is known, bodies are found by its calls; the rest goes with its days
        pattern = _pattern(scope.phone) if scope.phone else "^$"
        self._count("pii.vendor_event", sql.EVENTS, {"pattern": pattern, "calls": calls})
        self._count("pii.phone", sql.PHONE, (scope.key,))

    def _rewrite(self, scope: _Scope, clean: Sequence[tuple[CleanPage, Reader]], calls: list[str]) -> None:
        """The archive, and what was loaded from it."""
        self._conn.execute(sql.LOADS, (scope.intents,))
        for page, reader in clean:
            put(self._conn, self._archive, reader, page, self._secret)
        self._counts["archive pages"] += len(clean)
        self._counts["archive records"] += sum(page.records for page, _ in clean)
        calls_of = psycopg.sql.SQL(sql.CALLS).format(
            key=psycopg.sql.Literal(scope.key), intents=_texts(scope.intents), calls=_texts(calls)
        )
        self._conn.execute(calls_of)
        for place, statement in (
            ("pii.dialog_turn", sql.TURNS),
            ("dwh.fact_dialog_goal.goal_value", sql.GOALS),
            ("dwh.fact_call_attempt.record_url", sql.RECORDS),
        ):
            self._count(place, statement)
        self._counts["recordings"] += erase_copies(self._conn, self._archive)

    def _count(self, place: str, statement: str, values: Any = None) -> None:
        self._counts[place] += self._conn.execute(statement, values).rowcount

    def _receipt(self, scope: _Scope) -> Receipt:
        counts = {place: self._counts[place] for place in PLACES}
        values = {"key": scope.key, "intents": scope.intents}
        vendors = [
            {"vendor": vendor, "task": task, "contacts": contacts or [], "calls": calls or []}
            for vendor, task, contacts, calls in self._conn.execute(sql.LEFT_AT_VENDORS, values)
        ]
        qolio = [uid for (uid,) in self._conn.execute(sql.LEFT_AT_QOLIO, (scope.key,))]
        left = {"vendors": vendors, "qolio": qolio}
        row = self._conn.execute(_RECEIPT, (scope.key, scope.reference, Jsonb(counts), Jsonb(left))).fetchall()[0]
        return Receipt(row[0], row[1], counts, left)


def _texts(values: Sequence[str]) -> psycopg.sql.Composable:
    return psycopg.sql.SQL("{}::text[]").format(psycopg.sql.Literal(list(values)))


def _pattern(phone: str) -> str:
    """The number as people write it, for PostgreSQL's `~`: any separators, nothing glued to it but a prefix."""
    return r"(^|[^0-9]|[78])" + r"[^0-9]{0,3}".join(phone[-10:]) + r"([^0-9]|$)"


def _cannot(waiting: Sequence[_Waiting]) -> str:
    where = ", ".join(sorted({f"{w.campaign_id} of {w.call_date} ({w.state})" for w in waiting}))
    return (
        f"the vendor has, or may have, the person in a campaign that is not over: {where}. Wait until its run has"
        " ended, or stop it (docs/operations.md, Stopping) and let it be collected; then erase again."
        " Nothing was changed"
    )
