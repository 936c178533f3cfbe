"""The command `rotate-phone-key`: a new secret for the pseudonyms of phones, and nobody who said no is lost."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated

import typer

from obzvon.cli_house import SECRET, Dsn, asked, house
from obzvon.errors import ConfigError
from obzvon.ledger.keys import layers_of, ring
from obzvon.local.stack import Stack

__all__ = ["add_rotate", "new_ring"]

MAY_READ_OTHERS = 0o077


def add_rotate(app: typer.Typer) -> None:
    """Teach the command line to rotate the phones' secret."""
    app.command("rotate-phone-key")(rotate_phone_key)


def rotate_phone_key(
    file: Annotated[
        Path | None,
        typer.Option("--file", help="Where the new secret is written, or was by the run before.", show_default=False),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dsn: Dsn = None,
) -> None:
    """Give every phone and person of the warehouse a new pseudonym, by a secret that is made here.

    Suppressions, consents and caps hold for everybody, also
    for people whose phone is erased. Until the end nobody
    plans, launches or loads; a run that died is finished by
    the same command. Then give Airflow the content of --file.

    Away from the local stack give --dsn, --file and, in the
    environment, OBZVON_PHONE_SECRET as it is now.
    """
    from obzvon.stages.rekey import rotate as stage  # noqa: PLC0415 - not needed by the other commands

    with asked(), house(dsn, None, needs_archive=False) as where:
        path = _file(file, local=dsn is None)
        fresh = new_ring(path, where.secret)
        typer.echo(f"the new secret is in {path}: copy it to your vault now, without it the warehouse is lost")
        if not yes:
            typer.confirm("Rotate? Until it is done nobody is called", abort=True)
        done = stage(where.dsn, where.secret, fresh, say=typer.echo)
    since = f"{done.done_at:%Y-%m-%d %H:%M} UTC"
    typer.echo(f"version {done.version} is in force since {since}; {done.rows:,} rows moved now")
    if dsn is None:
        Stack().secrets.with_phone_secret(fresh.decode()).write(Stack().home.folder)
        path.unlink()
        typer.echo("The local stack has it: `make down && make up` gives it to what runs.")
    else:
        typer.echo(
            f"Now set Variable obzvon_phone_secret, and {SECRET} where commands get it, to the one line in {path};"
            " until then plans and loads refuse. Keep it as safe as the warehouse: without it nobody on the"
            " suppression list is recognised. Then delete the file."
        )


def _file(given: Path | None, *, local: bool) -> Path:
    if given:
        return given
    if not local:
        raise ConfigError("also needed: --file, where the new secret is kept until Airflow has it")
    return Stack().home.folder / "phone-secret.new"


def new_ring(path: Path, now: bytes) -> bytes:
    """The ring in the file, which is written first where there is none: `now` and a random layer.

    It is on the disk when this returns. ConfigError when others may read the file.
    """
    if path.exists():
        if path.stat().st_mode & MAY_READ_OTHERS:
            raise ConfigError(f"others may read {path}: chmod 600 it, or delete it if no rotation was begun with it")
        return path.read_text(encoding="ascii").strip().encode()
    fresh = ring([*layers_of(now), secrets.token_urlsafe(32).encode()])
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(fresh + b"\n")
        out.flush()
        os.fsync(out.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return fresh
