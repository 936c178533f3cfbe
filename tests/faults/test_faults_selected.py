"""A selection of the fault suite for every `make test`; `make faults` plays all cases and writes docs/faults.md."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from faults.cases import every
from faults.runner import costs, run
from faults.world import World
from obzvon.local.postgres import Postgres

pytestmark = pytest.mark.stack
CASES = {case.id: case for case in every()}
#: One of each kind, the dangerous ones first.
SELECTED = [
    "dialog-kill-create_accepted",
    "dialog-two_workers-at_once",
    "dialog-timeout-create",
    "dialog-kill-deliver",
    "twin-kill-create_accepted",
    "twin-kill-create_answered",
    "twin-kill-second_candidates_accepted",
    "twin-lose_items-candidates",
    "twin-pg_gone-load",
    "twin-list_500-create",
    "twin-page_twice-report",
    "twin_beta-drop_after-create",
    "twin_beta-kill-second_candidates_asked",
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("faults"), postgres)
    yield made
    made.close()


@pytest.mark.parametrize("name", SELECTED)
def test_nobody_is_dialled_twice_and_nothing_is_lost(world: World, name: str) -> None:
    case = CASES[name]
    line = run(world, case)
    assert costs(line) == case.costs, line
