"""Channels: how they are named, where they may lead, and that no token of theirs is ever shown."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime
from typing import Any

import aiohttp
import psycopg
import pytest
from aiohttp import web
from airflow.sdk._shared.observability.metrics import stats as shared
from vendors.vendor_world import vendor
from watching.listeners import SECRET, TOKEN, listening
from watching.planted import Scene, vendor_holds
from watching.scraped import scraping

from obzvon.errors import ConfigError
from obzvon.telemetry import metrics
from obzvon.telemetry.meter import count, gauge, use
from obzvon.watching import sending
from obzvon.watching.message import Message
from obzvon.watching.sending import NotTold, post
from obzvon_provider import metering
from obzvon_provider.metering import AirflowMeter
from obzvon_provider.notifiers.channels import Channel, parse, tell
from obzvon_provider.notifiers.telegram import TelegramNotifier
from obzvon_provider.operators.watch import WatchOperator

MESSAGE = Message(
    "in_doubt",
    "error",
    "demo_twin",
    "began",
    "says",
    "cure",
    "docs/runbooks/in_doubt.md",
    datetime(2031, 5, 20, tzinfo=UTC),
)


def test_channels_are_named_in_one_line() -> None:
    assert parse("email mail a@x.ru,b@x.ru; telegram bot -100;webhook pager;") == [
        Channel("email", "mail", "a@x.ru,b@x.ru"), Channel("telegram", "bot", "-100"), Channel("webhook", "pager", ""),
    ]  # fmt: skip
    assert parse("") == []


@pytest.mark.parametrize("text", ["pigeon loft", "email mail", "telegram bot", "webhook", "webhook a b"])
def test_what_is_not_understood_is_said_with_its_place(text: str) -> None:
    with pytest.raises(ConfigError, match="obzvon_alert_channels: entry 2 is not understood"):
        parse(f"webhook pager; {text}")


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://hooks.example/x", "alerts go by https"),
        ("https://127.0.0.1/x", "not public"),
        ("https://169.254.169.254/latest", "not public"),
        ("https://[::1]/x", "not public"),
        ("https://localhost/x", "not public"),
        ("ftp://hooks.example/x", "no web address"),
        ("", "no web address"),
    ],
)
async def test_an_address_leads_to_the_open_internet_by_https_or_nowhere(address: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        await post("pager", address, {}, private=False)


async def test_a_redirect_is_not_followed() -> None:
    async def elsewhere(request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": "/inner"})

    async with vendor(elsewhere) as seen:
        with pytest.raises(NotTold, match="connection pager: the channel said HTTP 307"):
            await post("pager", f"{seen.url}/hook", {}, private=True)
    assert seen.asked == ["POST /hook"]


async def test_a_channel_that_is_silent_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = asyncio.Event()

    async def silent(request: web.Request) -> web.Response:
        await ended.wait()
        return web.Response()

    monkeypatch.setattr(sending, "TIMEOUT", aiohttp.ClientTimeout(total=0.2))
    async with vendor(silent) as seen:
        with pytest.raises(NotTold, match="was not reached"):
            await post("pager", f"{seen.url}/hook", {}, private=True)
        ended.set()


async def test_no_token_is_in_a_line_or_an_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with listening(monkeypatch) as heard:
        heard.broken = True
        assert not await tell(heard.channels[1:], MESSAGE)
        with pytest.raises(NotTold) as failed:
            await TelegramNotifier(conn_id="bot", chat="-1", text="x")
    monkeypatch.setenv(
        "AIRFLOW_CONN_BOT",
        json.dumps(
            {"conn_type": "generic", "host": "http://127.0.0.1:1", "password": TOKEN, "extra": {"private": True}}
        ),
    )
    with pytest.raises(NotTold) as away:
        await TelegramNotifier(conn_id="bot", chat="-1", text="x")
    ours = [record.getMessage() for record in caplog.records if record.name != "aiohttp.access"]  # the played server's
    assert ours
    for said in (str(ours), str(failed.value), str(away.value), repr(away.value.__context__)):
        assert TOKEN not in said
        assert SECRET not in said


def test_a_notifier_works_as_the_callback_of_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    async def noted(conn_id: str, address: str, body: Any, **options: Any) -> None:
        seen.append((conn_id, body["text"]))

    monkeypatch.setenv("AIRFLOW_CONN_BOT", json.dumps({"conn_type": "generic", "password": TOKEN}))
    monkeypatch.setattr("obzvon_provider.notifiers.telegram.post", noted)
    TelegramNotifier(conn_id="bot", chat="-1", text="{{ ti }} failed")({"ti": "launch"})
    assert seen == [("bot", "launch failed")]


async def test_the_operator_looks_through_airflow_s_own_connections(
    warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await vendor_holds(Scene(warehouse_dsn, conn, tmp_path))
    host = warehouse_dsn.partition("host=")[2]
    name = warehouse_dsn.partition("@/")[2].partition("?")[0]
    warehouse = {"conn_type": "postgres", "host": host, "login": "obzvon", "schema": name}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", json.dumps(warehouse))
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_ALERT_CHANNELS", "webhook pager")
    async with listening(monkeypatch) as heard:
        told = await WatchOperator(task_id="look").aexecute({})
    assert (told["due"], told["taken"], [body["alert"] for body in heard.hooks()]) == (1, 1, ["vendor_holds"])


def test_metrics_of_a_triggerer_go_where_those_of_tasks_go(monkeypatch: pytest.MonkeyPatch) -> None:
    with scraping(monkeypatch) as scrape:
        monkeypatch.setattr(shared, "_factory", None)  # the SDK's metrics as a triggerer's runner has them
        monkeypatch.setattr(shared, "_backend", None)
        metering._stats.cache_clear()
        count(metrics.NO_PLACE, "twin", by=2)
        assert scrape.values("airflow_obzvon_vendor_no_place_total") == {("twin",): 2}


def test_values_of_labels_are_letters_that_every_way_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    with scraping(monkeypatch) as scrape:
        count(metrics.ERRORS, "qolio", "look at the API's root", "not_sent")
        assert scrape.values("airflow_obzvon_vendor_errors_total") == {
            ("look_at_the_API_s_root", "not_sent", "qolio"): 1
        }


def test_a_metric_takes_its_own_labels_and_no_others() -> None:
    with pytest.raises(TypeError, match=r"obzvon\.in_doubt is a gauge with the labels campaign"):
        gauge(metrics.IN_DOUBT, 1)
    with pytest.raises(TypeError, match="gauge"):
        count(metrics.IN_DOUBT, "a")


def test_without_a_meter_nothing_is_sent_and_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    with scraping(monkeypatch) as scrape:
        use(None)
        try:
            count(metrics.NO_PLACE, "twin")
            assert "obzvon" not in scrape.text
        finally:
            use(AirflowMeter())
