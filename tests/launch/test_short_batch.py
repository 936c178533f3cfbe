"""TWIN answers yes and keeps a part of the batch: who is sent again is asked about like everybody before a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import psycopg
import pytest
from barring import elsewhere, made_under, once_a_day, planned, suppress
from launching import NOW, PLAN
from twin_launches import campaign, shown, signed_in, told

from obzvon.ledger.keys import external_id
from obzvon.sandbox.process import Sandbox, running_sandbox
from obzvon.stages.launch import Launcher, LaunchResult, launch
from obzvon.warehouse.db import connect_async

pytestmark = pytest.mark.stack
LOST = {"vendor": "twin", "do": "lose_items", "path": "batch", "items": 3}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox whose time stands still unless a test pushes it."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), speed=0) as running:
        yield running


@pytest.fixture
async def losing(sandbox: Sandbox) -> Sandbox:
    """A sandbox that has seen nobody yet and will lose the last three contacts of one batch."""
    await told(sandbox, "reset", {})
    await told(sandbox, "faults", LOST)
    return sandbox


async def filled(dsn: str, sandbox: Sandbox, meanwhile: Callable[[], None]) -> LaunchResult:
    """A launch in one batch; `meanwhile` happens once, while the vendor's count of the contacts is waited for."""
    waits: list[float] = []

    async def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            meanwhile()

    whole = campaign(candidate_batch=100)
    async with await connect_async(dsn) as conn, signed_in(sandbox, whole) as dialer:
        result = await launch(Launcher(conn, dialer, whole, "run-1", lambda: False, lambda: NOW, pause), PLAN, 0)
    assert waits
    return result


async def sent(sandbox: Sandbox) -> list[list[int]]:
    """The rows of the list in each batch that left."""
    batches = [entry["body"]["batch"] for entry in await shown(sandbox, "requests", path="batch")]
    rows = {external_id(PLAN, number): number for number in range(1, 11)}
    return [[rows[candidate["clientExternalId"]] for candidate in batch] for batch in batches]


async def dialled(sandbox: Sandbox) -> set[str]:
    """The phones that rang until the end of time."""
    await told(sandbox, "clock", {"advance_seconds": timedelta(days=3650).total_seconds()})
    return {dial["phone"] for dial in await shown(sandbox, "dials") if dial["dialed"]}


def states(conn: psycopg.Connection) -> dict[int, tuple[str, str | None]]:
    """What the ledger says of each contact in the list."""
    rows = conn.execute("select row_no, sent_state, vendor_reason from ops.plan_contact order by row_no").fetchall()
    conn.commit()
    return {row: (state, reason) for row, state, reason in rows}


def counts(conn: psycopg.Connection) -> list[tuple[int, ...]]:
    query = "select contacts_sent, contacts_accepted, contacts_rejected from ops.campaign_intent where plan_id = %s"
    found = conn.execute(query, (PLAN,)).fetchall()
    conn.commit()
    return found


async def test_who_was_lost_is_sent_again(conn: psycopg.Connection, warehouse_dsn: str, losing: Sandbox) -> None:
    planned(conn, 10)
    result = await filled(warehouse_dsn, losing, lambda: None)
    everybody = list(range(1, 11))
    assert (await sent(losing), result.problems, counts(conn)) == ([everybody, everybody], [], [(10, 10, 0)])
    assert len(await dialled(losing)) == 10


async def test_who_may_not_be_called_any_more_is_not_sent_again(
    conn: psycopg.Connection, warehouse_dsn: str, losing: Sandbox
) -> None:
    """One of the three who were lost opts out, another is called by another campaign."""
    (intent,) = planned(conn, 10)
    made_under(conn, once_a_day())

    def meanwhile() -> None:
        suppress(conn, 9)
        elsewhere(conn, 10, attempts=1)

    result = await filled(warehouse_dsn, losing, meanwhile)
    assert await sent(losing) == [list(range(1, 11)), list(range(1, 9))]
    why = "left out when a short batch was sent again: "
    assert states(conn) == dict.fromkeys(range(1, 9), ("accepted", None)) | {
        9: ("rejected", f"{why}suppressed_after_plan"), 10: ("rejected", f"{why}cap_after_plan"),
    }  # fmt: skip
    assert (result.problems, counts(conn)) == ([], [(10, 8, 2)])
    assert await dialled(losing) == {f"7916{row:07d}" for row in range(1, 9)}
    held = conn.execute("select sum(held) from ops.attempt_reservation where intent_id = %s", (intent,)).fetchone()
    assert held == (10,)  # the vendor may have them all the same, until the report says so


async def test_who_is_left_out_counts_as_handed_over_where_the_vendor_has_more_than_were_sent_again(
    conn: psycopg.Connection, warehouse_dsn: str, losing: Sandbox
) -> None:
    """Of the two who opt out the vendor has one already, and nobody can see which."""
    planned(conn, 10)

    def meanwhile() -> None:
        suppress(conn, 1)
        suppress(conn, 10)

    result = await filled(warehouse_dsn, losing, meanwhile)
    assert await sent(losing) == [list(range(1, 11)), list(range(2, 10))]
    assert set(states(conn).values()) == {("accepted", None)}
    assert result.problems == []
    assert len(await dialled(losing)) == 9


async def test_nobody_is_sent_again_where_all_may_not_be_called_any_more(
    conn: psycopg.Connection, warehouse_dsn: str, losing: Sandbox
) -> None:
    planned(conn, 4)

    def meanwhile() -> None:
        for row in range(1, 5):
            suppress(conn, row)

    result = await filled(warehouse_dsn, losing, meanwhile)
    assert await sent(losing) == [[1, 2, 3, 4]]
    assert set(states(conn).values()) == {("accepted", None)}
    assert result.problems == []
    assert len(await dialled(losing)) == 1
