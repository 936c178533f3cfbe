"""Qolio's account API of a sandbox, as the stages get it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
from qa_rows import World

from obzvon.qolio.account import QolioAccount
from obzvon.qolio.client import QolioClient
from obzvon.sandbox.process import Sandbox
from obzvon.stages.deliver import DeliverySummary, deliver
from obzvon.vendors.account import Account
from obzvon.vendors.patience import Patience

INTEGRATION = "c34f637a-0000-4000-8000-000000000001"
#: A connection that says everything the account API needs; the last two are the sandbox's own shapes.
OPTIONS: dict[str, Any] = {
    "integration_path": f"/api/v1/integrations/{INTEGRATION}/phone_calls",
    "account_email": "robot@obzvon.example",
    "account_password": "sandbox-qolio-password",
    "verify_after_minutes": 0,
    "interaction_uid": "attributes.uid",
    "review_fields": {
        "list": "attributes.reviews",
        "id": "id",
        "uid": "/attributes.uid",
        "form": "form-name",
        "score": "score",
        "max_score": "max-score",
        "reviewer": "reviewer-id",
        "reviewed_at": "reviewed-at",
        "appeal": "appeal-state",
    },
}
QUICK = Patience(attempts=4, budget=20, first=0.01, longest=0.05)


class House:
    """A running sandbox and the accounts to reach its Qolio."""

    def __init__(self, server: Sandbox) -> None:
        self.server = server
        self.http = httpx.Client(base_url=server.base_url, timeout=60, trust_env=False)
        self.admin("reset")

    def admin(self, path: str, body: Any = None) -> None:
        self.http.post(f"/_sandbox/{path}", json=body).raise_for_status()

    def fault(self, do: str, **more: Any) -> None:
        self.admin("faults", {"vendor": "qolio", "do": do, **more})

    def uids(self) -> set[str]:
        """Calls that Qolio has."""
        return {call["uid"] for call in self.http.get("/_sandbox/qolio/calls").json()}

    def requests(self, method: str, path: str = "") -> list[dict[str, Any]]:
        found = self.http.get("/_sandbox/requests", params={"vendor": "qolio", "method": method, "path": path})
        return list(found.json())

    def review(self, uid: str, score: float | None, **more: Any) -> None:
        said = {"id": f"r-{uid}", "uid": uid, "score": score, "reviewed_at": "2030-05-21T10:00:00+03:00"}
        self.admin("qolio/reviews", said | more)

    def account(self, **options: Any) -> Account:
        return Account(
            self.server.qolio,
            password="sandbox-qolio-integration-token",
            options=OPTIONS | options,
            conn_id="qolio_default",
        )

    def connected(self, **options: Any) -> AbstractAsyncContextManager[QolioAccount]:
        return QolioAccount.connected(self.account(**options), patience=QUICK)

    async def deliver(self, dsn: str, world: World) -> DeliverySummary:
        async with QolioClient.connected(self.account()) as client:
            return await deliver(dsn, world.spec, client, world.plan_id)
