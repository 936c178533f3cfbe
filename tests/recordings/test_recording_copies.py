"""Copies of recordings: what the vendor served, once, whole, and nothing from elsewhere."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from recording_scene import CALLS, Scene, sha256

from obzvon.errors import ConfigError
from obzvon.sandbox.records import wav
from obzvon.stages.recordings import CopySummary

pytestmark = pytest.mark.stack


def in_flight(requests: list[dict[str, Any]]) -> int:
    """The most requests that were under way at one moment."""
    spans = [(datetime.fromisoformat(r["at"]), timedelta(seconds=r["seconds"])) for r in requests]
    return max(sum(begun <= at < begun + lasted for begun, lasted in spans) for at, _ in spans)


async def test_a_copy_is_what_the_vendor_served_and_is_asked_for_once(scene: Scene) -> None:
    scene.fault("", "delay", delay=0.15)
    done = await scene.copy()
    rows = scene.rows()
    assert done == CopySummary(copied=CALLS, bytes=sum(row["bytes"] for row in rows.values()))
    assert in_flight(scene.asked()) == scene.spec.recordings.concurrency == 3
    scene.sound()
    for call_id, row in rows.items():
        body = scene.served(call_id)
        assert scene.bytes_of(row) == body == wav(call_id)
        assert (row["sha256"], row["bytes"], row["content_type"]) == (sha256(body), len(body), "audio/wav")
        assert (row["state"], row["tries"], row["last_error"]) == ("COPIED", 1, None)
    assert scene.files() == sorted(row["path"] for row in rows.values())
    before = len(scene.asked())
    assert await scene.copy() == CopySummary()
    assert len(scene.asked()) == before
    assert scene.rows() == rows


async def test_a_run_that_dies_leaves_nothing_that_looks_whole_and_the_next_one_goes_on(scene: Scene) -> None:
    stuck = scene.calls[3]
    scene.fault(stuck, "hold", half=True)
    run = asyncio.create_task(scene.copy())
    while len(scene.rows()) < CALLS - 1 or not scene.admin("GET", "held"):
        await asyncio.sleep(0.01)
        assert not run.done()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    before = scene.rows()
    assert before.keys() == set(scene.calls) - {stuck}
    assert scene.files() == sorted(row["path"] for row in before.values())
    scene.sound()
    asked = len(scene.asked())
    assert (await scene.copy()).copied == 1
    assert [request["path"].split("/")[-1] for request in scene.asked()[asked:]] == [f"{stuck}.wav"]
    assert scene.bytes_of(scene.rows()[stuck]) == wav(stuck)


async def test_what_is_no_recording_or_leads_elsewhere_is_refused_with_words(scene: Scene) -> None:
    page, own = "<html>Вход в кабинет</html>", scene.server.base_url.removeprefix("http://")
    html, fake, large, broken, expired, gone, elsewhere, inside = scene.calls
    scene.fault(html, "answer", status=200, body=page)
    scene.fault(fake, "answer", status=200, body=page, content_type="audio/mpeg")
    scene.fault(large, "record", size=1_100_000)
    scene.fault(broken, "truncate")
    scene.fault(expired, "answer", status=403)
    scene.fault(gone, "answer", status=410)
    scene.fault(elsewhere, "redirect", to=f"http://localhost:{own.split(':')[1]}/dialog/records/{elsewhere}.wav")
    scene.fault(inside, "redirect", to="http://10.1.2.3/latest/meta-data")
    scene.spec = scene.spec.model_copy(update={"recordings": scene.spec.recordings.model_copy(update={"max_mb": 1.0})})
    hosts = {"recording_hosts": f"{own},10.1.2.3", "recording_http_hosts": "127.0.0.1,10.1.2.3,localhost"}
    assert await scene.copy(**hosts) == CopySummary(missing=3, refused=5)
    said = scene.said()
    assert {call: state for call, (state, _) in said.items()} == {
        html: "REFUSED", fake: "REFUSED", large: "REFUSED", broken: "MISSING", expired: "MISSING", gone: "MISSING",
        elsewhere: "REFUSED", inside: "REFUSED",
    }  # fmt: skip
    words = {
        html: "no recording by its type (text/html)", fake: "first bytes are those of no mp3, wav or ogg",
        large: "larger than `recordings.max_mb` allows", broken: "broke off before its end",
        expired: "(HTTP 403)", gone: "the link has expired (HTTP 410)",
        elsewhere: "host localhost:", inside: "host 10.1.2.3 stands at an address that is not public",
    }  # fmt: skip
    assert [call for call, text in words.items() if text not in said[call][1]] == []
    assert scene.rows()[broken]["tries"] == 3
    assert not [text for _, text in said.values() if "/records/" in text or "meta-data" in text]
    assert scene.files() == []

    loop, *_ = scene.calls
    scene.sound()
    scene.fault(loop, "redirect", to=f"/dialog/records/{loop}.wav", status=307)
    assert await scene.copy() == CopySummary(copied=7, bytes=7 * 2044, refused=1)
    assert scene.said() == {loop: ("REFUSED", "more than 3 redirects")}


async def test_only_public_addresses_and_https_unless_the_connection_says_so(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await scene.copy(recording_private_hosts="")).refused == CALLS
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warning.startswith(f"{CALLS} recordings REFUSED: host 127.0.0.1 stands at an address that is not public")
    assert "`recording_private_hosts`" in warning
    assert "(connection dialog_default; docs/operations.md, Recordings)" in warning
    assert {text.split(",")[0] for _, text in scene.said().values()} == {
        "host 127.0.0.1 stands at an address that is not public"
    }
    assert (await scene.copy(recording_http_hosts="")).refused == CALLS
    assert all("is asked by http" in text for _, text in scene.said().values())
    assert scene.asked() == []
    with pytest.raises(ConfigError, match="connection dialog_default: extra key `recording_hosts` has an entry"):
        await scene.copy(recording_hosts="https://records.example/x")


@pytest.fixture
async def foreign() -> AsyncIterator[tuple[TestServer, list[web.Request]]]:
    """Somebody else's server, with a recording at every path, and the requests that it got."""
    seen: list[web.Request] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        if request.path == "/endless":
            response = web.StreamResponse(headers={"Content-Type": "audio/wav"})
            await response.prepare(request)
            await response.write(wav("endless", 1_500_000))
            return response
        return web.Response(body=wav(request.path), content_type="audio/wav")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    server = TestServer(app)
    await server.start_server()
    yield server, seen
    await server.close()


async def test_the_vendors_token_goes_to_its_own_host_alone(
    scene: Scene, foreign: tuple[TestServer, list[web.Request]]
) -> None:
    server, seen = foreign
    own, elsewhere, endless = scene.server.base_url.removeprefix("http://"), scene.calls[0], scene.calls[1]
    scene.fault(elsewhere, "redirect", to=str(server.make_url("/elsewhere")))
    scene.fault(endless, "redirect", to=str(server.make_url("/endless")))
    scene.fault("", "record", login=True)
    hosts = {"recording_hosts": f"{own},127.0.0.1:{server.port}"}
    assert (await scene.copy(**hosts)).missing == CALLS - 2
    assert {text[:24] for state, text in scene.said().values()} == {"it asks for a login; is "}
    scene.spec = scene.spec.model_copy(update={"recordings": scene.spec.recordings.model_copy(update={"max_mb": 1.0})})
    scene.run("delete from ops.recording")
    done = await scene.copy(**hosts, recording_login_hosts=own)
    assert (done.copied, done.refused) == (CALLS - 1, 1)
    assert scene.said()[endless][1].startswith("it is larger than")
    assert {request.path for request in seen} == {"/elsewhere", "/endless"}
    assert not [request for request in seen if "Authorization" in request.headers or "Cookie" in request.headers]
    assert scene.bytes_of(scene.rows()[elsewhere]) == wav("/elsewhere")
    with pytest.raises(ConfigError, match="the vendor's token goes nowhere else"):
        await scene.copy(recording_login_hosts="records.example.ru")


async def test_a_large_recording_does_not_fill_the_memory(scene: Scene) -> None:
    scene.run("delete from dwh.fact_call_attempt where vendor_call_id <> %s", scene.calls[0])
    scene.fault("", "record", size=50_000_000)
    tracemalloc.start()
    try:
        assert await scene.copy() == CopySummary(copied=1, bytes=50_000_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000


async def test_a_task_begins_no_further_copy_when_its_time_is_up(scene: Scene) -> None:
    rules = scene.spec.recordings.model_copy(update={"minutes": 1e-9})
    scene.spec = scene.spec.model_copy(update={"recordings": rules})
    assert await scene.copy() == CopySummary(left=CALLS)
    assert (scene.rows(), scene.asked()) == ({}, [])
