"""`obzvon stop` and `resume`: what they refuse, what they show, and where they keep the switch."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from launching import forced, plan_of

from obzvon.cli_stop import AirflowWeb
from obzvon.ledger.at_vendor import at_vendors
from obzvon.local.airflow_api import AirflowApi
from obzvon.policy.switch import VARIABLE, KillSwitch

RUNNING = (
    "update ops.campaign_intent set state = 'running', vendor_task_id = 'task-' || chunk_no, contacts_accepted = 1"
)


@pytest.fixture
def running(conn: psycopg.Connection) -> psycopg.Connection:
    """Four vendor campaigns: to be halted, stopped, unstoppable, and one that did not confirm."""
    plan_of(conn, contacts=1, intents=4)
    forced(conn, RUNNING)
    for chunk, outcome in ((1, "confirmed"), (2, "not_possible"), (3, "unconfirmed")):
        forced(conn, "update ops.campaign_intent set stop_outcome = %s where chunk_no = %s", (outcome, chunk))
    conn.commit()
    return conn


def obzvon(dsn: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"OBZVON_WAREHOUSE": dsn, "OBZVON_CAMPAIGNS": str(folder), "COLUMNS": "140"}
    env["AIRFLOW_VAR_OBZVON_KILL_SWITCH"] = "only test_campaign"
    command = [sys.executable, "-m", "obzvon", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=200, check=False)


def test_what_is_confirmed_to_be_stopped_is_over_and_the_others_say_until_when_they_dial(
    running: psycopg.Connection,
) -> None:
    fates = {one.vendor_task_id: one.fate for one in at_vendors(running)}
    assert fates == {
        "task-0": "being halted, may dial until 2031-05-20 17:00 UTC",
        "task-2": "dials until its schedule ends at 2031-05-20 17:00 UTC; stop it in the vendor's cabinet",
        "task-3": "told to stop, not confirmed, may dial until 2031-05-20 17:00 UTC: look into the vendor's cabinet",
    }


@pytest.mark.parametrize("state", ["planned", "refused", "collecting", "final", "final_partial", "cancelled"])
def test_what_cannot_dial_is_not_shown(running: psycopg.Connection, state: str) -> None:
    forced(running, "update ops.campaign_intent set state = %s", (state,))
    assert at_vendors(running) == []


def test_one_campaign_shows_its_own_and_a_creation_in_doubt_may_dial_too(running: psycopg.Connection) -> None:
    forced(running, "update ops.campaign_intent set state = 'in_doubt', vendor_task_id = null where chunk_no = 0")
    assert at_vendors(running, "other_campaign") == []
    first, *_ = at_vendors(running, "test_campaign")
    assert first.fate.startswith("not known whether the vendor has it")


@pytest.mark.parametrize("command", ["stop", "resume"])
def test_a_campaign_that_nobody_knows_is_refused_with_the_known_ones(
    running: psycopg.Connection, warehouse_dsn: str, tmp_path: Path, command: str
) -> None:
    (tmp_path / "from_a_file.yaml").write_text("name: from_a_file")
    done = obzvon(warehouse_dsn, tmp_path, command, "test_campain")
    assert done.returncode == 1
    assert "no campaign is called test_campain; known: from_a_file, test_campaign" in done.stderr


def test_the_list_shows_the_switch_and_what_runs(
    running: psycopg.Connection, warehouse_dsn: str, tmp_path: Path
) -> None:
    done = obzvon(warehouse_dsn, tmp_path, "stop", "--list")
    assert done.returncode == 0, done.stderr
    assert "kill switch: only test_campaign" in done.stdout
    assert "test_campaign 2031-05-20 +03:00 #2: dials until its schedule ends" in done.stdout
    assert "task-1" not in done.stdout


class Variables:
    """Airflow's Variables as its REST API shows them."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.address = ""

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/auth/token", self._login)
        app.router.add_get("/api/v2/variables", self._list)
        app.router.add_post("/api/v2/variables", self._create)
        app.router.add_patch("/api/v2/variables/{key}", self._change)
        return app

    async def _login(self, _: web.Request) -> web.Response:
        return web.json_response({"access_token": "t"}, status=201)

    async def _list(self, _: web.Request) -> web.Response:
        found = [{"key": key, "value": value} for key, value in self.kept.items()]
        return web.json_response({"variables": found, "total_entries": len(found)})

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        if body["key"] in self.kept:
            return web.json_response({"detail": "it exists"}, status=409)
        self.kept[body["key"]] = body["value"]
        return web.json_response(body, status=201)

    async def _change(self, request: web.Request) -> web.Response:
        body = await request.json()
        if request.match_info["key"] not in self.kept:
            return web.json_response({"detail": "no such variable"}, status=404)
        self.kept[request.match_info["key"]] = body["value"]
        return web.json_response(body)


@pytest.fixture
async def airflow() -> AsyncIterator[Variables]:
    played = Variables()
    async with TestServer(played.application()) as server:
        played.address = str(server.make_url("/")).rstrip("/")
        yield played


async def test_the_web_server_keeps_a_new_switch_and_a_changed_one(airflow: Variables) -> None:
    def play() -> list[str]:
        with AirflowApi(airflow.address, "admin", "password") as api:
            switch = AirflowWeb(api)
            seen = [switch.read().text]
            for to in (KillSwitch().with_stopped("demo_twin"), KillSwitch(everything=True), KillSwitch()):
                switch.write(to)
                seen.append(switch.read().text)
            return seen

    assert await asyncio.to_thread(play) == ["off", "only demo_twin", "on", "off"]
    assert airflow.kept == {VARIABLE: "off"}
