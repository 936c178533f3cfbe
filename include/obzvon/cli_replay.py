"""The commands `replay` and `requeue`: on the local stack without options, elsewhere by options or environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from obzvon.cli_house import Dsn, House, Root, asked, house
from obzvon.local.home import Home

if TYPE_CHECKING:
    from obzvon.stages.stored_plans import Rebuilt

__all__ = ["add_commands"]

Campaign = Annotated[str | None, typer.Option("--campaign", help="Only this campaign.", show_default="all")]


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

    def do(house: House) -> Sequence[Rebuilt]:
        return stage(
            house.dsn, house.archive, files, *range_, campaign,
            secret=house.secret, every_plan=every_plan, run_id="by hand",
        )  # fmt: skip

    _run(dsn, archive, do)


def _run(dsn: str | None, archive: str | None, stage: Callable[[House], Sequence[Rebuilt]]) -> None:
    """Do it, tell it, and end with the exit code."""
    with asked(), house(dsn, archive) as where:
        results = stage(where)
    _print(results)
    raise typer.Exit(1 if any(result.problem for result in results) else 0)


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
        if r.skipped:
            console.print(f"{r.campaign_id} {r.call_date}: {r.skipped}", markup=False, soft_wrap=True)
        if r.mapping:
            console.print(f"{r.campaign_id} {r.call_date}: read by today's {', '.join(r.mapping)}", soft_wrap=True)
        if r.problem:
            console.print(f"{r.campaign_id} {r.call_date}: {r.problem}", style="red", markup=False, soft_wrap=True)
