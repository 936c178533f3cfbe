"""The load of `make events-load`, small: every event that was answered is a row in the end."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from event_bodies import ended, rung, twin_plan
from run_load import measured


@pytest.mark.stack
def test_a_burst_over_http_is_in_the_warehouse_to_the_last_event(
    warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    twin_plan(conn, 5)
    assert measured(warehouse_dsn, tmp_path, [rung(ended(n, n % 5 + 1)) for n in range(1, 201)], 1000) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (said["stored"], said["in the warehouse"], said["answers"]) == (200, 200, {"200": 200})
