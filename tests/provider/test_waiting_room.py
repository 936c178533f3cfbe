"""Triggers that wait side by side share what they need of an account and of the warehouse."""

from __future__ import annotations

import asyncio
import json

import psycopg
import pytest
from launching import PLAN, forced, plan_of, spec

from obzvon.events.bell import Ring
from obzvon.policy.switch import KillSwitch
from obzvon_provider.triggers.shared import LOOKS, WaitingRoom

DSN = "postgresql://nobody@127.0.0.1:9/none"


def account(patch: pytest.MonkeyPatch, **options: object) -> None:
    dialog = {"conn_type": "dialog", "host": "http://127.0.0.1:9", "extra": {"token": "t", **options}}
    patch.setenv("AIRFLOW_CONN_DIALOG_DEFAULT", json.dumps(dialog))


async def test_an_account_has_one_session_as_long_as_somebody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    account(monkeypatch)
    room, campaign = WaitingRoom(), spec()
    async with room.dialer(campaign, DSN) as first:
        async with room.dialer(campaign, DSN) as second:
            assert second.dialer.session is first.dialer.session
        async with room.dialer(campaign, DSN) as third:
            assert third.dialer.session is first.dialer.session
    async with room.dialer(campaign, DSN) as later:
        assert later.dialer.session is not first.dialer.session


async def test_a_changed_connection_and_another_warehouse_are_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    account(monkeypatch)
    room, campaign = WaitingRoom(), spec()
    async with room.dialer(campaign, DSN) as first, room.dialer(campaign, f"{DSN}2") as elsewhere:
        account(monkeypatch, poll_seconds=5)
        async with room.dialer(campaign, DSN) as changed:
            sessions = {id(each.dialer.session) for each in (first, elsewhere, changed)}
    assert len(sessions) == 3
    assert (first.poll_seconds, changed.poll_seconds) == (60, 5)


async def test_batches_of_a_plan_share_its_campaign_file(conn: psycopg.Connection, warehouse_dsn: str) -> None:
    keys = plan_of(conn, contacts=1, intents=2)
    forced(conn, "update ops.campaign_intent set state = 'running', vendor_task_id = intent_id")
    conn.commit()
    room = WaitingRoom()
    (first, intents), (again, none) = [await room.running(warehouse_dsn, PLAN, batch) for batch in (0, 1)]
    assert again is first
    assert {intent.intent_id for intent in intents} == set(keys)
    assert none == []


async def test_the_switch_is_asked_anew_after_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_KILL_SWITCH", "off")
    monkeypatch.setattr("obzvon_provider.triggers.shared.monotonic", lambda: clock[0])
    room, clock = WaitingRoom(), [100.0]
    said = [await room.switched_off("demo_twin")]
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_KILL_SWITCH", "on")
    said.append(await room.switched_off("demo_twin"))
    clock[0] += 1
    assert [*said, await room.switched_off("demo_twin")] == [False, False, True]


async def test_a_switch_that_cannot_be_read_fails_once_for_all_who_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def switch() -> KillSwitch:
        asked.append(1)
        if len(asked) == 1:
            raise TimeoutError("no answer")
        return KillSwitch.parse("on")

    monkeypatch.setattr("obzvon_provider.triggers.shared.switch", switch)
    room = WaitingRoom()
    failed = await asyncio.gather(*(room.switched_off("demo_twin") for _ in range(20)), return_exceptions=True)
    assert ([type(each) for each in failed], len(asked)) == ([TimeoutError] * 20, 1)
    assert await room.switched_off("demo_twin")


async def test_looks_of_all_who_wait_with_an_account_leave_connections_to_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account(monkeypatch)
    room, campaign = WaitingRoom(), spec()
    async with room.dialer(campaign, DSN) as first, room.dialer(campaign, DSN) as second:
        assert second.place is first.place
        assert isinstance(first.place, asyncio.Semaphore)
        for _ in range(LOOKS):
            await first.place.acquire()
        assert first.place.locked()


async def test_only_who_waits_with_an_account_that_takes_events_hears_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    room, campaign = WaitingRoom(), spec()
    for options, heard in ({}, []), ({"webhook_secret": "s" * 32}, ["t"]):
        account(monkeypatch, **options)
        async with room.dialer(campaign, DSN) as connected, room.rung(connected, DSN, ["t"]) as waiter:
            room.bell._ring(DSN, Ring.heard("!t"))
            assert sorted(waiter.turned()) == heard
    assert not room.bell._listening


async def test_everybody_who_waits_with_an_account_reads_one_list(monkeypatch: pytest.MonkeyPatch) -> None:
    account(monkeypatch, poll_seconds=20)
    room, campaign = WaitingRoom(), spec()
    async with room.dialer(campaign, DSN) as first, room.dialer(campaign, DSN) as second:
        assert second.standings is first.standings is not None
        async with room.dialer(campaign, f"{DSN}2") as elsewhere:
            assert elsewhere.standings is not first.standings
