"""Random campaigns go the whole way against the sandbox: the plan decides as the oracle does, and no rule is broken.

`OBZVON_POLICY_CAMPAIGNS` campaigns are played, ten in a world; `OBZVON_POLICY_WORLD` plays one world alone.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.campaigns import PAGE
from faults.world import Books

from obzvon.local.postgres import Postgres
from obzvon.policy import calendar
from obzvon.sandbox.process import Sandbox, running_sandbox
from proofs.drawn import YEARS
from proofs.play import Play

CAMPAIGNS = int(os.environ.get("OBZVON_POLICY_CAMPAIGNS", "14"))
ALONE = os.environ.get("OBZVON_POLICY_WORLD")
IN_A_WORLD = 10
pytestmark = [pytest.mark.stack, pytest.mark.timeout(max(300, 10 * CAMPAIGNS))]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    options = {"speed": 0, "page_cap": PAGE, "dialog_token_seconds": 600, "twin_token_seconds": 600}
    with running_sandbox(tmp_path / "sandbox", **options) as server:
        yield server


@pytest.fixture(autouse=True)
def decrees(monkeypatch: pytest.MonkeyPatch) -> None:
    """The decrees of the worlds' years are out and move no day off: debt may be planned."""
    for year in YEARS:
        monkeypatch.setitem(calendar._russia().special_public_holidays, year, ())


async def test_random_campaigns_are_decided_as_the_oracle_decides_and_break_no_rule(
    sandbox: Sandbox, postgres: Postgres, warehouse_template: str, tmp_path: Path
) -> None:
    began, findings = time.monotonic(), list[str]()
    figures, reasons = Counter[str](), Counter[tuple[str, str]]()
    books = Books(sandbox)
    for seed in [int(ALONE)] if ALONE else range(1, 1 + -(-CAMPAIGNS // IN_A_WORLD)):
        name = f"world_{seed}"
        postgres.create_database(name, template=warehouse_template)
        books.tell("reset")
        play = Play(seed, postgres.url(name), sandbox.base_url, books, tmp_path / name)
        await play.run(IN_A_WORLD)
        postgres.drop_database(name)
        findings += play.findings
        figures += play.figures
        reasons += play.reasons
    books.close()
    print(f"\n{dict(figures)}, {time.monotonic() - began:.0f} s\n{dict(reasons.most_common())}")
    assert not findings, "\n".join([*findings[:20], "play a world alone: OBZVON_POLICY_WORLD=<its number>"])
    assert figures["dials"] >= figures["campaigns"]
