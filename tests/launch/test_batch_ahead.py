"""The next batch is read while the vendor works on the one before; what changes meanwhile still counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import pytest
from barring import planned, suppress
from launching import NOW, PLAN, BatchDialer, spec

from obzvon.errors import LedgerError
from obzvon.ledger.contacts import contacts_of
from obzvon.ledger.keys import external_id
from obzvon.stages import candidates
from obzvon.stages.launch import Launcher, LaunchResult, launch
from obzvon.vendors.base import Acceptance, Contact
from obzvon.warehouse.db import connect_async

pytestmark = pytest.mark.stack
BATCH = 2
_TAKEN_OUT = """
update ops.plan_contact set intent_id = null, exclusion_code = 'EXCL_DNC', exclusion_reason = 'suppressed_after_plan'
where row_no = 3
"""


class Patient(BatchDialer):
    """Answers the first batch when the second one has been read."""

    def __init__(self) -> None:
        super().__init__()
        self.second_read = asyncio.Event()

    async def add_contacts(self, task_id: str, order: Any, contacts: Sequence[Contact]) -> Acceptance:
        taken = await super().add_contacts(task_id, order, contacts)
        await asyncio.wait_for(self.second_read.wait(), 30)
        return taken


class Launching:
    """A launch of two batches; `meanwhile` happens when the second one was read, the first one still unanswered."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self.dialer, self.reads, self.pauses = Patient(), 0, list[float]()
        self._meanwhile = meanwhile

    async def run(self, dsn: str) -> LaunchResult:
        async with await connect_async(dsn) as conn:
            by_twos = spec(limits={"candidate_batch": BATCH})
            run = Launcher(conn, self.dialer, by_twos, "run-1", lambda: False, lambda: NOW, self._pause)
            return await launch(run, PLAN, 0)

    async def read(self, *whom: Any) -> list[Contact]:
        """In place of the ledger's own."""
        found = await contacts_of(*whom)
        self.reads += 1
        if self.reads == 2:
            self.dialer.second_read.set()
            self._meanwhile()
        return found

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


@pytest.fixture
def launching(conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], Launching]:
    def made(meanwhile: Callable[[], object]) -> Launching:
        planned(conn, 2 * BATCH)
        new = Launching(meanwhile)
        monkeypatch.setattr(candidates, "contacts_of", new.read)
        return new

    return made


def handed(*rows: int) -> list[str]:
    return [external_id(PLAN, row) for row in rows]


@pytest.mark.parametrize("change", ["taken out of the intent", "opted out"])
async def test_who_may_not_be_called_since_the_batch_was_read_is_not_sent(
    conn: psycopg.Connection, warehouse_dsn: str, launching: Callable[..., Launching], change: str
) -> None:
    def meanwhile() -> None:
        if change == "opted out":
            suppress(conn, 3)
        else:
            conn.execute(_TAKEN_OUT)
        conn.commit()

    running = launching(meanwhile)
    result = await running.run(warehouse_dsn)
    assert running.dialer.handed == handed(1, 2, 4)
    assert (running.pauses, dict(result.states), result.contacts_sent) == ([2.0], {"running": 1}, 3)


async def test_a_batch_that_could_not_be_prepared_leaves_the_one_under_way_noted(
    conn: psycopg.Connection, warehouse_dsn: str, launching: Callable[..., Launching]
) -> None:
    def meanwhile() -> None:
        raise LedgerError("the second batch cannot be read")

    running = launching(meanwhile)
    with pytest.raises(LedgerError, match="second batch"):
        await running.run(warehouse_dsn)
    assert running.dialer.handed == handed(1, 2)
    assert conn.execute("select state, contacts, accepted from ops.candidate_batch").fetchall() == [("accepted", 2, 2)]
    sent = conn.execute("select sent_state from ops.plan_contact order by row_no").fetchall()
    assert sent == [("accepted",), ("accepted",), (None,), (None,)]
