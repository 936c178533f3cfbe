"""A vendor played by a handler, and the values that tests of the clients begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from obzvon.campaigns.spec import CampaignSpec
from obzvon.vendors.base import Order
from obzvon.vendors.http import Account, Patience, VendorSession

NOW = datetime(2030, 1, 14, 12, 0, tzinfo=UTC)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Vendor:
    """What was asked of the played vendor, in order. `bodies` are parsed JSON, None where there was none."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)

    def times(self, path: str) -> int:
        return sum(asked.endswith(path) for asked in self.asked)


@asynccontextmanager
async def vendor(handler: Handler) -> AsyncIterator[Vendor]:
    """A server on a free port that answers everything by `handler` and notes it."""
    seen = Vendor()

    async def note(request: web.Request) -> web.StreamResponse:
        seen.asked.append(f"{request.method} {request.path}")
        seen.queries.append(dict(request.query))
        seen.headers.append(request.headers.copy())
        is_json = request.content_type == "application/json"
        seen.bodies.append(await request.json() if is_json and request.can_read_body else None)
        return await handler(request)

    app = web.Application(client_max_size=64 * 1024**2)
    app.router.add_route("*", "/{tail:.*}", note)
    server = TestServer(app)
    await server.start_server()
    seen.url = str(server.make_url("")).rstrip("/")
    try:
        yield seen
    finally:
        await server.close()


@dataclass
class Naps:
    """Waits that take no time and are remembered, in seconds."""

    taken: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def account(url: str, **options: Any) -> Account:
    return Account(url, "robot@obzvon.example", "secret-password", options=options, conn_id="vendor_default")


def session(url: str, auth: Any = None, *, naps: Naps | None = None, **options: Any) -> VendorSession:
    """A session whose waits take no time and whose clock stands at NOW."""
    patience = Patience(attempts=4, budget=300, sleep=naps or Naps())
    return VendorSession("testvendor", account(url, **options), auth, patience=patience, clock=lambda: NOW)


SPEC = """
name: example
title: Обзвон клиентов
description: Обзвон клиентов для опроса удовлетворенности
owner: robot@obzvon.example
purpose: survey
contacts:
  source: {type: csv, path: list.csv}
  columns: {phone: Телефон}
goal: {title: Согласие, field: confirmation, in: [agreed]}
outcomes:
  RPC_REFUSED: {field: confirmation, in: [refused]}
  RPC_OPTOUT: {field: confirmation, in: [opt_out]}
qolio: {operator_id: "bot:example"}
"""


def spec(vendor_settings: str | Mapping[str, Any], **changes: Any) -> CampaignSpec:
    """A campaign file with this `vendor:` part (YAML text or mapping)."""
    part = yaml.safe_load(vendor_settings) if isinstance(vendor_settings, str) else dict(vendor_settings)
    return CampaignSpec.model_validate({**yaml.safe_load(SPEC), **changes, "vendor": part})


def order(**changes: Any) -> Order:
    """10:00 to 18:00 on 15 January 2030 at +03:00."""
    values: dict[str, Any] = {
        "intent_id": "ab12cd34" * 8,
        "name": "Обзвон клиентов [af:ab12cd34]",
        "description": "Опрос",
        "call_date": date(2030, 1, 15),
        "offsets": (180,),
        "starts_at": datetime(2030, 1, 15, 7, 0, tzinfo=UTC),
        "ends_at": datetime(2030, 1, 15, 15, 0, tzinfo=UTC),
        "local_from": time(10),
        "local_to": time(18),
    }
    return Order(**(values | changes))
