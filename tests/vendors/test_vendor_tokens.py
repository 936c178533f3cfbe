"""Tokens: renewed before they end and once on 401, one login for all who wait, and never a reason to doubt a create."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
from aiohttp import web
from vendor_world import NOW, Naps, Vendor, account, vendor

from obzvon.errors import AuthRefused, ConfigError, NotSent
from obzvon.vendors.dialog_auth import DialogLogin
from obzvon.vendors.http import Account, Patience, VendorSession
from obzvon.vendors.patience import NoCredentials
from obzvon.vendors.twin_auth import TwinLogin

KEY = "k" * 32


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


class Iam:
    """A TWIN whose tokens live `ttl` seconds; every token issued before `revoked` is dead."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.issued, self.revoked = clock, 0, 0
        self.refreshes = True

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/auth/login"):
            return self._pair((await request.json())["ttl"])
        if request.path.endswith("/auth/refresh"):
            body = await request.json()
            return self._pair(body["ttl"]) if self.refreshes else web.json_response({"error": "dead"}, status=401)
        token = request.headers["Authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, options={"verify_signature": False})
        good = claims["number"] > self.revoked and claims["exp"] > self.clock().timestamp()
        return web.json_response({"ok": 1} if good else {"error": "Token is expired."}, status=200 if good else 401)

    def _pair(self, ttl: int) -> web.Response:
        self.issued += 1
        claims = {"exp": int(self.clock().timestamp()) + ttl, "number": self.issued}
        return web.json_response({"token": jwt.encode(claims, KEY), "refreshToken": f"refresh-{self.issued}"})


def session(seen: Vendor, clock: Clock) -> VendorSession:
    login = TwinLogin(account(seen.url), clock)
    return VendorSession("twin", account(seen.url), login, patience=Patience(attempts=3, sleep=Naps()), clock=clock)


@pytest.fixture
def clock() -> Iterator[Clock]:
    return Clock()


async def test_many_requests_wait_for_one_login(clock: Clock) -> None:
    async with vendor(Iam(clock)) as seen, session(seen, clock) as http:
        await asyncio.gather(*(http.read("GET", f"/x/{n}", action="look") for n in range(20)))
    assert seen.times("/auth/login") == 1
    assert len(seen.asked) == 21


async def test_a_login_that_fails_fails_for_all_who_wait_and_is_tried_anew_by_who_comes_later(clock: Clock) -> None:
    iam, dead = Iam(clock), True

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response({}, status=503) if dead and "/auth/" in request.path else await iam(request)

    async with vendor(answer) as seen, session(seen, clock) as http:
        reads = [http.read("GET", "/x", action="look") for _ in range(20)]
        failed = await asyncio.gather(*reads, return_exceptions=True)
        assert {type(each) for each in failed} == {NoCredentials}
        assert len({str(each) for each in failed}) == 1
        assert seen.times("/auth/login") == 3  # one login with its patience
        with pytest.raises(NotSent, match="HTTP 503"):
            await http.read("GET", "/x", action="look")
        assert seen.times("/auth/login") == 6
        dead = False
        await http.read("GET", "/x", action="look")

        dead, iam.revoked, before = True, iam.issued, seen.times("/auth/refresh")
        reads = [http.read("GET", "/y", action="look") for _ in range(20)]
        failed = await asyncio.gather(*reads, return_exceptions=True)
        assert {type(each) for each in failed} == {NoCredentials}
        assert seen.times("/auth/refresh") - before == 3
        dead = False
        await http.read("GET", "/y", action="look")


async def test_a_token_is_renewed_before_it_ends_by_its_refresh_token(clock: Clock) -> None:
    async with vendor(Iam(clock)) as seen, session(seen, clock) as http:
        await http.read("GET", "/x", action="look")
        clock.now += timedelta(seconds=3600 - 61)
        await http.read("GET", "/x", action="look")
        clock.now += timedelta(seconds=2)
        await asyncio.gather(*(http.read("GET", "/x", action="look") for _ in range(5)))
    assert (seen.times("/auth/login"), seen.times("/auth/refresh")) == (1, 1)
    assert seen.bodies[seen.asked.index("POST /iam/api/v1/auth/refresh")]["refreshToken"] == "refresh-1"


async def test_a_dead_refresh_token_leads_to_a_login(clock: Clock) -> None:
    iam = Iam(clock)
    iam.refreshes = False
    async with vendor(iam) as seen, session(seen, clock) as http:
        await http.read("GET", "/x", action="look")
        clock.now += timedelta(hours=1)
        await http.read("GET", "/x", action="look")
    assert seen.times("/auth/login") == 2


async def test_a_create_is_repeated_once_after_401_which_proves_that_nothing_was_done(clock: Clock) -> None:
    iam = Iam(clock)
    async with vendor(iam) as seen, session(seen, clock) as http:
        await http.read("GET", "/x", action="look")
        iam.revoked = 1
        await http.send("POST", "/create", action="create a task", json={"name": "x"})
    assert seen.times("/create") == 2
    assert seen.times("/auth/refresh") == 1


async def test_many_refused_requests_renew_once(clock: Clock) -> None:
    iam = Iam(clock)
    async with vendor(iam) as seen, session(seen, clock) as http:
        await http.read("GET", "/x", action="look")
        iam.revoked = 1
        await asyncio.gather(*(http.read("GET", "/y", action="look") for _ in range(10)))
    assert seen.times("/auth/refresh") == 1


async def test_401_after_the_renewal_ends_it(clock: Clock) -> None:
    iam = Iam(clock)
    iam.revoked = 99
    async with vendor(iam) as seen, session(seen, clock) as http:
        with pytest.raises(AuthRefused, match="correct connection vendor_default"):
            await http.send("POST", "/create", action="create a task", json={})
    assert seen.times("/create") == 2


@pytest.mark.parametrize("dies", ["before the first request", "at the renewal"])
async def test_a_login_that_fails_in_doubt_leaves_the_create_unsent(clock: Clock, dies: str) -> None:
    iam = Iam(clock)
    down = dies == "before the first request"

    async def answer(request: web.Request) -> web.StreamResponse:
        if down and "/auth/" in request.path:
            return web.Response(status=502)
        return await iam(request)

    async with vendor(answer) as seen, session(seen, clock) as http:
        if not down:
            await http.read("GET", "/x", action="look")
            iam.revoked, down = 1, True
        with pytest.raises(NotSent, match="create a task: no token"):
            await http.send("POST", "/create", action="create a task", json={})
    assert seen.times("/create") == (0 if dies == "before the first request" else 1)


async def test_a_wrong_password_names_the_connection_and_is_not_tried_again(clock: Clock) -> None:
    async def no(request: web.Request) -> web.StreamResponse:
        return web.json_response({"error": "Invalid credentials."}, status=401)

    async with vendor(no) as seen, session(seen, clock) as http:
        with pytest.raises(AuthRefused) as failure:
            await http.send("POST", "/create", action="create a task", json={})
    assert seen.asked == ["POST /iam/api/v1/auth/login"]
    assert "vendor_default" in str(failure.value)
    assert "secret-password" not in str(failure.value)


async def test_dialogs_login_is_a_form_and_its_shape_is_a_matter_of_options(clock: Clock) -> None:
    taken: list[dict[str, Any]] = []

    async def login(request: web.Request) -> web.StreamResponse:
        form = request.content_type == "application/x-www-form-urlencoded"
        taken.append(dict(await request.post()) if form else await request.json())
        return web.json_response({"access_token": "abc", "token_type": "bearer"})

    async with vendor(login) as seen:
        given = account(seen.url)
        async with VendorSession("dialog", given) as http:
            assert await DialogLogin(given).header(http) == "Bearer abc"
        given = account(seen.url, login_path="/auth", login_encoding="json", login_field="login", api_path="/")
        async with VendorSession("dialog", given) as http:
            await DialogLogin(given).header(http)
    assert seen.asked == ["POST /api/login/", "POST /auth"]
    assert taken == [
        {"username": "robot@obzvon.example", "password": "secret-password"},
        {"login": "robot@obzvon.example", "password": "secret-password"},
    ]


async def test_an_account_without_credentials_says_what_to_fill_in() -> None:
    empty = Account("http://127.0.0.1:1", conn_id="twin_default")
    async with VendorSession("twin", empty, TwinLogin(empty)) as http:
        with pytest.raises(ConfigError, match="twin_default: login and password are empty"):
            await http.send("POST", "/create", action="create a task", json={})


def test_secrets_do_not_show_in_an_account() -> None:
    shown = repr(Account("http://x", "robot", "secret-password", "secret-token", {"key": "secret-option"}))
    assert "secret" not in shown
