"""A session with a budget: nothing leaves without a place, and every 429 holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web
from vendor_world import NOW, Handler, Naps, account, vendor

from obzvon.errors import Delivery, NotSent, RateLimited
from obzvon.vendors.auth import Auth
from obzvon.vendors.budget import Budget, Limit, NoPlace, PostgresBudget
from obzvon.vendors.http import Patience, VendorSession
from obzvon.vendors.twin_auth import TwinLogin

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


@dataclass
class Counted:
    """A budget that counts; `refuses` is what it says to the next requests."""

    acquired: int = 0
    held: list[float | None] = field(default_factory=list)
    refuses: list[NoPlace] = field(default_factory=list)

    async def acquire(self) -> None:
        if self.refuses:
            raise self.refuses.pop(0)
        self.acquired += 1

    async def hold(self, seconds: float | None) -> None:
        self.held.append(seconds)


def session(url: str, budget: Budget, auth: Auth | None = None, naps: Naps | None = None) -> VendorSession:
    patience = Patience(attempts=4, budget=300, sleep=naps or Naps())
    return VendorSession("v", account(url), auth, patience=patience, clock=lambda: NOW, budget=budget)


def answers(*given: web.Response) -> Handler:
    """One answer after the other, 200 when there are no more."""
    left: Iterator[web.Response] = iter(given)

    async def handler(request: web.Request) -> web.StreamResponse:
        return next(left, None) or web.json_response({"token": "abc"})

    return handler


def too_many(**headers: str) -> web.Response:
    return web.json_response({}, status=429, headers=headers)


async def test_logins_and_repetitions_take_a_place_each() -> None:
    budget = Counted()
    refusal = web.json_response({"error": "expired"}, status=401)
    async with vendor(answers(web.json_response({"token": "old"}), refusal, web.Response(status=502))) as seen:
        login = TwinLogin(account(seen.url))
        async with session(seen.url, budget, login) as http:
            await http.read("GET", "/x", action="look")
            await http.send("POST", "/x", action="create")
            async with http.stream("GET", "/x", action="download"):
                pass
    assert budget.acquired == len(seen.asked) >= 6
    assert budget.held == []


@pytest.mark.parametrize(
    ("headers", "held"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": format_datetime(NOW + timedelta(seconds=9), usegmt=True)}, 9),
        ({}, None),
    ],
)
async def test_every_429_holds_reads_and_creates_alike(headers: dict[str, str], held: float | None) -> None:
    budget, naps = Counted(), Naps()
    async with (
        vendor(answers(too_many(**headers), web.json_response({}), too_many(**headers))) as seen,
        session(seen.url, budget, naps=naps) as http,
    ):
        await http.read("GET", "/x", action="look")
        with pytest.raises(RateLimited):
            await http.send("POST", "/x", action="create")
    assert budget.held == [held, held]
    assert len(naps.taken) == 1


async def test_a_create_without_a_place_is_not_sent_and_says_when_to_come_again() -> None:
    budget = Counted(refuses=[NoPlace("held back for another 90 s", 90)])
    async with vendor(answers()) as seen, session(seen.url, budget) as http:
        with pytest.raises(NotSent, match="v: create: held back for another 90 s") as failure:
            await http.send("POST", "/x", action="create")
    assert failure.value.delivery is Delivery.NOT_SENT
    assert failure.value.retry_after == 90
    assert seen.asked == []


async def test_a_read_without_a_place_comes_again_when_the_hold_is_over() -> None:
    budget, naps = Counted(refuses=[NoPlace("held back", 90)]), Naps()
    async with vendor(answers()) as seen, session(seen.url, budget, naps=naps) as http:
        await http.read("GET", "/x", action="look")
    assert naps.taken == [90]
    assert seen.asked == ["GET /x"]


async def test_nothing_leaves_when_the_database_is_lost() -> None:
    async with (
        vendor(answers()) as seen,
        PostgresBudget(NOWHERE, "v:1", Limit(10, 1)) as budget,
        session(seen.url, budget) as http,
    ):
        with pytest.raises(NotSent, match="budget, is lost"):
            await http.send("POST", "/x", action="create")
    assert seen.asked == []


async def test_a_429_stays_a_429_when_the_hold_cannot_be_written(caplog: pytest.LogCaptureFixture) -> None:
    class Lost(PostgresBudget):
        async def acquire(self) -> None:
            """There was a place before the database went."""

    async with (
        vendor(answers(too_many(**{"Retry-After": "7"}))) as seen,
        Lost(NOWHERE, "v:1", Limit(10, 1)) as budget,
        session(seen.url, budget) as http,
    ):
        with pytest.raises(RateLimited) as failure:
            await http.send("POST", "/x", action="create")
    assert failure.value.retry_after == 7
    assert "not known to other workers" in caplog.text
