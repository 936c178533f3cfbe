"""The tasks of a campaign copy and deliver with what Airflow's connections and variables say."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from airflow.sdk import Context
from fastapi import FastAPI
from fastapi.testclient import TestClient
from recording_scene import CALLS, INTEGRATION, LOGIN, OPEN, TOKEN, Scene

from obzvon.sandbox.records import wav
from obzvon_provider.operators.collect import CollectOperator
from obzvon_provider.operators.deliver import DeliverOperator
from obzvon_provider.operators.late import LateOperator
from obzvon_provider.pages.recordings import create_recordings

pytestmark = pytest.mark.stack


def context() -> Context:
    run = SimpleNamespace(run_after=datetime(2030, 5, 21, 5, 40, tzinfo=UTC))
    return cast(Context, {"run_id": "run", "dag_run": run})


@pytest.fixture
def house(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The scene as Airflow's settings tell it; its calls ended long ago, so no report is pulled again."""
    extra = {"platform_timezone": "Asia/Yekaterinburg", **OPEN}
    dialog = {
        "conn_type": "dialog",
        "host": scene.server.dialog,
        "login": LOGIN[0],
        "password": LOGIN[1],
        "extra": extra,
    }
    qolio = {
        "conn_type": "qolio",
        "host": scene.server.qolio,
        "password": TOKEN,
        "extra": {"integration_path": INTEGRATION, "recordings_url": "https://obzvon.example.ru/obzvon/recordings"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_DIALOG_DEFAULT", json.dumps(dialog))
    monkeypatch.setenv("AIRFLOW_CONN_QOLIO_DEFAULT", json.dumps(qolio))
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", scene.dsn)
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_ARCHIVE", str(scene.archive.root))
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_PHONE_SECRET", "p" * 32)
    past = "interval '10 years'"
    scene.run(
        f"update ops.campaign_intent set window_start_utc = window_start_utc - {past},"
        f" window_end_utc = window_end_utc - {past}"
    )
    return scene


def test_collect_copies_late_results_complete_and_qolio_can_play_every_call(house: Scene) -> None:
    plan: dict[str, Any] = {"plan_id": house.world.plan_id}
    late = house.calls[0]
    house.fault(late, "answer", status=404)
    asyncio.run(CollectOperator(task_id="collect", batch_no=0, **plan).aexecute(context()))
    assert {row["state"] for call, row in house.rows().items() if call != late} == {"COPIED"}
    delivered = asyncio.run(DeliverOperator(task_id="deliver", **plan).aexecute(context()))
    assert (delivered["sent"], delivered["late"]) == (CALLS - 1, 1)
    house.sound()
    asyncio.run(LateOperator(task_id="pull", **plan).aexecute(context()))
    delivered = asyncio.run(DeliverOperator(task_id="deliver", **plan).aexecute(context()))
    assert (delivered["sent"], delivered["unchanged"]) == (1, CALLS - 1)

    outer = FastAPI()
    outer.mount("/obzvon/recordings", create_recordings())
    player, played = TestClient(outer), {}
    for uid, call in house.qolio().items():
        link = urlsplit(call["body"]["media_url"])
        assert (link.scheme, link.netloc) == ("https", "obzvon.example.ru")
        played[uid] = player.get(f"{link.path}?{link.query}").content
    assert played == {f"dialog:{call}": wav(call) for call in house.calls}
