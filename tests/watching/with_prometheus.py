"""`make dashboards`: a real Prometheus scrapes what a deployment would send and evaluates every panel and every rule.

Not a part of `make test`, which runs where no Prometheus can be had: there test_dashboard.py parses the expressions.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from watching.everything import prepare, traffic
from watching.expressions import (
    ROOT,
    RULES_FILE,
    Expression,
    expressions_of_panels,
    expressions_of_rules,
)
from watching.listeners import listening
from watching.planted import FAULTS, Scene
from watching.scraped import scraping

from obzvon_provider.operators.watch import look

NOT_NUMBERS = {"NaN", "+Inf", "-Inf"}


@pytest.fixture(scope="module")
def program() -> Path:
    script = ROOT / "scripts" / "prometheus.py"
    found = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return Path(found.stdout.strip())


class Prometheus:
    """A server that scrapes one page, which the test may change."""

    def __init__(self, address: str) -> None:
        self._address, self.page, self._scrapes = address, "", 0
        self._scraped = asyncio.Condition()

    async def scrape(self, request: web.Request) -> web.Response:
        async with self._scraped:
            self._scrapes += 1
            self._scraped.notify_all()
        return web.Response(text=self.page, content_type="text/plain")

    async def scraped(self) -> None:
        """Return when the page as it is now has been scraped."""
        wanted = self._scrapes + 2  # the next one may be under way with the page before
        async with self._scraped:
            await self._scraped.wait_for(lambda: self._scrapes >= wanted)

    async def query(self, expression: Expression) -> list[dict[str, Any]]:
        """The series that it gives now."""
        async with aiohttp.ClientSession() as session:
            answer = await session.get(f"{self._address}/api/v1/query", params={"query": expression.text})
            said = await answer.json()
        assert said["status"] == "success", f"{expression.where}: {said}"
        found: list[dict[str, Any]] = said["data"]["result"]
        return found


@asynccontextmanager
async def running(program: Path, folder: Path) -> AsyncIterator[Prometheus]:
    port = unused_port()
    prometheus = Prometheus(f"http://127.0.0.1:{port}")
    app = web.Application()
    app.router.add_get("/metrics", prometheus.scrape)
    server = TestServer(app)
    await server.start_server()
    config = {
        "global": {"scrape_interval": "1s"},
        "rule_files": [str(RULES_FILE)],
        "scrape_configs": [{"job_name": "airflow", "static_configs": [{"targets": [f"127.0.0.1:{server.port}"]}]}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await asyncio.wait_for(prometheus.scraped(), 120)
        yield prometheus
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 30)
        await server.close()


async def test_every_panel_gives_a_value(
    program: Path, warehouse_dsn: str, conn: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(warehouse_dsn, conn, tmp_path)
    with scraping(monkeypatch) as scrape:
        now = await prepare(scene)
        await traffic(scene, monkeypatch, now)
        async with running(program, tmp_path) as prometheus:
            for _ in range(3):
                prometheus.page = scrape.text
                await prometheus.scraped()
                await traffic(scene, monkeypatch, now)
            prometheus.page = scrape.text
            await prometheus.scraped()
            for expression in expressions_of_panels():
                values = [series["value"][1] for series in await prometheus.query(expression)]
                assert values, f"{expression.where}: no value"
                assert set(values) - NOT_NUMBERS, f"{expression.where}: no number"


async def test_every_rule_fires_for_its_planted_fault_and_for_it_alone(
    program: Path, postgres: Any, warehouse_template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(program, tmp_path) as prometheus:
        prometheus.page = ""
        await prometheus.scraped()
        assert await prometheus.query(expressions_of_rules()["watch_dead"])
        for name, plant in sorted(FAULTS.items()):
            database = f"with_prometheus_{name}"
            postgres.create_database(database, template=warehouse_template)
            dsn = postgres.url(database)
            with psycopg.connect(dsn) as conn, scraping(monkeypatch) as scrape:
                now = await plant(Scene(dsn, conn, tmp_path / name))
                async with listening(monkeypatch) as heard:
                    await look(dsn, heard.channels, None, now=now)
                prometheus.page = scrape.text
            await prometheus.scraped()
            fired = {rule for rule, at in expressions_of_rules().items() if await prometheus.query(at)} - {"watch_dead"}
            # a page that waits for facts waits for the marts' sums too, and so on: what else holds is told in the case
            assert name in fired
            told = {row[0] for row in psycopg.connect(dsn).execute("select rule from ops.alert")}
            assert fired == told, json.dumps([name, sorted(fired), sorted(told)])
