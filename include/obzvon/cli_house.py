"""Where a command finds the data of an installation: the local stack without options, elsewhere by options."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated

import psycopg
import typer

from obzvon.errors import ConfigError, ObzvonError
from obzvon.local.stack import Stack
from obzvon.reports.archive import Archive

__all__ = ["SECRET", "Dsn", "House", "Root", "asked", "house"]

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


@dataclass(frozen=True, slots=True)
class House:
    """Where the data of an installation is."""

    dsn: str = field(repr=False)
    archive: Archive
    secret: bytes = field(repr=False)


@contextmanager
def asked() -> Iterator[None]:
    """Progress is shown, and an error of PostgreSQL becomes one sentence without the values it carries."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("obzvon.stages").setLevel(logging.INFO)
    try:
        yield
    except psycopg.Error as error:
        said = f"SQLSTATE {error.sqlstate}" if error.sqlstate else "it does not answer; look at --dsn and the network"
        raise ObzvonError(f"warehouse: {type(error).__name__}, {said}") from None


@contextmanager
def house(
    dsn: str | None, archive: str | None, *, needs_archive: bool = True, needs_secret: bool = True
) -> Iterator[House]:
    """The house that the options mean; the local stack, its database started where it was down, with none of them."""
    secret = os.environ.get(SECRET)
    given = {"--dsn (or OBZVON_WAREHOUSE)": dsn, "--archive (or OBZVON_ARCHIVE)": archive, SECRET: secret}
    missing = [name for name, value in given.items() if not value]
    if len(missing) == len(given):
        with _local() as local:
            yield local
    elif dsn and (secret or not needs_secret) and (archive or not needs_archive):
        yield House(dsn, Archive(archive or os.devnull), (secret or "").encode())
    else:
        spared = (() if needs_archive else ("--archive",)) + (() if needs_secret else (SECRET,))
        needed = [name for name in missing if not name.startswith(spared)]
        raise ConfigError(f"also needed: {', '.join(needed)}; with none of the three the local stack is meant")


@contextmanager
def _local() -> Iterator[House]:
    stack = Stack()
    started = stack.server.start()
    try:
        yield House(stack.warehouse, Archive(stack.home.archive), stack.secrets.phone_secret.encode())
    finally:
        if started and not any(service.running for service in stack.services):
            stack.server.stop()
