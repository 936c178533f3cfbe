"""The budget's row: in which order slots are given, what a burst and a pause do, and what a missed slot is worth."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import psycopg
import pytest

from obzvon.vendors.account import Account
from obzvon.vendors.budget import Limit, NoPlace, PostgresBudget, account_key

pytestmark = pytest.mark.stack
SLOW = Limit(rate=0.1, burst=7)  # a slot each ten seconds, three at once
ACCOUNT = Account("https://vendor.example/api", "robot@obzvon.example", "secret")


class Left(Exception):
    """The waiter goes away; its slot stays reserved."""


@dataclass
class Waits:
    """Notes how long each request would wait, then does `then`."""

    then: Callable[[float], Awaitable[object]]
    taken: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        await self.then(seconds)


async def leave(seconds: float) -> None:
    raise Left


async def wait_of(dsn: str, limit: Limit = SLOW) -> float:
    """How long the next request would wait; it takes its slot with it."""
    waits = Waits(leave)
    async with PostgresBudget(dsn, "v:1", limit, sleep=waits) as budget:
        try:
            await budget.acquire()
        except Left:
            return waits.taken[0]
    return 0.0


def near(seconds: float) -> object:
    """A moment that has come nearer by what the test has taken since."""
    return pytest.approx(seconds - 2, abs=2.01)


async def test_an_idle_account_gives_a_third_of_the_burst_at_once_then_a_slot_at_a_time(warehouse_dsn: str) -> None:
    assert [await wait_of(warehouse_dsn) for _ in range(6)] == [0, 0, 0, near(10), near(20), near(30)]


async def test_who_would_wait_too_long_is_told_so_and_takes_no_slot(warehouse_dsn: str) -> None:
    for _ in range(9):
        last = await wait_of(warehouse_dsn)
    assert last == near(60)
    for _ in range(2):
        with pytest.raises(NoPlace) as failure:
            await wait_of(warehouse_dsn)
        assert failure.value.retry_after == near(70)


async def test_many_requests_of_two_workers_never_leave_faster_than_the_rate(warehouse_dsn: str) -> None:
    limit = Limit(rate=100, burst=1)
    async with PostgresBudget(warehouse_dsn, "v:1", limit) as one, PostgresBudget(warehouse_dsn, "v:1", limit) as two:
        began = time.monotonic()
        await asyncio.gather(*(budget.acquire() for _ in range(30) for budget in (one, two)))
        assert time.monotonic() - began >= 59 / 100


async def test_accounts_do_not_wait_for_each_other(warehouse_dsn: str) -> None:
    limit = Limit(rate=0.01, burst=1)
    for account in ("v:1", "v:2"):
        async with PostgresBudget(warehouse_dsn, account, limit, sleep=leave) as budget:
            await budget.acquire()


async def test_a_hold_is_for_everybody_and_a_shorter_one_does_not_shorten_it(warehouse_dsn: str) -> None:
    async with PostgresBudget(warehouse_dsn, "v:1", SLOW) as budget:
        await budget.hold(40)
        await budget.hold(5)
        await budget.hold(None)
    assert [await wait_of(warehouse_dsn) for _ in range(4)] == [near(40), near(40), near(40), near(50)]


@pytest.mark.parametrize(("asked", "held"), [(90.0, 90), (1e9, 3600), (float(10**300), 3600)])
async def test_a_pause_beyond_all_reason_is_an_hour(warehouse_dsn: str, asked: float, held: float) -> None:
    async with PostgresBudget(warehouse_dsn, "v:1", SLOW) as budget:
        await budget.hold(asked)
        with pytest.raises(NoPlace, match="held back") as failure:
            await budget.acquire()
    assert failure.value.retry_after == near(held)


async def test_without_a_limit_of_ours_only_holds_count(warehouse_dsn: str) -> None:
    limit = Limit(rate=0, burst=1)
    assert [await wait_of(warehouse_dsn, limit) for _ in range(20)] == [0] * 20
    async with PostgresBudget(warehouse_dsn, "v:1", limit) as budget:
        await budget.hold(30)
    assert [await wait_of(warehouse_dsn, limit) for _ in range(3)] == [near(30)] * 3


async def test_who_wakes_up_late_has_missed_the_slot(warehouse_dsn: str) -> None:
    async def oversleep(seconds: float) -> None:
        await asyncio.sleep(seconds + (0.3 if len(waits.taken) == 1 else 0))

    waits = Waits(oversleep)
    async with PostgresBudget(warehouse_dsn, "v:1", Limit(rate=1, burst=1), sleep=waits) as budget:
        await budget.acquire()
        await budget.acquire()
    assert len(waits.taken) >= 2  # the first for the slot that was missed


async def test_a_hold_that_comes_during_the_wait_counts(warehouse_dsn: str) -> None:
    async def meanwhile(seconds: float) -> None:
        if len(waits.taken) == 1:
            await other.hold(1.5)
        await asyncio.sleep(seconds)

    waits, limit = Waits(meanwhile), Limit(rate=5, burst=1)
    async with (
        PostgresBudget(warehouse_dsn, "v:1", limit, sleep=waits) as budget,
        PostgresBudget(warehouse_dsn, "v:1", limit) as other,
    ):
        await budget.acquire()
        began = time.monotonic()
        await budget.acquire()
        assert time.monotonic() - began >= 1.5
    assert len(waits.taken) >= 2


async def test_many_refusals_at_once_are_one_hold(warehouse_dsn: str) -> None:
    async with PostgresBudget(warehouse_dsn, "v:1", SLOW) as budget:
        await asyncio.gather(*(budget.hold(seconds) for seconds in range(10, 41)))
    assert await wait_of(warehouse_dsn) == near(40)


async def test_a_cleared_account_begins_anew(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    async with PostgresBudget(warehouse_dsn, "v:1", SLOW) as budget:
        await budget.hold(1000)
    conn.execute("delete from ops.request_budget")
    conn.commit()
    assert await wait_of(warehouse_dsn) == 0


async def test_a_lost_database_is_said_and_the_next_request_finds_it_again(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    async def cut(seconds: float) -> None:
        conn.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        await asyncio.sleep(seconds)

    async with PostgresBudget(warehouse_dsn, "v:1", Limit(rate=10, burst=1), sleep=cut) as budget:
        await budget.acquire()
        with pytest.raises(NoPlace, match="warehouse, which keeps the account's budget, is lost"):
            await budget.acquire()
        conn.execute("delete from ops.request_budget")
        conn.commit()
        await budget.acquire()


async def test_the_connection_is_opened_late_and_closed_early(warehouse_dsn: str, conn: psycopg.Connection) -> None:
    def others() -> object:
        found = conn.execute(
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            " and backend_type = 'client backend'"
        ).fetchone()
        conn.commit()
        return found and found[0]

    async def come_to(wanted: int) -> None:
        for _ in range(1000):
            if others() == wanted:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"still {others()} connections")

    async with PostgresBudget(warehouse_dsn, "v:1", SLOW, idle=0.3) as budget:
        assert others() == 0
        await budget.acquire()
        await come_to(0)  # nobody asked for a while
        await budget.acquire()
    await come_to(0)


def test_the_account_is_vendor_address_and_login_and_no_secret() -> None:
    key = account_key("twin", ACCOUNT)
    assert key.startswith("twin:")
    assert key == account_key(
        "twin", replace(ACCOUNT, base_url=ACCOUNT.base_url + "/", password="new", conn_id="other")
    )
    others = [replace(ACCOUNT, login="another"), replace(ACCOUNT, base_url="https://other.example")]
    assert len({key, account_key("dialog", ACCOUNT), *(account_key("twin", other) for other in others)}) == 4
    assert "robot" not in key


@pytest.mark.parametrize(
    ("options", "rate", "burst"),
    [
        ({}, 20, 4),
        ({"requests_per_second": "2"}, 2, 1),
        ({"requests_per_second": 50, "burst": 3}, 50, 3),
        ({"requests_per_second": 0, "burst": ""}, 0, 1),
    ],
)
def test_the_limit_is_an_option_of_the_account(options: dict[str, object], rate: float, burst: int) -> None:
    assert Limit.of(replace(ACCOUNT, options=options), 20) == Limit(rate, burst)


async def test_an_account_without_a_limit_is_looked_at_now_and_then_and_holds_itself_at_once(
    warehouse_dsn: str, conn: psycopg.Connection
) -> None:
    limit, waits = Limit(rate=0, burst=1), Waits(leave)
    async with PostgresBudget(warehouse_dsn, "v:1", limit, sleep=waits) as budget:
        await budget.acquire()
        (before,) = _row_version(conn)
        for _ in range(100):
            await budget.acquire()
        (after,) = _row_version(conn)
        await budget.hold(20)
        with pytest.raises(Left):
            await budget.acquire()
    assert int(after) - int(before) < 50  # writes of the row since, other transactions of the test included
    assert waits.taken == [near(20)]


def _row_version(conn: psycopg.Connection) -> tuple[str]:
    conn.rollback()
    rows = conn.execute("select xmin::text from ops.request_budget").fetchall()
    return (rows[0][0],)
