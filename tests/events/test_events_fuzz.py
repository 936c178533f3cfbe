"""No body that anybody can send stops the reading, and none takes a true one with it.

OBZVON_FUZZ_EVENTS: how many bodies are read (`make fuzz-events`: a million); a hundredth of them goes the whole way,
from the receiver into the facts.
"""

from __future__ import annotations

import asyncio
import io
import os
import random
import resource
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
from event_bodies import ended, rung, twin_spec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutants import mutants
from receiving import Post, inbox_of, receiver
from test_mover import Room

from obzvon.errors import ContractBreak
from obzvon.vendors.base import EVENTS, Attempt
from obzvon.vendors.twin import Twin

COUNT = int(os.environ.get("OBZVON_FUZZ_EVENTS", "3000"))
SEED = int(os.environ.get("OBZVON_FUZZ_SEED", "1"))
GROUP = 50
#: So much more memory at the end than at the beginning is a leak, MiB.
MOST_MIB = 300
SPEC = twin_spec()


def rows(bodies: list[bytes]) -> list[Any]:
    """What a page of these bodies reads as; broken rows by rule and field."""
    page = io.BytesIO(Twin.events_page(bodies))
    return [(row.rule, row.field) if isinstance(row, ContractBreak) else row for row in Twin.parse(SPEC, EVENTS, page)]


def read(body: bytes) -> list[Any] | None:
    """The rows of a body alone; None where it is no event that could stand on a page."""
    try:
        if not Twin.event(body).ended:
            return None
    except ContractBreak:
        return None
    return rows([body])


def test_every_body_is_an_event_or_a_named_break_and_a_page_reads_as_its_bodies() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found: Counter[str] = Counter()
    group: list[bytes] = []
    alone: list[Any] = []
    for body in mutants(random.Random(SEED), COUNT):
        one = read(body)
        found["read" if one else "no event"] += 1
        if one is not None:
            assert len(one) == 1
            group.append(body)
            alone += one
        if len(group) == GROUP:
            assert rows(group) == alone
            found["calls"] += sum(isinstance(row, Attempt) for row in alone)
            group, alone = [], []
    assert found["read"] > COUNT * 0.1
    assert found["no event"] > COUNT * 0.1
    assert found["calls"] > COUNT * 0.01
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
    assert grown < MOST_MIB, f"{grown} MiB more after {COUNT} bodies"


async def test_all_are_answered_200_and_no_true_event_is_lost_among_them(
    warehouse_dsn: str, tmp_path: Path, conn: psycopg.Connection
) -> None:
    room, inbox = Room(warehouse_dsn, tmp_path, conn), inbox_of(warehouse_dsn)
    app, true = receiver(inbox), 0
    bodies = list(mutants(random.Random(SEED + 1), max(200, COUNT // 100)))
    for first in range(0, len(bodies), GROUP):
        true += 1
        sent = [*bodies[first : first + GROUP], rung(ended(100_000 + true, true % 5 + 1))]
        statuses = await asyncio.gather(*(Post(body).send(app) for body in sent))
        assert set(statuses) == {200}
        await asyncio.to_thread(room.mover.move)
    await inbox.close()
    assert room.mover.problems == []
    loaded = "select count(*) from dwh.fact_call_attempt where length(vendor_call_id) = 7"
    assert room.rows(loaded) == [(true,)]
    kept = "select count(*) from pii.vendor_event where outcome is null or body is null and archive_id is null"
    assert room.rows(kept) == [(0,)]
    room.close()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
FIELDS = sorted(ended(1))


@settings(max_examples=min(COUNT // 20, 2000), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from(FIELDS), JSON, min_size=1, max_size=4))
def test_any_value_in_any_place_is_a_call_or_a_named_break(changes: dict[str, Any]) -> None:
    body = rung(ended(1) | changes)
    if (one := read(body)) is not None:
        (row,) = one
        assert isinstance(row, Attempt | tuple)


@settings(max_examples=min(COUNT // 20, 2000), deadline=None)
@given(st.binary(max_size=300))
def test_noise_is_no_event(body: bytes) -> None:
    assert read(body) is None
