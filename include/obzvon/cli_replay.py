"""`replay`, `requeue` and `reclassify`: on the local stack without options, elsewhere by options or environment."""

from __future__ import annotations

import os
from collections import Counter
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
    from obzvon.stages.reclassify import Reclassified
    from obzvon.stages.stored_plans import Rebuilt

__all__ = ["add_commands"]

Campaign = Annotated[str | None, typer.Option("--campaign", help="Only this campaign.", show_default="all")]


def add_commands(app: typer.Typer) -> None:
    """Teach the command line to replay, to requeue and to reclassify."""
    app.command()(replay)
    app.command()(requeue)
    app.command()(reclassify)


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

    def do(house: House) -> Sequence[Rebuilt]:
        return stage(
            house.dsn, house.archive, campaign_files(), *range_, campaign,
            secret=house.secret, every_plan=every_plan, run_id="by hand",
        )  # fmt: skip

    _run(dsn, archive, do)


def reclassify(
    campaign: Annotated[str, typer.Option("--campaign", help="Name of the campaign.", show_default=False)],
    from_: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First call date.", show_default="the first ever"),
    ] = None,
    to: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last call date.", show_default="the last")
    ] = None,
    dsn: Dsn = None,
    archive: Root = None,
) -> None:
    """Read all calls of a campaign anew from the archive, by the mapping of its file as it is today.

    Says which outcomes became which. No vendor is asked; a
    second time nothing changes. Of the file its mapping
    counts: outcomes, and how the vendor's report is read.

    Away from the local stack give --dsn, --archive and,
    in the environment, OBZVON_PHONE_SECRET.
    Exit code 1 when a plan could not be reclassified.
    """
    from obzvon.stages.reclassify import reclassify as stage  # noqa: PLC0415 - SQLAlchemy is no part of `make up`

    range_ = (from_ and from_.date(), to and to.date())
    with asked(), house(dsn, archive) as where:
        results = stage(
            where.dsn, where.archive, campaign_files(), campaign, *range_, secret=where.secret, run_id="by hand"
        )
    _print(results)
    _print_moved(results)
    raise typer.Exit(1 if any(result.problem for result in results) else 0)


def campaign_files() -> Path:
    """The folder of campaign files."""
    return Path(os.environ.get("OBZVON_CAMPAIGNS") or Home.find().root / "include" / "campaigns")


def _print_moved(results: Sequence[Reclassified]) -> None:
    console = Console(highlight=False)
    moved = sum((result.moved for result in results), Counter[tuple[str, str]]())
    if not moved:
        console.print("No call has another outcome than before.")
        return
    table = Table("was", "is", box=None)
    table.add_column("calls", justify="right")
    for (before, now), calls in sorted(moved.items()):
        table.add_row(before, now, str(calls))
    console.print(table)
    if conversations := sum(result.conversations for result in results):
        console.print(
            f"{conversations} of them are or were conversations: `late_results` delivers those of the last three days"
            " to Qolio; for older ones clear `deliver` and `audit` of their run.",
            soft_wrap=True,
        )


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
