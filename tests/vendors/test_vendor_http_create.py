"""What a failed create proves: sent once, sorted by exception type and status, nothing personal in the message."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from vendor_world import session, vendor

from obzvon.errors import AuthRefused, InDoubt, NotSent, RateLimited, Refused, VendorError
from obzvon.vendors.auth import FixedToken

PHONE = "79161234567"
BODY = {"phones": [{"phone": PHONE, "add_data": {"name": "Иванов Иван"}}]}


async def drop(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def half_an_answer(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"campaign": ')
    assert request.transport is not None
    request.transport.abort()
    return response


async def silence(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    return web.Response()


def says(status: int, body: str = "", kind: str = "application/json", **headers: str):
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=body, content_type=kind, headers=headers)

    return answer


DOUBTFUL = {
    "the connection is dropped after the request": drop,
    "the connection is dropped in the answer": half_an_answer,
    "no answer in time": silence,
    "500 in the vendor's JSON": says(500, '{"error": "internal"}'),
    "502 as HTML": says(502, "<html>Bad Gateway</html>", "text/html"),
    "504 without a body": says(504),
    "404 without a body": says(404),
    "404 as a page of HTML": says(404, "<!DOCTYPE html><h1>Not found</h1>", "text/html"),
    "408 from something between": says(408, '{"error": "timeout"}'),
    "a redirect": says(307, "", Location="/elsewhere"),
}


@pytest.mark.parametrize("fault", DOUBTFUL)
async def test_what_does_not_prove_a_refusal_is_in_doubt_and_was_sent_once(fault: str) -> None:
    async with vendor(DOUBTFUL[fault]) as seen, session(seen.url, read_timeout=0.3) as http:
        with pytest.raises(InDoubt) as failure:
            await http.send("POST", "/campaigns", action="create a campaign", json=BODY)
    assert seen.asked == ["POST /campaigns"]
    nothing_leaks(failure.value)


@pytest.mark.parametrize(("body", "kind"), [("<html>hello</html>", "text/html"), ('{"id": ', "application/json")])
async def test_a_web_page_or_broken_json_leaves_it_in_doubt_whatever_its_status(body: str, kind: str) -> None:
    async with vendor(says(200, body, kind)) as seen, session(seen.url) as http:
        with pytest.raises(InDoubt) as failure:
            await http.send("POST", "/campaigns", action="create a campaign", json=BODY)
    assert len(seen.asked) == 1
    nothing_leaks(failure.value)


async def test_an_answer_that_is_not_json_leaves_a_create_in_doubt() -> None:
    async with vendor(says(200, "created", "text/plain")) as seen, session(seen.url) as http:
        answer = await http.send("POST", "/campaigns", action="create a campaign", json=BODY)
        with pytest.raises(InDoubt) as failure:
            answer.json()
    nothing_leaks(failure.value)


@pytest.mark.parametrize("status", [200, 204])
async def test_an_empty_answer_is_one(status: int) -> None:
    async with vendor(says(status, "")) as seen, session(seen.url) as http:
        assert (await http.send("POST", "/campaigns", action="create a campaign", json=BODY)).status == status


@pytest.mark.parametrize("status", [400, 402, 404, 405, 409, 413, 422])
async def test_4xx_in_the_vendors_words_is_a_refusal(status: int) -> None:
    async with vendor(says(status, f'{{"error": "no room for {PHONE}"}}')) as seen, session(seen.url) as http:
        with pytest.raises(Refused) as failure:
            await http.send("POST", "/campaigns", action="create a campaign", json=BODY)
    assert failure.value.status == status
    assert len(seen.asked) == 1
    nothing_leaks(failure.value)


async def test_a_refusal_names_the_fields_and_keeps_the_values_back() -> None:
    bodies = {
        f'{{"detail": [{{"loc": ["body", "campaign", "phone_id"], "msg": "wrong {PHONE}"}}]}}': ("campaign.phone_id",),
        f'{{"error": "bad", "details": {{"startMoment": ["past"], "{PHONE}": ["x"]}}}}': ("startMoment",),
        '{"errors": [{"code": "bad", "fields": {"operator_id": ["unknown"]}}]}': ("operator_id",),
        '{"message": "Иванов Иван is unknown"}': (),
        f'"{PHONE} is wrong"': (),
    }
    for body, fields in bodies.items():
        async with vendor(says(422, body)) as seen, session(seen.url) as http:
            with pytest.raises(Refused) as failure:
                await http.send("POST", "/campaigns", action="create a campaign", json=BODY)
        assert failure.value.fields == fields
        nothing_leaks(failure.value)


async def test_too_many_requests_is_a_refusal_that_names_the_wait() -> None:
    async with vendor(says(429, "", **{"Retry-After": "17"})) as seen, session(seen.url) as http:
        with pytest.raises(RateLimited) as failure:
            await http.send("POST", "/campaigns", action="create a campaign", json=BODY)
    assert (failure.value.retry_after, len(seen.asked)) == (17.0, 1)


@pytest.mark.parametrize("status", [401, 403])
async def test_credentials_that_cannot_be_renewed_are_refused_at_once(status: int) -> None:
    async with (
        vendor(says(status, '{"error": "no"}')) as seen,
        session(seen.url, FixedToken("secret-token")) as http,
    ):
        with pytest.raises(AuthRefused) as failure:
            await http.send("POST", "/campaigns", action="create a campaign", json=BODY)
    assert len(seen.asked) == 1
    nothing_leaks(failure.value)


async def test_without_a_listener_nothing_was_sent() -> None:
    async with vendor(drop) as gone:
        pass
    async with session(gone.url) as http:
        with pytest.raises(NotSent) as failure:
            await http.send("POST", "/campaigns", action="create a campaign", json=BODY)
    nothing_leaks(failure.value)


async def test_an_unknown_host_means_not_sent() -> None:
    async with session("http://vendor.invalid") as http:
        with pytest.raises(NotSent, match="connection's address"):
            await http.send("POST", "/campaigns", action="create a campaign", json=BODY)


async def test_what_cannot_be_written_was_not_sent() -> None:
    async with vendor(drop) as seen, session(seen.url) as http:
        with pytest.raises(NotSent, match="too large a number"):
            await http.send("POST", "/campaigns", action="create a campaign", json={"debt": 10**40})
    async with session("http://[vendor") as http:
        with pytest.raises(NotSent, match="not a valid http"):
            await http.send("POST", "/campaigns", action="create a campaign", json=BODY)
    assert seen.asked == []


async def fails_here(response: object) -> None:
    """What aiohttp calls with the answer: the vendor has the request by then."""
    raise TypeError("a fault of this machine")


async def half_a_body() -> AsyncIterator[bytes]:
    yield b'{"phones": ['
    raise TypeError("a fault of this machine")


async def test_a_type_error_of_our_own_after_the_request_left_never_means_not_sent() -> None:
    async with vendor(says(200, "{}")) as seen, session(seen.url) as http:
        with pytest.raises(TypeError):  # a crash, which the ledger holds for in doubt
            await http.send("POST", "/campaigns", action="create", json=BODY, raise_for_status=fails_here)
        assert seen.bodies == [BODY]
        with pytest.raises(InDoubt):
            await http.send("POST", "/campaigns", action="create", data=half_a_body())


async def test_tls_against_a_plain_port_means_not_sent() -> None:
    async with vendor(drop) as seen, session(seen.url.replace("http://", "https://")) as http:
        with pytest.raises(NotSent):
            await http.send("POST", "/campaigns", action="create a campaign", json=BODY)
    assert seen.asked == []


async def test_a_connection_that_does_not_come_about_in_time_means_not_sent() -> None:
    silent = await asyncio.start_server(lambda reader, writer: asyncio.sleep(0), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    # TCP connects, the TLS handshake never gets an answer
    async with silent, session(f"https://127.0.0.1:{port}", connect_timeout=0.2) as http:
        with pytest.raises(NotSent):
            await http.send("POST", "/campaigns", action="create a campaign", json=BODY)


async def test_a_proxy_named_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with vendor(says(200, "{}")) as seen, session(seen.url) as http:
        await http.send("POST", "/campaigns", action="create a campaign", json=BODY)
    assert seen.bodies == [BODY]


async def test_the_log_stays_silent_about_requests(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with (
        vendor(says(422, f'{{"error": "{PHONE}"}}')) as seen,
        session(seen.url, FixedToken("secret-token")) as http,
    ):
        with pytest.raises(Refused):
            await http.send("POST", f"/campaigns?phone={PHONE}", action="create a campaign", json=BODY)
    ours = [r.getMessage() for r in caplog.records if r.name != "aiohttp.access"]
    assert not [line for line in ours if PHONE in line or "secret-token" in line]


def nothing_leaks(error: VendorError) -> None:
    """Not in the message and not in an exception chained to it."""
    chain: list[BaseException | None] = [error, error.__cause__, error.__context__]
    for text in (str(link) for link in chain if link is not None):
        assert PHONE not in text
        assert "Иванов" not in text
        assert "secret" not in text
        assert "http://" not in text
