"""What a report says that its mapping does not expect: columns that came or went, statuses nobody has mapped.

Neither stops a load. The state is kept in `ops.report_column` and `ops.status_alert`, and `mart.v_drift` shows it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from obzvon.vendors.base import Column
from obzvon.warehouse.load import statement

__all__ = ["ColumnDrift", "StatusAlert", "note_columns", "note_statuses", "tell"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """Columns that a report has although nobody reads them, and columns that are read and that it does not have."""

    new: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StatusAlert:
    """A status and how many attempts of the intent have it. `alert` says what to do; None: nobody has mapped it."""

    status: str
    calls: int
    alert: str | None


def note_columns(
    conn: psycopg.Connection,
    *,
    vendor: str,
    project: str,
    campaign_id: str,
    returned: Iterable[Column],
    asked: Iterable[str],
    mapped: Iterable[str],
    fetched_at: datetime,
) -> ColumnDrift:
    """Keep the columns of a pull and say how they differ from what is expected; nothing where a report names none.

    `asked` is what the request of this pull named, `mapped` what the mapping reads by now: it may have changed since.
    """
    there, read = {column.field: column for column in returned}, set(mapped)
    if not there or not read:
        return ColumnDrift()
    wanted = read | (set(asked) & there.keys())
    names = sorted(there.keys() | wanted)
    columns = [there.get(name, Column(name)) for name in names]
    values = {
        "vendor": vendor,
        "project": project,
        "campaign_id": campaign_id,
        "fetched_at": fetched_at,
        "fields": names,
        "captions": [column.caption for column in columns],
        "kinds": [column.kind for column in columns],
        "asked": [name in wanted for name in names],
        "returned": [name in there for name in names],
    }
    conn.execute(statement("columns"), values)
    return ColumnDrift(tuple(sorted(there.keys() - wanted)), tuple(sorted(wanted - there.keys())))


def note_statuses(conn: psycopg.Connection, intent_id: str, fetched_at: datetime) -> tuple[StatusAlert, ...]:
    """Bring `ops.status_alert` of an intent up to its attempts; what stands there now, the most frequent first."""
    values = {"intent_id": intent_id, "fetched_at": fetched_at}
    return tuple(StatusAlert(*row) for row in conn.execute(statement("status_alerts"), values))


def tell(campaign_id: str, columns: ColumnDrift, statuses: Sequence[StatusAlert]) -> None:
    """One line of log for each kind of drift: columns are warnings, statuses errors, with their counts."""
    if columns.new:
        log.warning(
            "%s: the report has columns that nobody reads, kept in the archive only: %s; `obzvon discover-columns"
            " --campaign %s` shows them",
            campaign_id, ", ".join(columns.new), campaign_id,
        )  # fmt: skip
    if columns.lost:
        log.warning(
            "%s: the report lacks columns that the campaign file reads: %s; `obzvon discover-columns --campaign %s`"
            " shows what it has",
            campaign_id, ", ".join(columns.lost), campaign_id,
        )  # fmt: skip
    if unknown := [f"{each.status or '(empty)'} ({each.calls})" for each in statuses if each.alert is None]:
        log.error(
            "%s: calls with statuses that the mapping does not know are UNKNOWN: %s; map them, then"
            " `obzvon reclassify --campaign %s`",
            campaign_id, ", ".join(unknown), campaign_id,
        )  # fmt: skip
    for each in statuses:
        if each.alert is not None:
            log.error("%s: %d calls have the status %s: %s", campaign_id, each.calls, each.status, each.alert)
