"""The command `discover-columns`: what a project's report really holds, and a draft of its mapping."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from obzvon.campaigns.catalogue import load
from obzvon.cli_house import Dsn, House, Root, asked, house
from obzvon.cli_replay import campaign_files
from obzvon.local.stack import Stack

if TYPE_CHECKING:
    from obzvon.campaigns.spec import CampaignSpec
    from obzvon.vendors.observed import ColumnSeen, Observation

__all__ = ["add_discover"]

SHOWN_WORDS = 12


def add_discover(app: typer.Typer) -> None:
    """Teach the command line to discover columns."""
    app.command("discover-columns")(discover_columns)


def discover_columns(
    campaign: Annotated[str, typer.Option("--campaign", help="Name of the campaign.", show_default=False)],
    pull: Annotated[
        bool, typer.Option("--pull", help="Ask the vendor for every column instead of reading the archive.")
    ] = False,
    dsn: Dsn = None,
    archive: Root = None,
) -> None:
    """Show what a campaign's report really holds and draft its mapping for the campaign file.

    Reads the newest archived reports; with --pull asks the
    vendor for the newest one with every column. Nothing is
    stored, nobody is called. Values are shown where they
    are a short list of words that come again.

    Away from the local stack give --dsn, --archive and,
    in the environment, OBZVON_PHONE_SECRET; --pull needs
    AIRFLOW_CONN_… of the vendor too.
    """
    spec = load(campaign_files() / f"{campaign}.yaml")
    with asked(), house(dsn, archive, needs_archive=not pull) as where:
        seen, draft = _look(where, spec, pull=pull, local=dsn is None)
    _print(seen)
    console = Console(highlight=False)
    if draft:
        console.print("\nA draft of the mapping, for `vendor:` of the campaign file; look at every guess:\n")
        typer.echo(draft)
    else:
        console.print("\nThe campaign file maps all of it.")


def _look(where: House, spec: CampaignSpec, *, pull: bool, local: bool) -> tuple[Observation, str]:
    from obzvon.stages.discover import stored  # noqa: PLC0415 - not needed by the other commands
    from obzvon.vendors.registry import dialer_class  # noqa: PLC0415

    dialer = dialer_class(spec.vendor.type)
    seen = asyncio.run(_pull(where, spec, local)) if pull else stored(where.dsn, where.archive, spec, dialer)
    return seen, dialer.draft(spec, seen)


async def _pull(where: House, spec: CampaignSpec, local: bool) -> Observation:
    from obzvon.contacts.sources.environment import EnvironmentConnections  # noqa: PLC0415
    from obzvon.stages.discover import pulled  # noqa: PLC0415
    from obzvon.vendors.budget import request_budget  # noqa: PLC0415
    from obzvon.vendors.registry import dialer_class  # noqa: PLC0415

    environment = {**Stack().environment, **os.environ} if local else dict(os.environ)
    account = EnvironmentConnections(environment).account(spec.vendor.conn_id)
    kind = dialer_class(spec.vendor.type)
    async with (
        request_budget(where.dsn, kind.code, account, kind.requests_per_second) as budget,
        kind.connected(account, spec, budget=budget) as dialer,
    ):
        return await pulled(where.dsn, spec, dialer)


def _print(seen: Observation) -> None:
    console = Console(highlight=False)
    table = Table("column", "caption", "type", box=None)
    table.add_column("filled", justify="right")
    table.add_column("values")
    for column in seen.columns:
        cells = (column.field, column.caption, column.kind, f"{column.filled} of {seen.rows}", _words(column))
        table.add_row(*map(Text, cells))
    console.print(table)


def _words(column: ColumnSeen) -> str:
    words = column.words.most_common()
    said = ", ".join(f"{text} ({rows})" for text, rows in words[:SHOWN_WORDS])
    return f"{said}, …" if len(words) > SHOWN_WORDS else said
