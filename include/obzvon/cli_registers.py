"""The commands `suppress` and `consent`: entries of the registers, one phone or a file at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from obzvon.cli_erase import one_phone
from obzvon.cli_house import Dsn, asked, house
from obzvon.errors import ConfigError

if TYPE_CHECKING:
    from obzvon.stages.registers import Fields, Kept

__all__ = ["add_registers"]

PURPOSES = ("*", "advertising", "service", "debt", "survey")
DAY = ["%Y-%m-%d"]

Phone = Annotated[str | None, typer.Option("--phone", help="One phone; never printed.", show_default=False)]
File = Annotated[Path | None, typer.Option("--file", help="CSV file; encoding and delimiter are found out.")]
Purpose = Annotated[str, typer.Option("--purpose", help="* (all), advertising, service, debt or survey.")]
Source = Annotated[str, typer.Option("--source", help="Who says so: crm, operator, regulator …")]
Evidence = Annotated[str | None, typer.Option("--evidence", help="Where it is written down.")]
First = Annotated[datetime | None, typer.Option("--from", formats=DAY, help="First day.", show_default="now")]
Last = Annotated[datetime | None, typer.Option("--to", formats=DAY, help="Last day, included.", show_default="no end")]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", help="phone=Телефон: where the file has what. Fields are named like the options."),
]

suppress = typer.Typer(no_args_is_help=True, help="Who must not be called, and until when.")
consent = typer.Typer(no_args_is_help=True, help="Who agreed to be called, and what proves it.")


def add_registers(app: typer.Typer) -> None:
    """Teach the command line the two registers."""
    app.add_typer(suppress, name="suppress")
    app.add_typer(consent, name="consent")


@suppress.command("add")
def suppress_add(
    phone: Phone = None,
    file: File = None,
    purpose: Purpose = "*",
    reason: Annotated[str | None, typer.Option("--reason", help="Why, in a few words.")] = None,
    source: Source = "crm",
    evidence: Evidence = None,
    from_: First = None,
    to: Last = None,
    column: Columns = None,
    dsn: Dsn = None,
) -> None:
    """Suppress a phone, or those of a file; the same entries twice change nothing.

    The other phones of the same person, as far as plans know
    them, are not called either.

    Columns of a file: phone; purpose, reason, source, evidence,
    from, to where it has them, else the options hold.
    Exit code 1 when rows of the file could not be used.
    """
    from obzvon.stages.registers import Fields, add_suppressions  # noqa: PLC0415 - pandas is no part of `make up`

    fields = Fields(_purpose(purpose), reason, source, evidence, _day(from_), _day(to), needs=frozenset({"reason"}))
    _change(add_suppressions, dsn, phone, file, fields, column)


@suppress.command("lift")
def suppress_lift(
    phone: Phone = None,
    file: File = None,
    purpose: Purpose = "*",
    reason: Annotated[str | None, typer.Option("--reason", help="Why, in a few words.")] = None,
    source: Annotated[
        str, typer.Option("--source", help="Only what came from here.", show_default="all but erasure")
    ] = "",
    column: Columns = None,
    dsn: Dsn = None,
) -> None:
    """Let a suppression end now; it stays in the register. `*` lifts those of every purpose.

    An entry that was written for another phone of the person
    is lifted by that phone.
    """
    from obzvon.stages.registers import Fields, lift_suppressions  # noqa: PLC0415

    fields = Fields(_purpose(purpose), reason, source, needs=frozenset({"reason"}))
    _change(lift_suppressions, dsn, phone, file, fields, column)


@suppress.command("list")
def suppress_list(phone: Phone = None, dsn: Dsn = None) -> None:
    """What the register has of a phone and of the person's other phones, ended entries too.

    `phone` says for which one an entry was written.
    """
    from obzvon.stages.registers import suppressions_of  # noqa: PLC0415

    _list(suppressions_of, dsn, phone, ("purpose", "reason", "source", "from", "until", "evidence", "phone", "holds"))


@consent.command("add")
def consent_add(
    phone: Phone = None,
    file: File = None,
    purpose: Purpose = "*",
    given_on: Annotated[datetime | None, typer.Option("--given-on", formats=DAY, help="The day it was given.")] = None,
    proof: Annotated[str | None, typer.Option("--proof", help="Where the proof is: document, recording, form.")] = None,
    source: Source = "crm",
    to: Last = None,
    column: Columns = None,
    dsn: Dsn = None,
) -> None:
    """Note a consent, or those of a file; the same entries twice change nothing. It lifts no suppression.

    Columns of a file: phone; purpose, given-on, proof, source,
    to where it has them, else the options hold.
    Exit code 1 when rows of the file could not be used.
    """
    from obzvon.stages.registers import Fields, add_consents  # noqa: PLC0415

    fields = Fields(
        _purpose(purpose), "", source, proof, _day(given_on), _day(to), needs=frozenset({"evidence", "from"}), past=True
    )
    _change(add_consents, dsn, phone, file, fields, column, names={"from": "given-on", "evidence": "proof"})


@consent.command("withdraw")
def consent_withdraw(
    phone: Phone = None,
    file: File = None,
    purpose: Purpose = "*",
    source: Source = "crm",
    evidence: Evidence = None,
    column: Columns = None,
    dsn: Dsn = None,
) -> None:
    """Close the consents of a phone, or of those of a file, and suppress the purpose: nobody calls for it any more.

    The other phones of the same person, as far as plans know
    them, are treated likewise.
    """
    from obzvon.stages.registers import Fields, withdraw_consents  # noqa: PLC0415

    fields = Fields(_purpose(purpose), "consent withdrawn", source, evidence)
    _change(withdraw_consents, dsn, phone, file, fields, column)


@consent.command("list")
def consent_list(phone: Phone = None, dsn: Dsn = None) -> None:
    """What the register has of a phone, ended entries too. Consents that lists carry are in `ops.plan_contact`."""
    from obzvon.stages.registers import consents_of  # noqa: PLC0415

    _list(consents_of, dsn, phone, ("purpose", "given on", "last day", "proof", "source", "holds"))


def _change(
    stage: Callable[..., Kept],
    dsn: str | None,
    phone: str | None,
    file: Path | None,
    fields: Fields,
    column: Sequence[str] | None,
    names: dict[str, str] | None = None,
) -> None:
    if (phone is None) == (file is None):
        raise ConfigError("give either --phone or --file")
    fields = replace(fields, columns=_columns(fields, column or (), names or {}))
    with asked(), house(dsn, os.environ.get("OBZVON_ARCHIVE"), needs_archive=False) as where:
        kept = stage(where.dsn, file or one_phone(phone or ""), fields, secret=where.secret)
    _tell(kept)
    raise typer.Exit(1 if kept.bad else 0)


def _columns(fields: Fields, given: Sequence[str], names: dict[str, str]) -> dict[str, str]:
    """Field: column. `names` are the fields that this command calls otherwise."""
    columns = {name: names.get(name, column) for name, column in fields.columns.items()}
    shown = {names.get(name, name): name for name in columns}
    for each in given:
        name, found, column = each.partition("=")
        if not found or name not in shown:
            raise ConfigError(f"--column is <field>=<column of the file>; fields: {', '.join(shown)}")
        columns[shown[name]] = column
    return columns


def _list(
    stage: Callable[..., list[tuple[Any, ...]]], dsn: str | None, phone: str | None, columns: Sequence[str]
) -> None:
    if phone is None:
        raise ConfigError("give --phone")
    with asked(), house(dsn, os.environ.get("OBZVON_ARCHIVE"), needs_archive=False) as where:
        rows = stage(where.dsn, one_phone(phone), secret=where.secret)
    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*("" if value is None else _cell(value) for value in row))
    Console(highlight=False).print(table if rows else "The register has nothing of this phone.")


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)


def _tell(kept: Kept) -> None:
    from obzvon.stages.register_cures import CURES  # noqa: PLC0415

    console = Console(highlight=False)
    bad = sum(found.count for found in kept.bad.values())
    console.print(f"{kept.rows} rows read: {kept.added} entries new, {kept.changed} changed, {kept.closed} closed")
    if kept.suppressed:
        console.print(
            f"{kept.suppressed} of the phones are suppressed and are not called all the same (`suppress list`)."
        )
    if bad:
        console.print(f"{bad} rows not used:")
    for reason, found in sorted(kept.bad.items()):
        more = ", …" if found.count > len(found.rows) else ""
        rows = f"{found.count}, rows {', '.join(map(str, found.rows))}{more}"
        console.print(f"  {reason}: {rows}: {CURES[reason]}", soft_wrap=True, markup=False)


def _purpose(value: str) -> str:
    if value not in PURPOSES:
        raise ConfigError(f"--purpose is one of {', '.join(PURPOSES)}")
    return value


def _day(value: datetime | None) -> date | None:
    return value.date() if value else None
