"""Every alert is exercised by a planted fault: the metric moves, the case is told once on every channel, and ends."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from watching.expressions import exceeding, expressions_of_rules
from watching.listeners import SECRET, Listeners, listening
from watching.planted import FAULTS, Scene
from watching.scraped import scraping

from obzvon.watching.alerts import AGAIN
from obzvon.watching.rules import RULES, Rule
from obzvon_provider.operators.watch import look

SITE = "https://docs.example/obzvon"
BY_NAME = {rule.name: rule for rule in RULES}
PHONE = re.compile(r"\+?7\d{10}")


def test_every_rule_has_a_planted_fault() -> None:
    assert set(FAULTS) == set(BY_NAME)


@pytest.fixture
def scene(warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path) -> Scene:
    return Scene(warehouse_dsn, conn, tmp_path)


def cases(conn: psycopg.Connection, rule: str) -> list[tuple[Any, ...]]:
    told = "subject, told_at is not null, ended_at is not null, end_told_at is not null"
    found = conn.execute(f"select {told} from ops.alert where rule = %s", [rule]).fetchall()
    conn.commit()
    return found


def said(heard: Listeners, rule: str) -> list[dict[str, Any]]:
    return [body for body in heard.hooks() if body["alert"] == rule]


@pytest.mark.parametrize("name", sorted(FAULTS))
async def test_a_planted_fault_is_a_metric_a_case_and_a_message_on_every_channel(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    rule: Rule = BY_NAME[name]
    assert rule.metric is not None
    now = await FAULTS[name](scene)
    async with listening(monkeypatch) as heard:
        with scraping(monkeypatch) as scrape:
            await look(scene.dsn, heard.channels, SITE, now=now)
            values = scrape.values(rule.metric.exposed)
        over = {labels: value for labels, value in values.items() if value > rule.above}
        assert len(over) == 1
        assert exceeding(expressions_of_rules()[name], values) == over  # Prometheus would see the same
        (labels,) = over
        assert cases(scene.conn, name) == [(" ".join(labels), True, False, False)]
        # the same trouble a minute later is no news
        await look(scene.dsn, heard.channels, SITE, now=now + timedelta(minutes=1))
    (hook,) = said(heard, name)
    assert hook["runbook"] == f"{SITE}/runbooks/{name}/"
    assert (hook["subject"], hook["severity"], hook["news"]) == (" ".join(labels), rule.severity, "began")
    assert hook["value"] > rule.above
    (chat,) = [body for body in heard.chats() if f"] {name}" in body["text"]]
    assert chat["chat_id"] == "-100123"
    assert rule.cure in chat["text"]
    assert [letter for letter in heard.letters() if f"] {name}" in letter] == [
        f"[{rule.severity}] {name}" + (f" ({hook['subject']})" if hook["subject"] else "")
    ]
    assert not PHONE.search(heard.read())
    assert heard.read().count(rule.cure) >= 3
    sent = [
        headers["Authorization"]
        for asked, headers in zip(heard.http.asked, heard.http.headers, strict=True)
        if asked == "POST /hook"
    ]
    assert set(sent) == {f"Bearer {SECRET}"}


async def test_a_case_is_told_again_while_it_lasts_and_once_when_it_is_over(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = await FAULTS["vendor_holds"](scene)
    async with listening(monkeypatch) as heard:
        await look(scene.dsn, heard.channels, SITE, now=now)
        scene.run("update ops.request_budget set held_until = held_until + interval '1 day'")
        await look(scene.dsn, heard.channels, SITE, now=now + AGAIN - timedelta(minutes=1))
        await look(scene.dsn, heard.channels, SITE, now=now + AGAIN)
        scene.run("delete from ops.request_budget")
        for minute in (1, 2):
            await look(scene.dsn, heard.channels, SITE, now=now + AGAIN + timedelta(minutes=minute))
    assert [body["news"] for body in said(heard, "vendor_holds")] == ["began", "lasts", "ended"]
    assert cases(scene.conn, "vendor_holds") == [("twin", True, True, True)]


async def test_what_no_channel_took_is_told_by_the_next_look(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    now = await FAULTS["vendor_holds"](scene)
    async with listening(monkeypatch) as heard:
        heard.broken, only_http = True, heard.channels[1:]
        assert (await look(scene.dsn, only_http, None, now=now))["taken"] == 0
        assert cases(scene.conn, "vendor_holds") == [("twin", False, False, False)]
        heard.broken = False
        assert (await look(scene.dsn, only_http, None, now=now + timedelta(minutes=1)))["taken"] == 1
        assert cases(scene.conn, "vendor_holds") == [("twin", True, False, False)]


async def test_a_case_that_nobody_was_told_about_ends_in_silence(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    now = await FAULTS["vendor_holds"](scene)
    async with listening(monkeypatch) as heard:
        heard.broken, only_http = True, heard.channels[1:]
        await look(scene.dsn, only_http, None, now=now)
        heard.broken = False
        scene.run("delete from ops.request_budget")
        assert (await look(scene.dsn, only_http, None, now=now + timedelta(minutes=1)))["due"] == 0
    assert cases(scene.conn, "vendor_holds") == [("twin", False, True, False)]


async def test_one_broken_channel_keeps_the_others_from_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    now = await FAULTS["vendor_holds"](scene)
    async with listening(monkeypatch) as heard:
        heard.broken = True
        with scraping(monkeypatch) as scrape:
            assert (await look(scene.dsn, heard.channels, None, now=now))["taken"] == 1
            told = scrape.values("airflow_obzvon_alerts_told_total")
    assert heard.letters() == ["[warning] vendor_holds (twin)"]
    assert told == {
        ("vendor_holds", "email", "sent"): 1,
        ("vendor_holds", "telegram", "failed"): 1,
        ("vendor_holds", "webhook", "failed"): 1,
    }


async def test_a_doubt_is_not_over_because_days_have_passed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await FAULTS["in_doubt"](scene)
    weeks = datetime(2031, 6, 20, tzinfo=UTC)
    async with listening(monkeypatch) as heard:
        await look(scene.dsn, heard.channels, None, now=weeks)
        scene.run(
            "insert into ops.settlement (intent_id, subject, finding, settled_by, evidence)"
            " select intent_id, 'creation', 'left', 'a person', 'nothing seen' from ops.campaign_intent"
        )
        await look(scene.dsn, heard.channels, None, now=weeks + timedelta(minutes=1))
    assert [body["news"] for body in said(heard, "in_doubt")] == ["began", "ended"]
