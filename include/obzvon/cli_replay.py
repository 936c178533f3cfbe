"""The commands `replay` and `requeue`: on the local stack without options, elsewhere by options or environment."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from obzvon.errors import ConfigError, ObzvonError
from obzvon.local.home import Home
from obzvon.local.stack import Stack
from obzvon.reports.archive import Archive

if TYPE_CHECKING:
    from obzvon.stages.stored_plans import Rebuilt

__all__ = ["add_commands"]

SECRET = "OBZVON_PHONE_SECRET"  # noqa: S105 - the name of a variable
Dsn = Annotated[
    str | None,
    typer.Option("--dsn", envvar="OBZVON_WAREHOUSE", help="The warehouse: postgresql://… (local stack: not needed)"),
]
Root = Annotated[
    str | None,
    typer.Option(
        "--archive", envvar="OBZVON_ARCHIVE", help="Folder or s3://… of raw answers (local stack: not needed)"
    ),
]
Campaign = Annotated[str | None, typer.Option("--campaign", help="Only this campaign.", show_default="all")]


@dataclass(frozen=True, slots=True)
class _House:
    """Where the data of an installation is."""

    dsn: str = field(repr=False)
    archive: Archive
    secret: bytes = field(repr=False)


def add_commands(app: typer.Typer) -> None:
    """Teach the command line to replay and to requeue."""
    app.command()(replay)
    app.command()(requeue)


def replay(
    from_: Annotated[
        datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First call date.", show_default=False)
    ],
    to: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last call date.", show_default=False)],
    campaign: Campaign = None,
    dsn: Dsn = None,
    archive: Root = None,
) -> None:
    """Rebuild the warehouse tables of some call dates from ledger and archive; no vendor is asked.

    Tables of schema dwh that are missing are made again.
    Where nothing is lost, nothing is written.

    Away from the local stack give --dsn, --archive and,
    in the environment, OBZVON_PHONE_SECRET.
    Exit code 1 when a plan could not be rebuilt.
    """
    from obzvon.stages.replay import replay as stage  # noqa: PLC0415 - SQLAlchemy is no part of `make up`

    _run(dsn, archive, lambda h: stage(h.dsn, h.archive, from_.date(), to.date(), campaign, secret=h.secret))


def requeue(
    campaign: Campaign = None,
    from_: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First call date.", show_default="the first ever"),
    ] = None,
    to: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last call date.", show_default="the last")
    ] = None,
    every_plan: Annotated[
        bool, typer.Option("--every-plan", help="Also plans without such rows: their mapping was wrong, not lacking.")
    ] = False,
    dsn: Dsn = None,
    archive: Root = None,
) -> None:
    """Read rows in quarantine, or with a status nobody had mapped, again by today's code and campaign files.

    Of a campaign file its mapping counts: outcomes, and how
    the vendor's report is read; all else stays as planned.
    Rows that are sound now come in once, the others stay.

    Away from the local stack give --dsn, --archive and,
    in the environment, OBZVON_PHONE_SECRET.
    Exit code 1 when a plan could not be put right.
    """
    from obzvon.stages.requeue import requeue as stage  # noqa: PLC0415 - SQLAlchemy is no part of `make up`

    range_ = (from_ and from_.date(), to and to.date())
    files = Path(os.environ.get("OBZVON_CAMPAIGNS") or Home.find().root / "include" / "campaigns")

    def do(house: _House) -> Sequence[Rebuilt]:
        return stage(
            house.dsn, house.archive, files, *range_, campaign,
            secret=house.secret, every_plan=every_plan, run_id="by hand",
        )  # fmt: skip

    _run(dsn, archive, do)


def _run(dsn: str | None, archive: str | None, stage: Callable[[_House], Sequence[Rebuilt]]) -> None:
    """Do it, tell it, and end with the exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("obzvon.stages").setLevel(logging.INFO)
    try:
        with _house(dsn, archive) as house:
            results = stage(house)
    except psycopg.Error as error:
        said = f"SQLSTATE {error.sqlstate}" if error.sqlstate else "it does not answer; look at --dsn and the network"
        raise ObzvonError(f"warehouse: {type(error).__name__}, {said}") from None
    _print(results)
    raise typer.Exit(1 if any(result.problem for result in results) else 0)


@contextmanager
def _house(dsn: str | None, archive: str | None) -> Iterator[_House]:
    secret = os.environ.get(SECRET)
    given = {"--dsn (or OBZVON_WAREHOUSE)": dsn, "--archive (or OBZVON_ARCHIVE)": archive, SECRET: secret}
    if missing := [name for name, value in given.items() if not value]:
        if len(missing) < len(given):
            raise ConfigError(f"also needed: {', '.join(missing)}; with none of the three the local stack is meant")
        with _local() as house:
            yield house
    elif dsn and archive and secret:
        yield _House(dsn, Archive(archive), secret.encode())


@contextmanager
def _local() -> Iterator[_House]:
    stack = Stack()
    started = stack.server.start()
    try:
        yield _House(stack.warehouse, Archive(stack.home.archive), stack.secrets.phone_secret.encode())
    finally:
        if started and not any(service.running for service in stack.services):
            stack.server.stop()


def _print(results: Sequence[Rebuilt]) -> None:
    console = Console(highlight=False)
    if not results:
        console.print("Nothing in quarantine, nothing unknown: there is nothing to requeue.")
        return
    table = Table("campaign", "call date", box=None)
    for name in ("contacts", "pulls", "calls", "new", "changed", "quarantine"):
        table.add_column(name, justify="right")
    for r in results:
        numbers = (r.contacts, r.pulls, r.rows, r.inserted, r.updated, r.quarantined)
        table.add_row(r.campaign_id, str(r.call_date), *map(str, numbers))
    console.print(table)
    for r in results:
        if r.mapping:
            console.print(f"{r.campaign_id} {r.call_date}: read by today's {', '.join(r.mapping)}", soft_wrap=True)
        if r.problem:
            console.print(f"{r.campaign_id} {r.call_date}: {r.problem}", style="red", markup=False, soft_wrap=True)
