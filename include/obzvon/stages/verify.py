"""Verify: which delivered calls can really be seen at Qolio, which says 200 to calls that it does not record.

Communications are read day by day and page by page; each page marks its calls VERIFIED, and when a day is read whole,
what was sent and not seen is MISSING. The next delivery of its plan sends a MISSING call again by the same uid, an
update where Qolio has it after all.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

import psycopg

from obzvon.errors import AuditError, ConfigError
from obzvon.qolio.account import Page
from obzvon.qolio.fields import interaction_uid, uid_of
from obzvon.vendors.account import Account
from obzvon.warehouse.db import connect, connect_async, database_time

__all__ = ["DAYS", "InteractionsClient", "Verified", "connections_of", "missing_plans", "verify"]

log = logging.getLogger(__name__)

#: Calls that started longer ago are not looked for any more.
DAYS = timedelta(days=30)
#: A dialer's clock may be ahead of ours; the sandbox's is, by days.
AHEAD = timedelta(days=400)
#: How long after sending a call must be visible, unless the connection's `verify_after_minutes` says otherwise.
MINUTES = 60.0

# Deliveries over one connection whose calls started in a span; a plan made before the key existed has the default.
_OURS = """
from ops.qa_delivery d
join ops.known_call k using (vendor_code, vendor_call_id)
join dwh.fact_call_attempt f using (vendor_code, vendor_call_id, call_month)
join ops.campaign_intent i on i.intent_id = d.intent_id
join ops.campaign_plan p using (plan_id)
where coalesce(p.spec #>> '{qolio,conn_id}', 'qolio_default') = %(conn_id)s
  and f.started_at >= %(since)s and f.started_at < %(until)s
"""
_DUE = "(d.state = 'MISSING' or d.state = 'SENT' and d.sent_at < %(cutoff)s)"
_DATES = f"select distinct (f.started_at at time zone 'UTC')::date {_OURS} and {_DUE} order by 1"
_SEEN = """
update ops.qa_delivery set state = 'VERIFIED', verified_at = now(), reason = null
where call_uid = any(%s) and state in ('SENT', 'MISSING')
"""
_NOT_SEEN = f"""
update ops.qa_delivery set state = 'MISSING', reason = 'not visible at Qolio'
where call_uid in (select d.call_uid {_OURS} and d.state = 'SENT' and d.sent_at < %(cutoff)s)
"""
_MISSING = f"select count(*) {_OURS} and d.state = 'MISSING'"
_PLANS = """
select p.plan_id
from ops.qa_delivery d
join ops.known_call k using (vendor_code, vendor_call_id)
join dwh.fact_call_attempt f using (vendor_code, vendor_call_id, call_month)
join ops.campaign_intent i on i.intent_id = d.intent_id
join ops.campaign_plan p using (plan_id)
where d.state = 'MISSING' and f.started_at >= %s
group by p.plan_id, p.call_date order by p.call_date, p.plan_id
"""


_CONNECTIONS = """
select distinct coalesce(spec #>> '{qolio,conn_id}', 'qolio_default') from ops.campaign_plan where call_date >= %s
"""


class InteractionsClient(Protocol):
    """What the stage needs of Qolio."""

    @property
    def settings(self) -> Account:
        """The connection as plain values."""

    def interactions(self, since: datetime, until: datetime) -> AsyncIterator[Page]:
        """Communications that started in a span, page by page."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a run saw over one connection: days read, communications in them, calls of ours seen and not seen."""

    conn_id: str
    days: int = 0
    communications: int = 0
    verified: int = 0
    missing: int = 0

    def require(self) -> Verified:
        """This report; AuditError when calls are missing."""
        if self.missing:
            raise AuditError(
                f"qolio, connection {self.conn_id}: {self.missing} calls that it took are not there, {self.verified}"
                " newly seen; the task `resend` sends them again, the next run looks again; `Scores from Qolio` of"
                " docs/operations.md has the query that shows them"
            )
        return self


async def verify(dsn: str, client: InteractionsClient, *, now: datetime | None = None) -> Verified:
    """Look for the calls sent over this connection; they become VERIFIED or MISSING, committed page by page.

    Only what was sent `verify_after_minutes` (60) before is expected to be visible. Without the option
    `interaction_uid` nothing is looked for, and the log says so. ConfigError when communications carry no such value.
    """
    settings = client.settings
    path = interaction_uid(settings)
    if path is None:
        log.warning(
            "connection %s: `interaction_uid` is not set, so nobody looked whether delivered calls are at Qolio",
            settings.conn_id,
        )
        return Verified(settings.conn_id)
    async with await connect_async(dsn) as conn:
        await conn.set_autocommit(True)
        began = now or await database_time(conn)
        run = _Run(conn, client, path, began)
        for day in await run.days():
            await run.look(day)
        return await run.report()


def connections_of(dsn: str, now: datetime) -> set[str]:
    """Connections over which the plans of the last days deliver."""
    with connect(dsn) as conn:
        return {conn_id for (conn_id,) in conn.execute(_CONNECTIONS, [(now - DAYS).date()])}


async def missing_plans(dsn: str, now: datetime) -> list[str]:
    """Ids of the plans with calls of the last days that Qolio does not have, the oldest call date first."""
    async with await connect_async(dsn) as conn:
        cursor = await conn.execute(_PLANS, [now - DAYS])
        return [plan_id for (plan_id,) in await cursor.fetchall()]


class _Run:
    def __init__(self, conn: psycopg.AsyncConnection, client: InteractionsClient, path: str, began: datetime) -> None:
        self._conn, self._client, self._path, self._began = conn, client, path, began
        patience = timedelta(minutes=client.settings.number("verify_after_minutes", MINUTES))
        self._values: dict[str, Any] = {
            "conn_id": client.settings.conn_id,
            "since": began - DAYS,
            "until": began + AHEAD,
            "cutoff": began - patience,
        }
        self._days = self._communications = self._verified = 0

    async def days(self) -> list[date]:
        """UTC dates with calls that are due."""
        return [day for (day,) in await self._rows(_DATES)]

    async def look(self, day: date) -> None:
        """Read one day's communications; then what is due and was not among them is missing."""
        since = datetime(day.year, day.month, day.day, tzinfo=UTC)
        span = {"since": since, "until": since + timedelta(days=1)}
        seen = named = 0
        async for page in self._client.interactions(span["since"], span["until"]):
            uids = [uid for uid in (uid_of(resource, self._path) for resource in page.resources) if uid]
            seen, named = seen + len(page.resources), named + len(uids)
            self._verified += (await self._conn.execute(_SEEN, [uids])).rowcount
        if seen and not named:
            raise ConfigError(
                f"connection {self._client.settings.conn_id}: none of {seen} communications of {day} has a value at"
                f" `interaction_uid` ({self._path}); correct the path, nothing was marked as missing"
            )
        marked = (await self._conn.execute(_NOT_SEEN, {**self._values, **span})).rowcount
        self._days, self._communications = self._days + 1, self._communications + seen
        log.info("%s: %d communications at Qolio, %d calls of ours are newly missing", day, seen, marked)

    async def report(self) -> Verified:
        """The sums, and how many calls are missing altogether."""
        ((missing,),) = await self._rows(_MISSING)
        report = Verified(self._client.settings.conn_id, self._days, self._communications, self._verified, int(missing))
        log.log(logging.ERROR if missing else logging.INFO, "%s", report)
        return report

    async def _rows(self, query: str) -> list[tuple[Any, ...]]:
        cursor = await self._conn.execute(query, self._values)
        return await cursor.fetchall()
