"""Does in a copied project what a page tells its reader; a process of its own, because the page changes the code.

    python do_a_page.py <root>     the job as JSON comes by stdin, what came of it goes to stdout as the last line

Connections come from AIRFLOW_CONN_…, as the reader sets them; those of the sandbox where the page sets none.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from typer.testing import CliRunner
from whole_way import Run

import obzvon
from obzvon.__main__ import app
from obzvon.campaigns.catalogue import load
from obzvon.contacts.sources.environment import EnvironmentConnections
from obzvon.vendors.account import Account
from obzvon.warehouse.db import connect


class Walk(Run):
    """A campaign of another project's folder, over the reader's own connection."""

    def account(self, vendor: str) -> Account:
        if f"AIRFLOW_CONN_{self.spec.vendor.conn_id.upper()}" in os.environ and vendor != "qolio":
            return EnvironmentConnections().account(self.spec.vendor.conn_id)
        return super().account(vendor)


async def walk(root: Path, campaign: str, sandbox: str, archive: str) -> dict[str, Any]:
    """What two walks through all stages on one day came to; the second must find everything done."""
    spec, dsn = load(root / "include" / "campaigns" / f"{campaign}.yaml"), os.environ["OBZVON_WAREHOUSE"]
    with connect(dsn) as conn:
        run = Walk(spec, dsn, conn, SimpleNamespace(base_url=sandbox), Path(archive))  # type: ignore[arg-type]
        run.root = root
        delivered, report = await run.go()
        again, report_again = await run.go()
    failed = [str(finding) for found in (report, report_again) for finding in found.failed]
    return {"sent": delivered.sent, "sent_again": again.sent, "failed": failed}


def typed(line: str) -> str:
    """What a line of the page answers that begins with `.venv/bin/obzvon`; it has to succeed."""
    done = CliRunner().invoke(app, line.split()[1:])
    assert done.exit_code == 0, f"{line}\n{done.output}\n{done.exception!r}"
    return " ".join(done.output.split())


def airflow(root: Path, campaign: str, connection: str) -> dict[str, Any]:
    """What Airflow sees: the campaign's DAG, the connection types, and what the Test button of a connection answers."""
    sys.path.insert(0, str(root / "dags"))
    dag = vars(importlib.import_module("campaigns"))[f"campaign__{campaign}"]
    provider = importlib.import_module("obzvon_provider.provider_info").get_provider_info()
    types = {each["connection-type"]: each["hook-class-name"] for each in provider["connection-types"]}
    kind = json.loads(os.environ[f"AIRFLOW_CONN_{connection.upper()}"])["conn_type"]
    module, _, name = types[kind].rpartition(".")
    works, said = getattr(importlib.import_module(module), name)(connection).test_connection()
    return {"title": dag.dag_display_name, "tasks": dag.task_ids, "types": sorted(types), "works": works, "said": said}


def main(root: Path, job: dict[str, Any]) -> dict[str, Any]:
    """Every part of the job, in the order of the page."""
    assert Path(obzvon.__file__).is_relative_to(root), obzvon.__file__
    done: dict[str, Any] = {"typed": [typed(line) for line in job["type"]]}
    if "walk" in job:
        done["walk"] = asyncio.run(walk(root, **job["walk"]))
    if "airflow" in job:
        done["airflow"] = airflow(root, **job["airflow"])
    return done


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), json.load(sys.stdin))))
