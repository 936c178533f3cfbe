"""TWIN's v1 API in a sandbox, for launches by a fixed clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp
from launching import spec

from obzvon.campaigns.spec import CampaignSpec
from obzvon.sandbox.process import Sandbox
from obzvon.vendors.base import Found
from obzvon.vendors.http import Account
from obzvon.vendors.twin import Twin

EARLIEST, LATEST = datetime(2001, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC)
BOT = "44e62ac6-6c08-4ad1-923d-5ee3299dd737"
V1 = {"type": "twin", "api": "v1", "bot_id": BOT, "calls_per_second": 5, "redial": {"candidate_limit": 1}}


class AnyDay(Twin):
    """Finds a task whenever it was created: the sandbox notes that by the wall clock, these launches have their own."""

    async def find(self, marker: str, since: datetime, until: datetime) -> tuple[Found, ...] | None:
        assert since < until
        return await super().find(marker, EARLIEST, LATEST)


def campaign(**limits: Any) -> CampaignSpec:
    """A campaign at TWIN that calls everybody once."""
    return spec(vendor=V1, limits=limits)


@asynccontextmanager
async def signed_in(sandbox: Sandbox, campaign: CampaignSpec) -> AsyncIterator[Twin]:
    """The campaign's dialer, over the sandbox."""
    options = {"company_timezone": "Europe/Moscow", "candidates_path": "/tasks/{task_id}/candidates",
               "finished_statuses": ["FINISHED"]}  # fmt: skip
    account = Account(sandbox.twin, "robot@obzvon.example", "sandbox-twin-password", options=options,
                      conn_id="twin_default")  # fmt: skip
    async with AnyDay.connected(account, campaign) as dialer:
        assert isinstance(dialer, Twin)
        yield dialer


async def told(sandbox: Sandbox, path: str, body: dict[str, Any]) -> None:
    """Tell the sandbox something: its clock, a fault."""
    async with aiohttp.ClientSession() as http, http.post(f"{sandbox.admin}/{path}", json=body) as answer:
        assert answer.status in (200, 201), await answer.text()


async def shown(sandbox: Sandbox, book: str, **query: str) -> list[dict[str, Any]]:
    """What the sandbox has noted."""
    async with aiohttp.ClientSession() as http, http.get(f"{sandbox.admin}/{book}", params=query) as answer:
        assert answer.status == 200
        found: list[dict[str, Any]] = await answer.json()
        return found
