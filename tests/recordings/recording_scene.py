"""Calls that the sandbox's Dialog made and recorded, as rows of a fresh warehouse, and the way to their copies."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
from launching import forced
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from qa_rows import World, campaign

from obzvon.campaigns.catalogue import load
from obzvon.campaigns.spec import CampaignSpec
from obzvon.qolio.client import QolioClient
from obzvon.recordings.links import Links
from obzvon.reports.archive import Archive
from obzvon.sandbox.process import Sandbox
from obzvon.stages.deliver import DeliverySummary, deliver
from obzvon.stages.recordings import CopySummary, copy_recordings
from obzvon.vendors.account import Account
from obzvon.vendors.dialog import Dialog

ROOT = Path(__file__).resolve().parents[2]
#: Two days ahead: in the future of every zone at any hour.
DAY = (datetime.now(UTC) + timedelta(days=2)).date()
LOGIN = ("robot@obzvon.example", "sandbox-dialog-password")
CALLS = 8
TOKEN = "sandbox-qolio-integration-token"
INTEGRATION = "/api/v1/integrations/c34f637a-0000-4000-8000-000000000001/phone_calls"
OPEN = {"recording_http_hosts": "127.0.0.1", "recording_private_hosts": "127.0.0.1"}


def copying(**settings: Any) -> CampaignSpec:
    """A Dialog campaign that copies its recordings."""
    vendor = load(ROOT / "include" / "campaigns" / "demo_dialog.yaml").vendor
    return campaign(vendor=vendor, recordings={"mode": "copy", "concurrency": 3, **settings})


class Scene:
    """CALLS recorded conversations, their links leading to the sandbox."""

    def __init__(self, conn: psycopg.Connection, dsn: str, server: Sandbox, folder: Path, **settings: Any) -> None:
        self.conn, self.dsn, self.server, self.spec = conn, dsn, server, copying(**settings)
        self.archive = Archive(folder / "archive")
        self.http = httpx.Client(base_url=server.base_url, trust_env=False)
        self.admin("POST", "reset")
        self.links = dict(sorted(_dialled(self).items())[:CALLS])
        assert len(self.links) == CALLS
        self.calls = sorted(self.links)
        self.world = World(conn, self.spec)
        for number, call_id in enumerate(self.calls, 1):
            self.world.contact(number)
            self.world.attempt(number, call_id, record_url=self.links[call_id])
        conn.execute("update ops.campaign_plan set spec = %s", [Jsonb(self.spec.canonical())])
        conn.commit()

    def account(self, **options: Any) -> Account:
        given = {"platform_timezone": "Asia/Yekaterinburg", **OPEN, **options}
        return Account(self.server.dialog, *LOGIN, options=given, conn_id="dialog_default")

    def admin(self, method: str, path: str, **request: Any) -> Any:
        """A path that no vendor has."""
        return self.http.request(method, f"/_sandbox/{path}", **request).raise_for_status().json()

    async def copy(self, **options: Any) -> CopySummary:
        """One run, its links judged by the options of the connection."""
        async with Dialog.connected(self.account(**options), self.spec) as dialer:
            return await copy_recordings(self.dsn, self.archive, dialer, self.world.plan_id, pause=0.01)

    async def deliver(self, links: Links | None) -> DeliverySummary:
        account = Account(
            self.server.qolio, password="sandbox-qolio-integration-token", options={"integration_path": INTEGRATION}
        )
        async with QolioClient.connected(account) as client:
            return await deliver(self.dsn, self.spec, client, self.world.plan_id, links=links)

    def fault(self, call_id: str, do: str, **more: Any) -> None:
        """Something wrong with the recording of one call, or of all (`""`)."""
        fault = {"vendor": "dialog", "do": do, "path": f"/records/{call_id}", "times": 1000, **more}
        self.admin("POST", "faults", json=fault)

    def run(self, statement: str, *values: object) -> None:
        """Change something by hand."""
        forced(self.conn, statement, values)
        self.conn.commit()

    def sound(self) -> None:
        self.admin("DELETE", "faults")

    def asked(self) -> list[dict[str, Any]]:
        """Requests for recordings, as the sandbox's journal has them."""
        return list(self.admin("GET", "requests", params={"path": "/records/", "limit": 10_000}))

    def qolio(self) -> dict[str, dict[str, Any]]:
        return {call["uid"]: call for call in self.admin("GET", "qolio/calls")}

    def rows(self) -> dict[str, dict[str, Any]]:
        """`ops.recording` by call id."""
        with self.conn.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute("select * from ops.recording").fetchall()
        self.conn.commit()
        return {row["vendor_call_id"]: row for row in found}

    def said(self) -> dict[str, tuple[str, str]]:
        """State and last error of the calls that have no copy."""
        return {call: (row["state"], row["last_error"]) for call, row in self.rows().items() if row["last_error"]}

    def deliveries(self) -> dict[str, tuple[str, str | None]]:
        found = self.conn.execute("select vendor_call_id, state, reason from ops.qa_delivery").fetchall()
        self.conn.commit()
        return {call: (state, reason) for call, state, reason in found}

    def files(self) -> list[str]:
        """Every file of the storage, unfinished ones included."""
        return self.archive.files("recordings")

    def bytes_of(self, row: dict[str, Any]) -> bytes:
        return (self.archive.root / row["path"]).read_bytes()

    def served(self, call_id: str) -> bytes:
        """What the sandbox has at a call's link."""
        return self.http.get(self.links[call_id]).raise_for_status().content


def _dialled(scene: Scene) -> dict[str, str]:
    """A campaign of forty people, dialled to its end: call id -> link, of the calls with a recording."""
    login = {"username": LOGIN[0], "password": LOGIN[1]}
    token = scene.http.post("/dialog/api/login/", data=login).json()["access_token"]
    times = {"start_time": "09:00", "end_time": "17:00", "periods": {"id": 1, "title": "Однократно"}}
    tries = {"attempts": {"id": 1, "title": "1"}, "interval": "15"}
    named = {"project_id": 1, "start_block_id": 10, "phone_id": 5, "name": "Опрос", "description": ""}
    campaign = {**named, "schedule": {"date": DAY.isoformat(), **times, **tries}}
    people = [{"phone": f"+7912{n:07d}", "add_data": {}} for n in range(40)]
    headers = {"Authorization": f"Bearer {token}"}
    made = scene.http.post("/dialog/api/campaigns", json={"campaign": campaign, "phones": people}, headers=headers)
    scene.admin("POST", "clock", json={"advance_seconds": 9 * 3600})
    wanted = {
        "scenario_id": 951, "start_block_id": 10, "outgoing_campaign_id": made.json()["campaign"]["id"],
        "date_start": f"{DAY}T00:00:00.000Z", "date_end": f"{DAY}T23:59:59.000Z",
    }  # fmt: skip
    report = scene.http.post("/dialog/api/analytics/1/report", json={"analytics_filter": wanted}, headers=headers)
    return {row["call_id"]: row["record_url"] for row in report.json()["data"] if row["record_url"]}


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
