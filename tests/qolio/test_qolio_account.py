"""The account client against an HTTP server: how it signs in, what it sends, and what each answer means."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from obzvon.errors import AuthRefused, ConfigError, ContractBreak, InDoubt
from obzvon.qolio.account import QolioAccount, User
from obzvon.qolio.sign_in import account_login
from obzvon.vendors.account import Account
from obzvon.vendors.patience import Patience

THREE = {"uid": "qa@example.org", "access-token": "jwt-1", "client": "c-1"}
USER = {"id": "u-1", "type": "users", "attributes": {"email": "a@b.c", "integration-uid": "op-17", "active": True}}
DAY = datetime(2030, 5, 20, tzinfo=UTC), datetime(2030, 5, 21, tzinfo=UTC)


def listed(*resources: Any, page: int = 1, pages: int = 1) -> dict[str, Any]:
    return {"data": list(resources), "meta": {"page": page, "total-pages": pages, "total-count": len(resources)}}


class Wire:
    """Signs in with the headers it is told, then plays answers in turn and keeps the requests."""

    def __init__(self) -> None:
        self.signed_in: list[Any] = []
        self.requests: list[web.Request] = []
        self.gives: dict[str, str] = {"Authorization": "Bearer jwt-1"}
        self.answers: list[Callable[[], web.Response]] = [lambda: web.json_response(listed(USER))]
        self.address = ""

    def plays(self, *answers: Any) -> None:
        self.answers = [
            (lambda given=given: given() if callable(given) else web.json_response(given)) for given in answers
        ]

    async def sign_in(self, request: web.Request) -> web.Response:
        self.signed_in.append(await request.json())
        return web.json_response({"data": {}}, headers=self.gives)

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        return (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])()

    def client(self, **options: Any) -> Any:
        login = {"account_email": "qa@example.org", "account_password": "secret-word"}
        account = Account(self.address, password="token", options=login | options, conn_id="qolio_default")

        async def no_time(_: float) -> None:
            return

        return QolioAccount.connected(account, patience=Patience(attempts=3, sleep=no_time))

    def sent(self, name: str) -> list[str | None]:
        return [request.headers.get(name) for request in self.requests]


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    played = Wire()
    app = web.Application()
    app.router.add_post("/auth/sign_in", played.sign_in)
    app.router.add_get("/{path:.*}", played.handle)
    async with TestServer(app) as server:
        played.address = str(server.make_url("/")).rstrip("/")
        yield played


async def users(wire: Wire, **options: Any) -> list[User]:
    async with wire.client(**options) as client:
        return [user async for page in client.users() for user in page]


async def test_a_bearer_header_is_sent_back_and_nothing_else(wire: Wire) -> None:
    wire.gives |= THREE
    assert await users(wire) == [User("a@b.c", "op-17", True)]
    assert wire.signed_in == [{"email": "qa@example.org", "password": "secret-word"}]
    assert wire.sent("Authorization") == ["Bearer jwt-1"]
    assert wire.sent("access-token") == [None]


async def test_the_three_headers_are_sent_back_where_there_is_no_bearer(wire: Wire) -> None:
    wire.gives = dict(THREE)
    await users(wire)
    assert [wire.sent(name) for name in THREE] == [["qa@example.org"], ["jwt-1"], ["c-1"]]
    assert wire.sent("Authorization") == [None]


@pytest.mark.parametrize("kind", ["bearer", "three"])
async def test_a_token_that_died_is_renewed_once(wire: Wire, kind: str) -> None:
    wire.gives = dict(THREE) if kind == "three" else wire.gives
    wire.plays(lambda: web.json_response({}, status=401), listed(USER))
    assert len(await users(wire)) == 1
    assert len(wire.signed_in) == 2
    wire.plays(lambda: web.json_response({}, status=401))
    with pytest.raises(AuthRefused, match="correct connection qolio_default"):
        await users(wire)


async def test_a_sign_in_without_a_token_is_one_sentence(wire: Wire) -> None:
    wire.gives = {"uid": "qa@example.org"}
    with pytest.raises(AuthRefused, match="no token in its headers; check the option sign_in_path"):
        await users(wire)


async def test_pages_are_read_to_the_last_with_the_documented_query(wire: Wire) -> None:
    wire.plays(listed({"id": "1"}, pages=2), listed({"id": "2"}, page=2, pages=2))
    async with wire.client() as client:
        found = [page async for page in client.interactions(*DAY)]
    assert [resource["id"] for page in found for resource in page.resources] == ["1", "2"]
    assert [dict(request.query) for request in wire.requests] == [
        {
            "filters[client_interaction_time_from]": "2030-05-19T23:59:59+00:00",
            "filters[client_interaction_time_to]": "2030-05-21T00:00:01+00:00",
            "sort": "created_at",
            "page[number]": str(number),
        }
        for number in (1, 2)
    ]
    assert {request.path for request in wire.requests} == {"/api/v1/client_interactions"}


async def test_reviews_may_be_elsewhere_and_come_beside_their_communications(wire: Wire) -> None:
    review = {"type": "reviews", "id": "r-1", "attributes": {"score": 5}}
    wire.plays(listed({"id": "1"}) | {"included": [review, {"type": "users"}]})
    async with wire.client(reviews_path="/api/v1/checks", reviews_include="reviews") as client:
        (page,) = [page async for page in client.interactions(*DAY, by="review_time")]
    (request,) = wire.requests
    assert (request.path, request.query["include"]) == ("/api/v1/checks", "reviews")
    assert "filters[review_time_from]" in request.query
    assert page.included == {("reviews", "r-1"): review}


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"data": []},
        {"data": {}, "meta": {"total-pages": 1}},
        {"data": ["x"], "meta": {"total-pages": 1}},
        {"data": [{"attributes": {"email": "a@b.c"}}], "meta": {"total-pages": 1}},
        {"data": [], "meta": {"total-pages": 2}},
    ],
)
async def test_an_answer_of_another_shape_breaks_the_contract(wire: Wire, body: Any) -> None:
    wire.plays(body)
    with pytest.raises(ContractBreak, match="qolio_"):
        await users(wire)


async def test_a_page_of_a_proxy_is_asked_for_again(wire: Wire) -> None:
    def gateway() -> web.Response:
        return web.Response(status=502, text="<html>502</html>", content_type="text/html")

    wire.plays(gateway, gateway, listed(USER))
    assert len(await users(wire)) == 1
    wire.plays(gateway)
    with pytest.raises(InDoubt):
        await users(wire)


async def test_bindings_are_read_by_their_header(wire: Wire) -> None:
    csv = "﻿email,last_name,first_name,integration_uid\na@b.c,K,Olga,op-17\n\nd@e.f,L,Ivan,\n"
    wire.plays(lambda: web.Response(text=csv, content_type="text/csv"))
    async with wire.client(integration_path="/api/v1/integrations/i-1/phone_calls") as client:
        assert [pair async for pair in client.bindings()] == [("a@b.c", "op-17"), ("d@e.f", "")]
    assert wire.requests[0].path == "/api/v1/api_integrations/i-1/user_account_bindings_csv"
    wire.plays(lambda: web.Response(text="a;b\n1;2\n", content_type="text/csv"))
    async with wire.client(bindings_path="/b") as client:
        with pytest.raises(ContractBreak, match="no columns email and integration_uid"):
            [pair async for pair in client.bindings()]


async def test_no_error_says_an_email_or_the_password(wire: Wire) -> None:
    wire.plays(lambda: web.json_response({"errors": [{"detail": "a@b.c", "fields": {"a@b.c": ["x"]}}]}, status=403))
    with pytest.raises(AuthRefused) as error:
        await users(wire)
    for secret in ("qa@example.org", "a@b.c", "secret-word", "jwt-1"):
        assert secret not in str(error.value)
    assert "a@b.c" not in repr(User("a@b.c", "op-17", True))


def test_half_a_login_is_named() -> None:
    assert account_login(Account("https://q.example", options={"account_email": ""})) is None
    with pytest.raises(ConfigError, match="`account_email` is missing"):
        account_login(Account("https://q.example", options={"account_password": "x"}))
