"""A plan is the same wherever the machine thinks it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from obzvon.local.postgres import Postgres

pytestmark = pytest.mark.stack


def _planned(dsn: str, zone: str, hash_seed: str) -> dict[str, Any]:
    """`hash_seed` decides in which order a set of texts or dates comes."""
    script = Path(__file__).with_name("plan_in_a_zone.py")
    env = {**os.environ, "TZ": zone, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run([sys.executable, str(script), dsn], env=env, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_plan_is_the_same_in_utc_and_in_tokyo(postgres: Postgres, warehouse_template: str) -> None:
    made = {}
    for zone, hash_seed in (("UTC", "1"), ("Asia/Tokyo", "2")):
        name = f"zone_{zone.lower().replace('/', '_')}"
        postgres.create_database(name, template=warehouse_template)
        made[zone] = _planned(postgres.url(name), zone, hash_seed)
        postgres.drop_database(name)
    utc, tokyo = made["UTC"], made["Asia/Tokyo"]
    assert (utc.pop("zone"), tokyo.pop("zone")) == ("UTC", "JST")
    assert all(utc["stored"].values())
    assert utc["hash"] == tokyo["hash"]
    assert utc["stored"] == tokyo["stored"]
    assert utc == tokyo
