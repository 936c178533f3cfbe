"""The next batch is read while the vendor works on the one before; what changes meanwhile still counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from barring import elsewhere, made_under, once_a_day, phone, planned, suppress
from launching import NOW, PLAN, BatchDialer, spec

from obzvon.errors import LedgerError
from obzvon.ledger.contacts import contacts_of
from obzvon.ledger.keys import external_id
from obzvon.stages import candidates
from obzvon.stages.candidates import FRESH
from obzvon.stages.launch import Launcher, LaunchResult, launch
from obzvon.vendors.base import Acceptance, Contact
from obzvon.warehouse.db import connect_async

pytestmark = pytest.mark.stack
BATCH = 2
_RELEASED = "update ops.attempt_reservation set held = 0, released_at = now() where phone_key = %s"
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
        self.dialer, self.reads, self.pauses, self.now = Patient(), 0, list[float](), NOW
        self._meanwhile = meanwhile

    async def run(self, dsn: str) -> LaunchResult:
        async with await connect_async(dsn) as conn:
            by_twos = spec(limits={"candidate_batch": BATCH})
            run = Launcher(conn, self.dialer, by_twos, "run-1", lambda: False, lambda: self.now, self._pause)
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


@pytest.mark.parametrize("change", ["dialled elsewhere", "reservation gone"])
async def test_a_batch_whose_turn_is_late_is_asked_about_again(
    conn: psycopg.Connection, warehouse_dsn: str, launching: Callable[..., Launching], change: str
) -> None:
    def meanwhile() -> None:
        if change == "dialled elsewhere":
            elsewhere(conn, 3, attempts=1)
        else:
            conn.execute(_RELEASED, [phone(3)])
        conn.commit()
        running.now += FRESH + timedelta(seconds=1)

    running = launching(meanwhile)
    made_under(conn, once_a_day())
    conn.commit()
    result = await running.run(warehouse_dsn)
    assert running.dialer.handed == handed(1, 2, 4)
    assert (running.reads, dict(result.states), result.contacts_sent) == (3, {"running": 1}, 3)


class Overdue(BatchDialer):
    """A request that is asked to leave again while the next batch is still being read, until it takes too long."""

    longest_request = timedelta(seconds=1)

    async def add_contacts(self, task_id: str, order: Any, contacts: Sequence[Contact]) -> Acceptance:
        await super().add_contacts(task_id, order, contacts)
        await asyncio.sleep(0.2)
        await self.last_look()
        raise AssertionError("the read-ahead is over already")


async def test_a_request_that_takes_too_long_while_the_next_batch_is_read_is_in_doubt(
    conn: psycopg.Connection, warehouse_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(session: psycopg.AsyncConnection, *whom: Any) -> list[Contact]:
        if handed(1, 2) == dialer.handed:
            await session.execute("select pg_sleep(30)")
        return await contacts_of(session, *whom)

    planned(conn, 2 * BATCH)
    dialer = Overdue()
    monkeypatch.setattr(candidates, "contacts_of", slow)
    async with await connect_async(warehouse_dsn) as own:
        by_twos = spec(limits={"candidate_batch": BATCH})
        result = await launch(Launcher(own, dialer, by_twos, "run-1", lambda: False, lambda: NOW), PLAN, 0)
    assert (dict(result.states), len(result.doubts)) == ({"in_doubt": 1}, 1)
    assert conn.execute("select state from ops.candidate_batch").fetchall() == [("in_doubt",)]


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
