"""The command `doctor`: what is wrong with this deployment, each fault with its cure."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import httpx
import typer

from obzvon.cli_house import SECRET, Dsn, Root, house
from obzvon.errors import ObzvonError
from obzvon.local.airflow_api import AirflowApi, health
from obzvon.local.home import Home
from obzvon.local.stack import Stack

if TYPE_CHECKING:
    from obzvon.cli_house import House
    from obzvon.doctor.airflow import Airflow
    from obzvon.doctor.deployment import Deployment

__all__ = ["add_doctor"]

PASSWORD = "OBZVON_AIRFLOW_PASSWORD"  # noqa: S105 - the name of a variable
ASK_SECONDS = 10


def add_doctor(app: typer.Typer) -> None:
    """Teach the command line to examine a deployment."""
    app.command()(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON.")] = False,
    airflow: Annotated[
        str | None, typer.Option("--airflow", envvar="OBZVON_AIRFLOW", help="Address of Airflow's web server.")
    ] = None,
    user: Annotated[str, typer.Option("--user", help="Who asks it; needs to read only.")] = "admin",
    sandbox: Annotated[bool, typer.Option("--sandbox", help="Vendors are meant to be the sandbox.")] = False,
    dsn: Dsn = None,
    archive: Root = None,
) -> None:
    """Examine this deployment: print each fault with its cure; exit code 1 when there is one. Changes nothing.

    Warehouse, migrations, roles, clocks, time zones, phone
    secret, archive, disk, policy, calendar, campaign files,
    connections, webhooks, Airflow's processes and pools.

    Away from the local stack give --dsn, --archive and, in
    the environment, OBZVON_PHONE_SECRET, AIRFLOW_… as tasks
    have it, and OBZVON_AIRFLOW_PASSWORD with --airflow.
    """
    from obzvon.doctor.examine import CHECKS, examine  # noqa: PLC0415 - not needed by the other commands

    local = not (dsn or archive or os.environ.get(SECRET))
    with house(dsn, archive, needs_secret=False) as where:
        found = examine(_deployment(where, _airflow(airflow, user, local=local), local=local, sandbox=sandbox))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in found], ensure_ascii=False, indent=2))
    else:
        for finding in found:
            typer.echo(f"{finding.where}: {finding.what}\n  cure: {finding.cure}")
        typer.echo(f"{len(CHECKS)} checks, {len(found)} faults" if found else f"{len(CHECKS)} checks, no fault")
        if not (airflow or local):
            typer.echo("Airflow's processes and pools were not looked at: --airflow names its web server")
    raise typer.Exit(1 if found else 0)


def _airflow(address: str | None, user: str, *, local: bool) -> Airflow | None:
    from obzvon.doctor.airflow import Web  # noqa: PLC0415

    if address:
        password = os.environ.get(PASSWORD)
        if not password:
            raise ObzvonError(f"--airflow also needs {PASSWORD} in the environment, the password of {user}")
        return Web(AirflowApi(address, user, password))
    if local and health(Stack().address.web):
        return Web(Stack().api())
    return None


def _deployment(where: House, airflow: Airflow | None, *, local: bool, sandbox: bool) -> Deployment:
    from obzvon.doctor.deployment import Deployment, environment_of, our_clock  # noqa: PLC0415

    environment: Mapping[str, str] = {**Stack().environment, **os.environ} if local else os.environ
    root = Path(os.environ.get("OBZVON_ROOT") or Home.find().root)
    return Deployment(
        dsn=where.dsn, archive=where.archive, secret=where.secret, environment=environment_of(environment),
        campaigns=Path(os.environ.get("OBZVON_CAMPAIGNS") or root / "include" / "campaigns"),
        policy=Path(os.environ.get("OBZVON_POLICY") or root / "include" / "policy" / "policy.yaml"),
        airflow=airflow, now=our_clock, today=our_clock().date(), free_share=_free_share,
        vendor_date=_vendor_date, sandbox=sandbox or local,
    )  # fmt: skip


def _free_share(folder: Path) -> float:
    usage = shutil.disk_usage(folder)
    return usage.free / usage.total


def _vendor_date(origin: str) -> datetime | None:
    """The Date header of a vendor's front page, asked without credentials."""
    try:
        answer = httpx.head(origin, timeout=ASK_SECONDS, follow_redirects=False)
        return parsedate_to_datetime(answer.headers["date"])
    except (httpx.HTTPError, KeyError, ValueError):
        return None
