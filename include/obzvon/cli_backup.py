"""The commands `backup` and `restore`: warehouse and archive into a safe place, and an empty machine out of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from obzvon.cli_house import Dsn, Root, asked, house

if TYPE_CHECKING:
    from obzvon.backup.manifest import Manifest

__all__ = ["add_backup"]


def add_backup(app: typer.Typer) -> None:
    """Teach the command line to back up and to restore."""
    app.command()(backup)
    app.command()(restore)


def backup(
    to: Annotated[str, typer.Option("--to", help="Folder or s3://… that holds the backups.", show_default=False)],
    keep: Annotated[
        int | None, typer.Option("--keep", min=1, help="Afterwards delete all but so many.", show_default="keep all")
    ] = None,
    dsn: Dsn = None,
    archive: Root = None,
) -> None:
    """Back up the warehouse as one moment sees it, and every file of the archive that it names.

    Files of the archive never change: what a backup before
    has is not copied again. What was written is read back.
    Calling goes on; an erasure waits until this is done.
    Secrets are no part of it: keep OBZVON_PHONE_SECRET apart.

    Away from the local stack give --dsn and --archive.
    Exit code 1 when the archive had lost files.
    """
    from obzvon.backup.take import forget_all_but, take  # noqa: PLC0415 - no part of `make up`

    with asked(), house(dsn, archive, needs_secret=False) as where:
        made = take(where.dsn, where.archive, to, now=datetime.now(UTC), say=typer.echo)
        if keep is not None:
            old, files = forget_all_but(to, keep)
            typer.echo(f"deleted: {old} older backups, {files} files that no backup names")
    size = f"{made.dump_bytes:,} bytes of warehouse, {made.files_copied:,} new files"
    typer.echo(f"backup {made.backup_id} is whole: {size}")
    _tell_missing(made)
    raise typer.Exit(1 if made.missing else 0)


def restore(
    from_: Annotated[str, typer.Option("--from", help="Folder or s3://… that holds the backups.", show_default=False)],
    backup_id: Annotated[
        str | None, typer.Option("--backup", help="Which one: its folder's name.", show_default="the newest")
    ] = None,
    only_check: Annotated[bool, typer.Option("--only-check", help="Read the whole backup and write nothing.")] = False,
    dsn: Dsn = None,
    archive: Root = None,
) -> None:
    """Make an empty database and an empty archive what a backup saw, and compare.

    Refuses where a table or a file is there already. Broken
    off, it is finished by the same command.

    Away from the local stack give --dsn and --archive.
    """
    from obzvon.backup.restore import check_backup  # noqa: PLC0415 - no part of `make up`
    from obzvon.backup.restore import restore as bring  # noqa: PLC0415

    if only_check:
        made = check_backup(from_, backup_id, say=typer.echo)
        typer.echo(f"backup {made.backup_id} is whole and can be restored")
        _tell_missing(made)
        return
    with asked(), house(dsn, archive, needs_secret=False) as where:
        done = bring(where.dsn, where.archive, from_, backup_id, say=typer.echo)
    rows = sum(done.manifest.rows.values())
    typer.echo(f"restored {done.manifest.backup_id}: {rows:,} rows and {done.files:,} files, as the manifest says")
    if done.absent:
        typer.echo(f"no roles of this server, so grant again when they are: {', '.join(done.absent)}")
    _tell_missing(done.manifest)
    typer.echo("Next: `python -m obzvon.warehouse.migrate DSN` if this Obzvon is newer, then `obzvon doctor`.")


def _tell_missing(manifest: Manifest) -> None:
    if not manifest.missing:
        return
    typer.echo(f"{len(manifest.missing)} files were lost or damaged in the archive itself when the backup was taken:")
    for path in manifest.missing[:20]:
        typer.echo(f"  {path}")
    typer.echo("Pull their reports again under a new batch (clear `collect`), or look for them in an older backup.")
