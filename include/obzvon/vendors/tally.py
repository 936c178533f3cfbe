"""One look at a report, counted row by row: what the completeness rule reads. Memory: one small entry a contact."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from obzvon.dispositions import HUMAN, Disposition
from obzvon.errors import ContractBreak
from obzvon.vendors.base import Attempt, Progress, Row


@dataclass(slots=True)
class Dials:
    """The dials of one contact so far: how many ended how, and the newest one's outcome and talk."""

    last: Attempt
    ended: Counter[Disposition] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        return self.ended.total()


@dataclass(frozen=True, slots=True)
class Queued:
    """A row for a contact whose turn has not come: no call yet."""

    contact: str


#: Says whether the vendor may dial a contact again.
Redials = Callable[[Dials], bool]


class Tally:
    """Counts attempts of one vendor campaign. A call that comes twice (pages shift while they are read) counts once."""

    def __init__(self, redials: Redials, *, recordings: bool) -> None:
        self._redials, self._recordings = redials, recordings
        self._dials: dict[str, Dials] = {}
        self._ids: set[str] = set()
        self._queued: set[str] = set()
        self._sum = self._pending = self._missing = self._broken = 0

    def add(self, row: Row | Queued) -> None:
        """Count one row."""
        if isinstance(row, ContractBreak):
            self._broken += 1
        elif isinstance(row, Queued):
            self._queued.add(row.contact)
        elif isinstance(row, Attempt) and row.vendor_call_id not in self._ids:
            self._ids.add(row.vendor_call_id)
            self._count(row)

    def add_all(self, rows: Iterable[Row | Queued]) -> None:
        """Count many."""
        for row in rows:
            self.add(row)

    def _count(self, call: Attempt) -> None:
        # a sum does not mind the order in which the vendor lists rows
        self._sum += int.from_bytes(hashlib.sha256(repr(call).encode()).digest()[:16], "big")
        self._pending += call.disposition is Disposition.PENDING
        self._missing += self._recordings and call.disposition in HUMAN and not call.record_url
        contact = call.external_id or call.phone or call.vendor_call_id
        dials = self._dials.setdefault(contact, Dials(call))
        dials.ended[call.disposition] += 1
        if call.started_at >= dials.last.started_at:
            dials.last = call

    def progress(self, vendor_time: datetime, finished: bool | None = None, status: str | None = None) -> Progress:
        """What was counted. When the vendor says that the task is finished, every contact it called is terminal."""
        seen = len(self._dials.keys() | self._queued)
        terminal = seen if finished else sum(not self._redials(dials) for dials in self._dials.values())
        return Progress(
            vendor_time=vendor_time,
            rows=len(self._ids) + len(self._queued) + self._broken,
            contacts_seen=seen,
            contacts_terminal=terminal,
            pending_rows=self._pending + len(self._queued),
            recordings_missing=self._missing,
            fingerprint=f"{self._sum:x}.{len(self._ids)}.{len(self._queued)}.{self._broken}.{status or ''}",
            task_finished=finished,
            task_status=status,
        )
