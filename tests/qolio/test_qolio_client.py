"""The client against an HTTP server: what goes over the wire, and what each answer means."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from qa_rows import SAMPLE

from obzvon.errors import AuthRefused, ConfigError
from obzvon.qolio.answers import Accepted, Rejected, Unanswered
from obzvon.qolio.client import LongPause, QolioClient
from obzvon.qolio.payload import PhoneCall
from obzvon.vendors.account import Account
from obzvon.vendors.http import Patience

PATH = "/api/v1/integrations/c34f637a/phone_calls"
CALL = PhoneCall.model_validate(SAMPLE)
HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"


class Wire:
    """Plays answers in turn (the last one for ever) and keeps the requests; sleeps are noted, not slept."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], Any]] = []
        self.answers: list[Callable[[], web.StreamResponse]] = [lambda: web.Response(status=200)]
        self.slept: list[float] = []
        self.address = ""

    def plays(self, *answers: Callable[[], web.StreamResponse]) -> None:
        self.answers = list(answers)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.requests.append((dict(request.headers), await request.json()))
        return answer()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def account(self, **changes: Any) -> Account:
        values = {"base_url": self.address, "password": "0b23ffc3", "options": {"integration_path": PATH}}
        return Account(**(values | {"conn_id": "qolio_default"} | changes))

    def client(self, **changes: Any) -> Any:
        patience = Patience(attempts=4, budget=120, first=0.5, longest=8, sleep=self.sleep)
        return QolioClient.connected(self.account(**changes), patience=patience)


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    played = Wire()
    app = web.Application()
    app.router.add_post(PATH, played.handle)
    async with TestServer(app) as server:
        played.address = str(server.make_url("/")).rstrip("/")
        yield played


def gives(status: int, body: object = None, **headers: str) -> Callable[[], web.StreamResponse]:
    if isinstance(body, str):
        return lambda: web.Response(status=status, text=body, content_type="text/html", headers=headers)
    return lambda: web.json_response(body, status=status, headers=headers)


async def test_the_vendors_example_arrives_field_by_field_with_the_bare_token(wire: Wire) -> None:
    async with wire.client() as client:
        assert await client.add_call(CALL) == Accepted(status=200, tries=1)
    headers, body = wire.requests[0]
    assert body == SAMPLE
    assert headers["Authorization"] == "0b23ffc3"
    assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_any_2xx_is_accepted_whatever_its_body(wire: Wire, status: int) -> None:
    wire.plays(lambda: web.Response(status=status))
    async with wire.client() as client:
        assert await client.add_call(CALL) == Accepted(status=status, tries=1)


async def test_a_web_page_with_200_is_no_answer_of_the_api(wire: Wire) -> None:
    wire.plays(gives(200, HTML), gives(200, {}))
    async with wire.client() as client:
        assert await client.add_call(CALL) == Accepted(status=200, tries=2)
    wire.plays(gives(200, HTML))
    async with wire.client() as client:
        assert isinstance(await client.add_call(CALL), Unanswered)


@pytest.mark.parametrize(
    ("errors", "fields"),
    [
        (
            [{"status": 422, "title": "Error", "detail": "нет", "fields": {"operator_id": ["unknown"]}}],
            ("operator_id",),
        ),
        ({"status": 422, "detail": "…", "fields": {"base": ["…"], "media_url": ["…"]}}, ("base", "media_url")),
        ({"detail": "…"}, ()),
        ([], ()),
    ],
)
async def test_a_rejection_names_the_fields_in_either_shape(
    wire: Wire, errors: object, fields: tuple[str, ...]
) -> None:
    wire.plays(gives(422, {"errors": errors}))
    async with wire.client() as client:
        assert await client.add_call(CALL) == Rejected(status=422, tries=1, fields=fields)


@pytest.mark.parametrize("status", [400, 409, 413, 422])
async def test_a_call_that_is_refused_is_not_sent_again(wire: Wire, status: int) -> None:
    wire.plays(gives(status, HTML))
    async with wire.client() as client:
        assert await client.add_call(CALL) == Rejected(status=status, tries=1)
    assert len(wire.requests) == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_a_wrong_token_is_raised_at_once(wire: Wire, status: int) -> None:
    wire.plays(gives(status, {"errors": []}))
    async with wire.client() as client:
        with pytest.raises(AuthRefused):
            await client.add_call(CALL)
    assert len(wire.requests) == 1


@pytest.mark.parametrize("status", [302, 404, 405])
async def test_a_wrong_address_is_raised_with_its_cure(wire: Wire, status: int) -> None:
    wire.plays(gives(status, HTML))
    async with wire.client() as client:
        with pytest.raises(ConfigError, match="qolio_default: nothing takes calls under `integration_path`"):
            await client.add_call(CALL)
    assert len(wire.requests) == 1


async def test_html_of_a_proxy_is_no_answer_and_the_call_is_sent_again(wire: Wire) -> None:
    wire.plays(gives(502, HTML), gives(500, HTML), gives(200))
    async with wire.client() as client:
        assert await client.add_call(CALL) == Accepted(status=200, tries=3)


async def test_patience_ends(wire: Wire) -> None:
    wire.plays(gives(503, HTML))
    async with wire.client() as client:
        answer = await client.add_call(CALL)
    assert isinstance(answer, Unanswered)
    assert (answer.tries, answer.status, len(wire.requests)) == (4, 503, 4)
    assert len(wire.slept) == 3
    assert max(wire.slept) <= 8.5


async def test_nobody_there_is_no_answer(wire: Wire) -> None:
    async with wire.client(base_url="http://127.0.0.1:9") as client:
        answer = await client.add_call(CALL)
    assert isinstance(answer, Unanswered)
    assert (answer.tries, answer.status) == (4, None)


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_retry_after_is_kept_in_both_forms(wire: Wire, form: str) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=91), usegmt=True)
    wire.plays(gives(429, {}, **{"Retry-After": "90" if form == "seconds" else moment}), gives(201))
    async with wire.client() as client:
        assert await client.add_call(CALL) == Accepted(status=201, tries=2)
    assert 80 < max(wire.slept) <= 91


async def test_retry_after_holds_the_next_call_too(wire: Wire) -> None:
    wire.plays(gives(429, {}, **{"Retry-After": "90"}), gives(200))
    async with wire.client() as client:
        await client.add_call(CALL)
        wire.slept.clear()
        await client.add_call(CALL)
    assert [round(seconds, -1) for seconds in wire.slept] == [90]


async def test_a_pause_longer_than_a_delivery_waits_stops_it(wire: Wire) -> None:
    wire.plays(gives(429, {}, **{"Retry-After": "86400"}))
    async with wire.client() as client:
        with pytest.raises(LongPause, match="run deliver again"):
            await client.add_call(CALL)
    assert len(wire.requests) == 1


async def test_an_account_without_token_or_path_says_what_to_fill_in(wire: Wire) -> None:
    with pytest.raises(ConfigError, match="qolio_default: the password is empty"):
        async with wire.client(password=None):
            pass
    with pytest.raises(ConfigError, match="`integration_path` is missing; copy"):
        async with wire.client(options={}):
            pass


async def test_no_error_says_a_phone_a_name_or_the_token(wire: Wire) -> None:
    wire.plays(gives(502, HTML))
    async with wire.client() as client:
        answer = await client.add_call(CALL)
    assert isinstance(answer, Unanswered)
    for secret in ("375332222453", "Doe", "0b23ffc3"):
        assert secret not in answer.cause
