"""The command `erase`: one person's data goes, and a receipt is printed that does not show whose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from obzvon.cli_house import Dsn, Root, asked, house
from obzvon.errors import ConfigError

if TYPE_CHECKING:
    from obzvon.stages.erase import Receipt

__all__ = ["add_erase", "one_phone"]


def add_erase(app: typer.Typer) -> None:
    """Teach the command line to erase a person."""
    app.command()(erase)


def erase(
    phone: Annotated[str, typer.Option("--phone", help="Whose data; never printed.", show_default=False)],
    reference: Annotated[
        str | None, typer.Option("--reference", help="The letter or ticket that asked for it.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dsn: Dsn = None,
    archive: Root = None,
) -> None:
    """Erase what is stored of one phone, in the warehouse and in the archive, and never call it again.

    Facts without personal data stay. While the phone is in a
    campaign that is not over, nothing is erased and the
    message says what to do. Running it again finishes what
    was cut short.

    Away from the local stack give --dsn, --archive and,
    in the environment, OBZVON_PHONE_SECRET.
    """
    from obzvon.stages.erase import erase as stage  # noqa: PLC0415 - the vendors' clients are no part of `make up`

    e164 = one_phone(phone)
    with asked(), house(dsn, archive) as where:
        if not yes:
            typer.confirm("Erase everything that is stored of this phone? It cannot be brought back", abort=True)
        receipt = stage(where.dsn, where.archive, e164, secret=where.secret, reference=reference)
    _print(receipt)


def one_phone(written: str) -> str:
    """E.164 of a phone on the command line; a ConfigError that does not repeat it when it is none."""
    from obzvon.contacts.phones import classify  # noqa: PLC0415 - phonenumbers takes its time

    phone = classify(written)
    if phone.e164 is None:
        raise ConfigError(f"--phone is not a Russian phone that could be called ({phone.reason}); write it as +7…")
    return phone.e164


def _print(receipt: Receipt) -> None:
    console = Console(highlight=False)
    console.print(f"Receipt {receipt.erasure_id} of {receipt.done_at:%Y-%m-%d %H:%M} UTC (ops.erasure)")
    table = Table("place", box=None)
    table.add_column("erased", justify="right")
    for place, count in receipt.counts.items():
        table.add_row(place, str(count))
    console.print(table)
    vendors, qolio = receipt.left_over["vendors"], receipt.left_over["qolio"]
    if vendors or qolio:
        console.print("To be erased by hand, for no documented API does it:")
    for left in vendors:
        ids = ", ".join([*left["contacts"], *left["calls"]])
        console.print(f"  {left['vendor']}, campaign {left['task']}: {ids}", markup=False, soft_wrap=True)
    for uid in qolio:
        console.print(f"  Qolio, call {uid}", markup=False, soft_wrap=True)
