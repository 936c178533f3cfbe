"""Requests and answers that are held, slowed down or broken off, and what stays done at the vendor."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sandbox_api import AUTO_CALL, Api, auto_call, dialog_campaign

pytestmark = pytest.mark.stack
CAMPAIGNS = "/dialog/api/campaigns"


def until(reached: Callable[[], Any]) -> Any:
    """The first true answer within ten seconds."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if found := reached():
            return found
        time.sleep(0.01)
    raise AssertionError("it never came to that")


def held(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.look("held")
    return found


def test_an_answer_is_held_until_it_is_released(api: Api) -> None:
    api.fault("dialog", "hold", path="/campaigns$")
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(api.post, CAMPAIGNS, dialog_campaign())
        (waiting,) = until(lambda: held(api))
        assert waiting == {"vendor": "dialog", "method": "POST", "path": CAMPAIGNS, "handled": True}
        assert len(api.look("campaigns")) == 1
        assert not asked.done()
        assert api.admin("release") == {"released": 1}
        assert asked.result(10).status_code == 200
    assert held(api) == []


def test_a_held_answer_whose_client_leaves_stays_done(api: Api) -> None:
    api.fault("dialog", "hold", path="/campaigns$")
    with pytest.raises(httpx.ReadTimeout):
        api.post(CAMPAIGNS, dialog_campaign(), timeout=0.3)
    until(lambda: not held(api))
    assert len(api.look("campaigns")) == 1
    (entry,) = until(lambda: api.look("requests", path="/campaigns"))
    assert (entry["status"], entry["fault"]) == (None, "hold")


def test_a_request_held_before_it_is_handled_never_arrives_when_its_client_leaves(api: Api) -> None:
    api.fault("dialog", "hold_before", path="/campaigns$")
    with pytest.raises(httpx.ReadTimeout):
        api.post(CAMPAIGNS, dialog_campaign(), timeout=0.3)
    (entry,) = until(lambda: api.look("requests", path="/campaigns"))
    assert (entry["status"], entry["fault"]) == (None, "hold_before")
    assert api.look("campaigns") == []


def test_a_request_held_before_it_is_handled_is_handled_when_released(api: Api) -> None:
    api.fault("dialog", "hold_before", path="/campaigns$")
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(api.post, CAMPAIGNS, dialog_campaign())
        (waiting,) = until(lambda: held(api))
        assert waiting["handled"] is False
        assert api.look("campaigns") == []
        api.admin("release")
        assert asked.result(10).status_code == 200
    assert len(api.look("campaigns")) == 1


def test_holding_ends_by_itself(api: Api) -> None:
    api.fault("twin", "hold", seconds=0.2)
    api.fault("twin", "hold_before", seconds=0.2)
    assert [api.get(AUTO_CALL).status_code for _ in range(2)] == [200, 200]


def test_half_an_answer_can_be_held_back(api: Api) -> None:
    api.fault("twin", "hold", half=True)
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(api.get, AUTO_CALL)
        until(lambda: held(api))
        api.admin("release")
        assert asked.result(10).json() == {"count": 0, "items": []}


def test_a_head_can_drip(api: Api) -> None:
    api.fault("twin", "slow_headers", path="/autoCall$", seconds=0.4)
    began = time.monotonic()
    answer = api.post(AUTO_CALL, auto_call())
    assert (answer.status_code, time.monotonic() - began > 0.4) == (200, True)
    assert [made["task_id"] for made in api.look("campaigns")] == [answer.json()["id"]["identity"]]
    assert api.get(AUTO_CALL).json()["count"] == 1


def test_a_connection_can_be_reset_in_the_middle_of_a_body(api: Api) -> None:
    api.fault("twin", "reset")
    with pytest.raises(httpx.ReadError):
        api.post(AUTO_CALL, auto_call())
    assert len(api.look("campaigns")) == 1


def test_gzip_can_stop_in_the_middle_of_a_whole_answer(api: Api) -> None:
    api.task()
    api.fault("twin", "truncated_gzip")
    answer = api.http.send(
        api.http.build_request("GET", AUTO_CALL, headers={"Authorization": f"Bearer {api.tokens['twin']}"}), stream=True
    )
    raw = b"".join(answer.iter_raw())
    assert (answer.status_code, answer.headers["content-encoding"]) == (200, "gzip")
    assert len(raw) == int(answer.headers["content-length"])
    assert api.get(AUTO_CALL).json()["count"] == 1


def test_a_script_can_ask_for_words_of_query_or_body(api: Api) -> None:
    api.fault("twin", "answer", status=503, says="keyword=lost")
    api.fault("dialog", "answer", status=503, says='"data_type": ?"dialog"')
    assert api.get(AUTO_CALL, keyword="found").status_code == 200
    assert api.get(AUTO_CALL, keyword="lost").status_code == 503
    campaign = api.dialog_campaign()
    assert api.report(campaign).status_code == 200
    assert api.report(campaign, [{"data_type": "dialog"}]).status_code == 503
