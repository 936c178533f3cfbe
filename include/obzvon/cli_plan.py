"""The command `plan`: what a campaign would do on a date, without doing or storing anything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import psycopg
import typer
from rich.console import Console

from obzvon.campaigns.catalogue import file_of, load
from obzvon.errors import ConfigError, ObzvonError
from obzvon.local.home import Home
from obzvon.local.stack import Stack
from obzvon.warehouse.db import connect

if TYPE_CHECKING:
    from obzvon.campaigns.spec import CampaignSpec
    from obzvon.stages.planning.document import PlanDocument

__all__ = ["add_plan_command"]

SECRET = "OBZVON_PHONE_SECRET"  # noqa: S105 - the name of a variable
Dsn = Annotated[
    str | None,
    typer.Option("--dsn", envvar="OBZVON_WAREHOUSE", help="The warehouse: postgresql://… (local stack: not needed)"),
]


@dataclass(frozen=True, slots=True)
class _House:
    """The warehouse, the key of the phones, and where connections of list sources are looked up."""

    dsn: str = field(repr=False)
    secret: bytes = field(repr=False)
    environment: dict[str, str] = field(repr=False)


def add_plan_command(app: typer.Typer) -> None:
    """Teach the command line to show a plan."""
    app.command()(plan)


def plan(
    campaign: Annotated[str, typer.Argument(help="Name of a campaign file.", show_default=False)],
    call_date: Annotated[
        datetime | None,
        typer.Option(
            "--date", formats=["%Y-%m-%d"], help="Call date.", show_default="tomorrow, in the campaign's zone"
        ),
    ] = None,
    dsn: Dsn = None,
) -> None:
    """Show what a campaign would do on a date: whom it calls, whom not and why, cost and finish.

    Reads the list, calls nobody and stores nothing.

    Away from the local stack give --dsn and, in the
    environment, OBZVON_PHONE_SECRET; a list that comes from
    a connection needs AIRFLOW_CONN_… of it.
    """
    from obzvon.stages.planning.document_text import print_document  # noqa: PLC0415 - pandas is no part of `make up`

    folder = Path(os.environ.get("OBZVON_CAMPAIGNS") or Home.find().root / "include" / "campaigns")
    spec = load(file_of(folder, campaign))
    day = call_date.date() if call_date else _tomorrow(spec)
    try:
        with _house(dsn) as house:
            document = _document(house, spec, day)
    except psycopg.Error as error:
        said = f"SQLSTATE {error.sqlstate}" if error.sqlstate else "it does not answer; look at --dsn and the network"
        raise ObzvonError(f"warehouse: {type(error).__name__}, {said}") from None
    console = Console(highlight=False)
    print_document(console, document)
    said = (
        "This plan is being carried out: it is shown as stored." if document.summary.reused else "Nothing was stored."
    )
    console.print(f"\n{said} Nobody was called.", markup=False)


def _tomorrow(spec: CampaignSpec) -> date:
    return datetime.now(ZoneInfo(spec.schedule.timezone)).date() + timedelta(days=1)


def _document(house: _House, spec: CampaignSpec, call_date: date) -> PlanDocument:
    """The document of a plan that is made and taken back in one transaction."""
    from obzvon.contacts.prepare import prepared  # noqa: PLC0415 - pandas is no part of `make up`
    from obzvon.contacts.sources.environment import EnvironmentConnections  # noqa: PLC0415
    from obzvon.policy.model import load_policy  # noqa: PLC0415
    from obzvon.stages.plan import plan as make  # noqa: PLC0415
    from obzvon.stages.planning.differences import list_changed_at  # noqa: PLC0415
    from obzvon.stages.planning.document import read_document  # noqa: PLC0415

    root = Path(os.environ.get("OBZVON_ROOT") or Home.find().root)
    policy = load_policy(Path(os.environ.get("OBZVON_POLICY") or root / "include" / "policy" / "policy.yaml"))
    chunks = prepared(spec, root, EnvironmentConnections(house.environment), house.secret)
    with connect(house.dsn) as conn, conn.transaction(force_rollback=True):
        changed = list_changed_at(spec, root)
        made = make(
            conn, spec, policy, call_date, now=datetime.now(UTC), chunks=chunks, list_changed_at=changed,
            secret=house.secret,
        )  # fmt: skip
        return read_document(conn, made.plan_id, reused=made.reused)


@contextmanager
def _house(dsn: str | None) -> Iterator[_House]:
    secret = os.environ.get(SECRET)
    given = {"--dsn (or OBZVON_WAREHOUSE)": dsn, SECRET: secret}
    if missing := [name for name, value in given.items() if not value]:
        if len(missing) < len(given):
            raise ConfigError(f"also needed: {', '.join(missing)}; with none of the two the local stack is meant")
        with _local() as house:
            yield house
    elif dsn and secret:
        yield _House(dsn, secret.encode(), dict(os.environ))


@contextmanager
def _local() -> Iterator[_House]:
    stack = Stack()
    started = stack.server.start()
    try:
        yield _House(stack.warehouse, stack.secrets.phone_secret.encode(), {**stack.environment, **os.environ})
    finally:
        if started and not any(service.running for service in stack.services):
            stack.server.stop()
