"""The whole stack for the end-to-end tests: real scheduler, triggerer, web server, PostgreSQL and sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from real_airflow import (
    CAMPAIGNS,
    DAGS,
    ROOT,
    SPEED,
    World,
    kill,
    pytest_runtest_makereport,
    running_world,
    tomorrow,
)

__all__ = [
    "CAMPAIGNS",
    "DAGS",
    "World",
    "campaign_file",
    "first_run",
    "kill",
    "mended",
    "pytest_runtest_makereport",
    "tomorrow",
    "world",
]

#: Campaigns beside the demo's, with its lists: copies of a demo campaign with other keys.
OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "asked_twin": ("demo_twin", {"approval": {"when": "always"}}),
    "asked_dialog": ("demo_dialog", {"approval": {"when": "always"}}),
    "canary_twin": ("demo_twin", {"canary": {"contacts": 30, "minutes": 60}}),
}


def campaign_file(folder: Path, name: str, like: str, **keys: Any) -> None:
    """Write a campaign like another one of the folder or of the demo."""
    source = folder / f"{like}.yaml"
    file = source if source.exists() else ROOT / "include" / "campaigns" / source.name
    text = yaml.safe_load(file.read_text(encoding="utf-8")) | {"name": name} | keys
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(text, allow_unicode=True), encoding="utf-8")


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of campaign files of the stack."""
    folder = tmp_path_factory.mktemp("campaigns")
    for name in CAMPAIGNS:
        campaign_file(folder, name, name)
    for name, (like, keys) in OTHERS.items():
        campaign_file(folder, name, like, title=name, **keys)
    return folder


@pytest.fixture(scope="session")
def world(files: Path) -> Iterator[World]:
    """The stack in a folder of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OBZVON_CAMPAIGNS", str(files))
        with running_world("obzvon-e2e-") as world:
            yield world


@pytest.fixture(scope="session")
def first_run(world: World) -> World:
    """Both demo campaigns have run once for tomorrow, and the marts have heard of it.

    After it the DAGs `marts` and `watch` rest: they would run after every batch of every test, and every minute.
    """
    assert world.finish(world.start(tomorrow())) == ["success", "success"]
    fresh = "select (select count(*) from mart.contact_outcome) > 0 and not exists (select from ops.mart_change)"
    world.until(lambda: world.rows(fresh) == [(True,)], "the marts are fresh", 120)
    world.pause("marts")
    world.pause("watch")
    return world


@pytest.fixture
def mended(first_run: World) -> Iterator[World]:
    """The world after the first run; faults and the sandbox's clock are put right at the end."""
    yield first_run
    first_run.mend()
    first_run.chances()
    first_run.clock(speed=SPEED)
