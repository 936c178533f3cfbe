"""Reads are patient within bounds; `Retry-After` decides the wait; large answers stream with the vendor's clock."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from itertools import count

import pytest
from aiohttp import web
from vendor_world import NOW, Handler, Naps, account, session, vendor

from obzvon.errors import InDoubt, NotSent, RateLimited, Refused
from obzvon.vendors.http import VendorSession

GOOD = web.json_response


def after(*faults: web.Response | str) -> Handler:
    """A handler that fails so often, then answers."""
    turns = count()

    async def answer(request: web.Request) -> web.StreamResponse:
        turn = next(turns)
        if turn >= len(faults):
            return GOOD({"turn": turn})
        fault = faults[turn]
        if isinstance(fault, web.Response):
            return web.Response(status=fault.status, headers=fault.headers, body=fault.body)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    return answer


async def test_a_read_outlives_drops_server_errors_and_truncated_answers() -> None:
    cut = gzip.compress(b'{"turn": "' + bytes(range(48, 122)) * 99 + b'"}')[:-20]
    truncated = web.Response(body=cut, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})
    naps = Naps()
    faults = ("drop", web.Response(status=502, text="<html>", content_type="text/html"), truncated)
    async with vendor(after(*faults)) as seen, session(seen.url, naps=naps) as http:
        answer = await http.read("GET", "/calls", action="read calls")
    assert answer.json() == {"turn": 3}
    assert len(seen.asked) == 4
    assert naps.taken == sorted(naps.taken)
    assert all(nap > 0 for nap in naps.taken)


async def test_how_long_reads_are_repeated_is_an_option_of_the_account() -> None:
    down = after(*[web.Response(status=502)] * 9)
    async with vendor(down) as seen, VendorSession("v", account(seen.url, retry_seconds="0")) as http:
        with pytest.raises(InDoubt):
            await http.read("GET", "/calls", action="read calls")
    assert len(seen.asked) == 1


async def test_patience_ends_and_the_last_error_comes_out() -> None:
    always = after(*[web.Response(status=503)] * 99)
    async with vendor(always) as seen, session(seen.url) as http:
        with pytest.raises(InDoubt) as failure:
            await http.read("GET", "/calls", action="read calls")
    assert (failure.value.status, len(seen.asked)) == (503, 4)


async def test_an_absent_vendor_is_tried_again_and_then_named() -> None:
    naps = Naps()
    async with vendor(after()) as gone:
        pass
    async with session(gone.url, naps=naps) as http:
        with pytest.raises(NotSent, match="read calls: no connection"):
            await http.read("GET", "/calls", action="read calls")
    assert len(naps.taken) == 3


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("wait", ["30", "Mon, 14 Jan 2030 12:00:30 GMT"])
async def test_retry_after_is_honoured_in_seconds_and_as_a_date(status: int, wait: str) -> None:
    naps = Naps()
    busy = web.Response(status=status, headers={"Retry-After": wait})
    async with vendor(after(busy)) as seen, session(seen.url, naps=naps) as http:
        await http.read("GET", "/calls", action="read calls")
    assert naps.taken == [30.0]


async def test_a_date_of_the_past_and_nonsense_do_not_stall() -> None:
    naps = Naps()
    past = web.Response(status=429, headers={"Retry-After": "Mon, 14 Jan 2030 11:00:00 GMT"})
    nonsense = web.Response(status=429, headers={"Retry-After": "soon"})
    async with vendor(after(past, nonsense)) as seen, session(seen.url, naps=naps) as http:
        await http.read("GET", "/calls", action="read calls")
    assert naps.taken[0] == 0.0
    assert 0 < naps.taken[1] < 5


async def test_a_wait_beyond_the_budget_is_not_begun() -> None:
    naps = Naps()
    busy = web.Response(status=429, headers={"Retry-After": "3600"})
    async with vendor(after(busy)) as seen, session(seen.url, naps=naps) as http:
        with pytest.raises(RateLimited) as failure:
            await http.read("GET", "/calls", action="read calls")
    assert (failure.value.retry_after, naps.taken) == (3600.0, [])


async def test_a_refusal_is_not_asked_twice() -> None:
    async with vendor(after(web.Response(status=400, text='{"error": "no"}'))) as seen, session(seen.url) as http:
        with pytest.raises(Refused):
            await http.read("GET", "/calls", action="read calls")
    assert len(seen.asked) == 1


async def test_the_vendors_clock_comes_with_the_answer_and_ours_where_it_names_none() -> None:
    async def dated(request: web.Request) -> web.StreamResponse:
        text = "Tue, 15 Jan 2030 07:30:00 GMT" if request.path == "/dated" else "yesterday"
        return web.json_response({}, headers={"Date": text})

    async with vendor(dated) as seen, session(seen.url) as http:
        assert (await http.read("GET", "/dated", action="look")).date == datetime(2030, 1, 15, 7, 30, tzinfo=UTC)
        assert (await http.read("GET", "/undated", action="look")).date == NOW


async def test_a_stream_comes_in_pieces_with_the_vendors_clock() -> None:
    body = bytes(range(256)) * 4096

    async def large(request: web.Request) -> web.StreamResponse:
        response = web.Response(body=gzip.compress(body), headers={"Content-Encoding": "gzip"})
        response.headers["Date"] = "Tue, 15 Jan 2030 07:30:00 GMT"
        return response

    async with (
        vendor(large) as seen,
        session(seen.url) as http,
        http.stream("POST", "/report", action="read a report", json={}) as answer,
    ):
        chunks = [chunk async for chunk in answer.chunks]
    assert b"".join(chunks) == body
    assert answer.date == datetime(2030, 1, 15, 7, 30, tzinfo=UTC)


async def test_a_stream_is_opened_again_before_its_first_byte_but_never_after_it() -> None:
    async with (
        vendor(after(web.Response(status=503))) as seen,
        session(seen.url) as http,
        http.stream("GET", "/report", action="read a report") as answer,
    ):
        assert [chunk async for chunk in answer.chunks]
    assert len(seen.asked) == 2

    async def breaks_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.close()
        return response

    async with vendor(breaks_off) as seen, session(seen.url) as http:
        with pytest.raises(InDoubt):
            async with http.stream("GET", "/report", action="read a report") as answer:
                assert [chunk async for chunk in answer.chunks]
    assert len(seen.asked) == 1
