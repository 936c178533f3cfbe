"""Copies go with their person, and when the time of their purpose is over."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest
from recording_scene import CALLS, ROOT, Scene

from obzvon.policy.model import load_policy
from obzvon.stages.erase import erase
from obzvon.stages.recordings import CopySummary
from obzvon.stages.retention import keep_to_retention
from obzvon.warehouse.db import connect

pytestmark = pytest.mark.stack


def forget(scene: Scene, number: int) -> int:
    """Erase one person; how many copies the receipt counts."""
    receipt = erase(scene.dsn, scene.archive, f"+7916{number:07d}", secret=b"secret")
    return receipt.counts["recordings"]


async def test_erasing_a_person_takes_the_copies_and_none_is_made_again(scene: Scene) -> None:
    first, second, *others = scene.calls
    await scene.copy()
    copied = scene.rows()
    scratch = copied[first]["path"].replace("/intent", "/intent")
    broken_off = scene.archive.root / scratch.rpartition("/")[0] / f".{scratch.rpartition('/')[2]}.x1"
    broken_off.write_bytes(b"RIFF")
    assert forget(scene, 1) == 1
    rows = scene.rows()
    assert (rows[first]["state"], rows[first]["sha256"]) == ("DELETED", copied[first]["sha256"])
    assert rows[first]["deleted_at"] is not None
    assert scene.files() == sorted(copied[call]["path"] for call in (second, *others))
    assert forget(scene, 1) == 0
    scene.run("update dwh.fact_call_attempt set record_url = %s where vendor_call_id = %s", scene.links[first], first)
    assert await scene.copy() == CopySummary()


async def test_who_is_erased_while_the_copy_is_made_has_none_afterwards(scene: Scene) -> None:
    first, *others = scene.calls
    scene.fault(first, "hold", half=True)
    run = asyncio.create_task(scene.copy())
    while len(scene.rows()) < CALLS - 1 or not scene.admin("GET", "held"):
        await asyncio.sleep(0.01)
        assert not run.done()
    assert await asyncio.to_thread(forget, scene, 1) == 0
    scene.admin("POST", "release")
    assert (await run).copied == CALLS - 1
    assert scene.rows()[first]["state"] == "DELETED"
    assert scene.files() == sorted(scene.rows()[call]["path"] for call in others)


async def test_retention_takes_every_copy_and_leaves_the_trace(scene: Scene) -> None:
    await scene.copy()
    policy = load_policy(ROOT / "include" / "policy" / "policy.yaml")
    with connect(scene.dsn) as conn:
        conn.autocommit = True
        assert keep_to_retention(conn, scene.archive, policy, date(2040, 1, 1)).plans == 1
        assert keep_to_retention(conn, scene.archive, policy, date(2040, 1, 1)).plans == 0
        (counts,) = conn.execute("select counts from ops.erasure where purpose = 'survey'").fetchall()[0]
    assert counts["recordings"] == CALLS
    assert scene.files() == []
    assert {(row["state"], bool(row["sha256"])) for row in scene.rows().values()} == {("DELETED", True)}
