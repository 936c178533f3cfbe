"""Takes a campaign of a copied project through every stage, twice, and prints what came of it as JSON.

    python walk_a_campaign.py <root> <campaign> <dsn> <address of the sandbox> <folder of the archive>

Connections but Qolio's come from AIRFLOW_CONN_…, as the page's reader sets them.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from whole_way import Run

import obzvon
from obzvon.campaigns.catalogue import load
from obzvon.contacts.sources.environment import EnvironmentConnections
from obzvon.vendors.account import Account
from obzvon.warehouse.db import connect


class Walk(Run):
    """A campaign of another project's folder, over the reader's own connection."""

    def account(self, vendor: str) -> Account:
        if vendor == "qolio" or f"AIRFLOW_CONN_{self.spec.vendor.conn_id.upper()}" not in os.environ:
            return super().account(vendor)
        return EnvironmentConnections().account(self.spec.vendor.conn_id)


async def walk(root: Path, campaign: str, dsn: str, sandbox: str, archive: Path) -> dict[str, Any]:
    """What two walks on one day came to; the second must find everything done."""
    spec = load(root / "include" / "campaigns" / f"{campaign}.yaml")
    with connect(dsn) as conn:
        run = Walk(spec, dsn, conn, SimpleNamespace(base_url=sandbox), archive)  # type: ignore[arg-type]
        run.root = root
        delivered, report = await run.go()
        again, report_again = await run.go()
    failed = [str(finding) for found in (report, report_again) for finding in found.failed]
    return {"sent": delivered.sent, "sent_again": again.sent, "failed": failed, "plan_id": run.plan_id}


if __name__ == "__main__":
    root, campaign, dsn, sandbox, archive = sys.argv[1:]
    assert Path(obzvon.__file__).is_relative_to(root), obzvon.__file__
    print(json.dumps(asyncio.run(walk(Path(root), campaign, dsn, sandbox, Path(archive)))))
