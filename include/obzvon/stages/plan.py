"""Plan: the contact list becomes one decided row per contact, and intents: vendor campaigns to be.

One transaction, so a plan exists complete or not at all. The list streams into a temporary table; every decision
and every stored row is set-based SQL. Nobody is called here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import psycopg
from psycopg.types.json import Jsonb

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import CampaignFileError, ConfigError
from obzvon.ledger.key_guard import check_secret
from obzvon.ledger.keys import CANARY_BATCH, external_id, intent_id, plan_id, zone_label
from obzvon.ledger.states import NOTHING_AT_VENDOR
from obzvon.ledger.usage import sweep
from obzvon.policy.calendar import check_calendar
from obzvon.policy.caps import CapRule
from obzvon.policy.lint import check_call_date, consent_needed, refuse
from obzvon.policy.model import Policy
from obzvon.policy.windows import Closed, Opening, opening_or_next
from obzvon.stages.planning import decide, sql
from obzvon.stages.planning.differences import stop_if_changed
from obzvon.stages.planning.forecast import store_forecast
from obzvon.stages.planning.staging import Zones, stage
from obzvon.stages.planning.stop import stop_if_unfit
from obzvon.stages.planning.summary import PlanSummary, summarise
from obzvon.telemetry.spans import staged
from obzvon.warehouse.partitions import ensure_months, months_ahead

__all__ = ["PlanSummary", "plan"]

ZoneHours = tuple[Opening | Closed, date]

#: Largest value of `campaign_intent.chunk_no` (smallint).
MAX_CHUNKS = 32_767


def _about(
    conn: psycopg.Connection, spec: CampaignSpec, policy: Policy, call_date: date, **_: object
) -> dict[str, object]:
    return {"campaign": spec.name, "plan": plan_id(spec.name, call_date), "vendor": spec.vendor.type}


@staged("plan", _about)
def plan(
    conn: psycopg.Connection,
    spec: CampaignSpec,
    policy: Policy,
    call_date: date,
    *,
    now: datetime,
    chunks: Iterator[pd.DataFrame],
    dag_run_id: str = "",
    list_changed_at: datetime | None = None,
    secret: bytes | None = None,
) -> PlanSummary:
    """Plan a campaign for a subscriber-local date and return the numbers.

    A plan that is already being carried out (something may be at the vendor) is returned as it is and `chunks` is not
    read; otherwise the stored plan is replaced. `chunks` are prepared frames in list order; `now` is an aware moment;
    `list_changed_at` is when the list's file was written (UTC), None where it is no file. `secret`, where `chunks` have
    their keys from one, must be the one in force: ConfigError, for with another one no suppression is found.
    The transaction is committed here unless the caller has opened one.

    Raises ListError (empty, too long, too many rejects, nobody to call), PolicyError, CampaignFileError; then the
    database is as it was before.
    """
    key = plan_id(spec.name, call_date)
    spec = _priced(spec, policy)
    ensure_months(conn, months_ahead(call_date), needed=False)
    with conn.transaction():
        if secret is not None:
            check_secret(conn, secret)
        _lock(conn, key)
        if _under_way(conn, key):
            return summarise(conn, key, reused=True)
        _Draft(conn, spec, policy, call_date, now, dag_run_id, key, list_changed_at).make(chunks)
        return summarise(conn, key, reused=False)


def _priced(spec: CampaignSpec, policy: Policy) -> CampaignSpec:
    """The campaign with the policy's fee where it names none: facts are priced by the stored campaign."""
    if spec.limits.marking_fee_rub is not None:
        return spec
    limits = spec.limits.model_copy(update={"marking_fee_rub": policy.marking_fee_rub})
    return spec.model_copy(update={"limits": limits})


def _lock(conn: psycopg.Connection, key: str) -> None:
    conn.execute("select pg_advisory_xact_lock(%s)", [int(key[:15], 16)])


def _take_turns(conn: psycopg.Connection) -> None:
    """One plan decides at a time, in the whole house: two that both see room under a cap would both take it.

    A statement of its own, so that the next one sees what the plan before has stored. Nobody who holds this lock waits
    for another one, so there is no deadlock.
    """
    level = conn.execute("show transaction_isolation").fetchone()
    if level != ("read committed",):
        found = level[0] if level else "none"
        raise ConfigError(f"a plan needs transaction isolation read committed, this connection has {found}")
    conn.execute("select pg_advisory_xact_lock(hashtextextended('obzvon.caps', 0))")


def _under_way(conn: psycopg.Connection, key: str) -> bool:
    # the row locks keep a launch from starting on a plan that is about to be replaced
    query = (
        "select state, vendor_task_id, exists (select from ops.doubt d where d.intent_id = i.intent_id)"
        " from ops.campaign_intent i where plan_id = %s for update"
    )
    # what was once in doubt keeps its history: a campaign that was said to be absent may still turn up
    rows = conn.execute(query, [key])
    return any(state not in NOTHING_AT_VENDOR or task or doubted for state, task, doubted in rows)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A plan in the making; lives inside one transaction."""

    conn: psycopg.Connection
    spec: CampaignSpec
    policy: Policy
    call_date: date
    now: datetime
    dag_run_id: str
    key: str
    list_changed_at: datetime | None

    def make(self, chunks: Iterator[pd.DataFrame]) -> None:
        check_calendar(self.spec.purpose, self.call_date)
        check_call_date(self.call_date, self.now)
        refuse(self.spec, self.policy)
        self.conn.execute("set local work_mem = '64MB'; set local jit = off")
        total, zones = stage(self.conn, self.spec, chunks)
        stop_if_changed(self.conn, self.spec, self.call_date, total, changed_at=self.list_changed_at, now=self.now)
        _take_turns(self.conn)
        sweep(self.conn, self.now)
        self.conn.execute("delete from ops.campaign_plan where plan_id = %s", [self.key])
        openings = self._openings(zones)
        self._decide(zones, openings)
        to_call = self._stop_or_count(total)
        self._cut(zones, openings)
        self._store(total, to_call)

    def _openings(self, zones: Zones) -> list[ZoneHours]:
        """When each zone may be called, on the call date or, where the campaign asks for it, on the next legal one."""
        return [
            opening_or_next(
                self.policy,
                self.spec.purpose,
                self.call_date,
                offsets,
                self.spec.window,
                now=self.now,
                min_minutes_left=self.spec.limits.min_minutes_left,
                when_late=self.spec.when_late,
            )
            for offsets in zones.offsets
        ]

    def _decide(self, zones: Zones, openings: Sequence[ZoneHours]) -> None:
        """Judge every row."""
        self.conn.execute(decide.TABLES)
        rows = [
            (number, list(offsets), zone_label(offsets), *_columns(*hours))
            for number, (offsets, hours) in enumerate(zip(zones.offsets, openings, strict=True))
        ]
        with self.conn.cursor() as cursor:
            cursor.executemany(decide.ZONE, rows)
        dates = [day for _, day in openings] or [self.call_date]
        values = {
            **CapRule.of(self.policy, self.spec.purpose).values(min(dates), max(dates)),
            **self._dials(),
            "call_date": self.call_date,
            "consent": consent_needed(self.spec, self.policy),
            "now": self.now,
            "last_call": max((found.ends_at for found, _ in openings if isinstance(found, Opening)), default=self.now),
        }
        self.conn.execute(decide.CLEAR, values)
        self.conn.execute("analyze plan_zone, plan_clear")
        for statement in (*decide.USED, decide.BUSY, decide.JUDGE):
            self.conn.execute(statement, values)
        self.conn.execute("analyze plan_judged")

    def _dials(self) -> dict[str, int]:
        """The worst case of one contact: on the day of the call, and in all."""
        worst = self.spec.vendor.worst_case
        return {"dials": worst.total, "dials_a_day": worst.a_day}

    def _stop_or_count(self, total: int) -> int:
        counts = {(code, reason): contacts for code, reason, contacts in self.conn.execute(decide.COUNTS)}
        to_call: int = counts.pop((None, None), 0)
        stop_if_unfit(self.spec, self.call_date, total, counts)
        return to_call

    def _cut(self, zones: Zones, openings: Sequence[ZoneHours]) -> None:
        """Number the intents: zones from east to west, as their windows open, and even, contiguous batches."""
        canary = self._canary_zone(openings)
        size = self.spec.canary.contacts if self.spec.canary else 0
        values = {"canary_zone": canary, "canary": size, "chunk_size": self.spec.limits.chunk_size}
        self.conn.execute(decide.CUT, values)
        self.conn.execute("analyze plan_decision")
        chunks = sorted(
            self.conn.execute(decide.CHUNKS), key=lambda row: ([-m for m in reversed(zones.offsets[row[0]])], row[1])
        )
        rest = [row for row in chunks if row[1] > 0]
        batches = min(self.spec.limits.max_batches, len(rest))
        numbers = {row: place * batches // len(rest) for place, row in enumerate(rest)}
        with self.conn.cursor() as cursor, cursor.copy("copy plan_intent from stdin (format binary)") as copy:
            copy.set_types(["int2", "int4", "int2", "text", "int4"])
            for row in chunks:
                zone, chunk, contacts = row
                batch = numbers.get(row, CANARY_BATCH)
                copy.write_row((zone, chunk, batch, self._intent(zones, zone, chunk), contacts))
        self.conn.execute("analyze plan_intent")

    def _canary_zone(self, openings: Sequence[ZoneHours]) -> int | None:
        """Where the canary lives: of the zones with enough people the one that opens first, else the largest.

        None where there is no canary: the file wants none, or nobody would be left to call after it.
        """
        people = self.conn.execute(decide.PEOPLE).fetchall()
        wanted = self.spec.canary.contacts if self.spec.canary else 0
        if not wanted or sum(contacts for _, contacts in people) <= wanted:
            return None

        def rank(row: tuple[int, int]) -> tuple[bool, datetime, int]:
            found = openings[row[0]][0]
            assert isinstance(found, Opening), "only an open zone has people to call"
            # half as many early are worth more than all of them when other zones are closed already
            few = row[1] * 2 < wanted
            return few, datetime.max.replace(tzinfo=UTC) if few else found.starts_at, -row[1]

        zone: int = min(people, key=rank)[0]
        return zone

    def _intent(self, zones: Zones, zone: int, chunk: int) -> str:
        label = zone_label(zones.offsets[zone])
        if chunk > MAX_CHUNKS:
            raise CampaignFileError(
                f"campaign {self.spec.name}: limits.chunk_size {self.spec.limits.chunk_size} cuts zone {label} into "
                f"more than {MAX_CHUNKS} vendor campaigns: raise it; nobody was called"
            )
        return intent_id(self.spec.name, self.call_date, label, chunk)

    def _store(self, total: int, to_call: int) -> None:
        values = self._values(total, to_call)
        for statement in (sql.POLICY, sql.PLAN, sql.INTENTS, sql.CONTACTS, sql.PAYLOADS, sql.RESERVATIONS):
            self.conn.execute(statement, values)
        self._store_phones()
        store_forecast(self.conn, self.key, self.spec, self.policy)

    def _store_phones(self) -> None:
        try:
            self.conn.execute(sql.PHONES)
        except psycopg.errors.UniqueViolation:
            # not `from error`: the server's detail quotes the phone
            raise ConfigError(
                "pii.phone knows a phone of this list under another key: the secret of the phone keys is not the one "
                "the warehouse was filled with: restore it"
            ) from None

    def _values(self, total: int, to_call: int) -> dict[str, Any]:
        return {
            "plan_id": self.key,
            "campaign": self.spec.name,
            "call_date": self.call_date,
            "vendor": self.spec.vendor.type,
            "purpose": self.spec.purpose.value,
            "spec": Jsonb(self.spec.canonical()),
            "policy_hash": self.policy.policy_hash,
            "policy_version": self.policy.version,
            "policy": Jsonb(self.policy.canonical()),
            "plan_hash": self._hash(),
            "total": total,
            "to_call": to_call,
            "now": self.now,
            "list_changed_at": self.list_changed_at,
            "dag_run_id": self.dag_run_id,
            "external_prefix": external_id(self.key, 0).removesuffix("0"),
            **self._dials(),
        }

    def _hash(self) -> str:
        """sha256 over the campaign file and whom it calls with what; the same at another hour gives the same hash."""
        digest = hashlib.sha256(json.dumps(self.spec.canonical(), sort_keys=True, ensure_ascii=False).encode())
        for (block,) in self.conn.execute(decide.DIGESTS):
            digest.update(block)
        return digest.hexdigest()


def _columns(found: Opening | Closed, day: date) -> tuple[Any, ...]:
    if isinstance(found, Closed):
        return (found.value, day, None, None, None, None)
    return (None, day, found.starts_at, found.ends_at, found.local_from, found.local_to)
