"""An empty machine becomes what a backup saw: the files first, then the warehouse, all of it or nothing."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from obzvon.backup.copying import Copied, at_once, check, copy
from obzvon.backup.manifest import ArchiveFile, Manifest, manifest_of, read_list
from obzvon.backup.programs import Program, listing, load_dump, program
from obzvon.backup.take import counted, fetched_dump
from obzvon.errors import AuditError, ConfigError
from obzvon.reports.archive import Archive
from obzvon.warehouse.db import connect
from obzvon.warehouse.readers import READS, grant_reading

__all__ = ["Restored", "check_backup", "restore"]

Say = Callable[[str], None]
#: In the archive's root while a restore is under way: whose files are there.
MARK = ".restoring"

_OCCUPIED = """
select count(*), min(format('%I.%I', n.nspname, c.relname))
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema' and c.relkind in ('r', 'p', 'v', 'm')
"""
_ROLES = "select rolname from pg_roles where rolname = any(%s)"
#: Rights on what the old owner makes later name that owner; the restoring one gets them anew.
_OWNERS_WISHES = re.compile(r"^\d+; \d+ \d+ DEFAULT ACL ")


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back. `absent`: members of our roles, who are no roles of this server."""

    manifest: Manifest
    files: int
    absent: list[str]


def restore(
    dsn: str, archive: Archive, source: str, backup_id: str | None = None, *, say: Say = lambda _: None
) -> Restored:
    """Restore a backup, the newest one without a name, into a database without tables and an archive without files.

    A restore that was broken off is finished by the same call. Raises ConfigError, and changes nothing, when a place is
    not empty, the server is older than the backup's, or roles are missing that hold rights; AuditError when the backup
    is damaged or what came back is not what the manifest says.
    """
    place = Archive(source)
    manifest = manifest_of(place, backup_id)
    with connect(dsn) as conn:
        conn.autocommit = True
        _demand_empty(conn, archive, manifest)
        tool = _tool(conn, manifest)
        _make_roles(conn, manifest)
        files = list(read_list(place, manifest))
        with fetched_dump(place, manifest) as dump:
            say(f"backup {manifest.backup_id}: the dump is whole; {len(files):,} files of the archive follow")
            _bring_files(place, archive, manifest, files)
            say(f"archive: restored; warehouse follows, {sum(manifest.rows.values()):,} rows")
            _bring_warehouse(tool, dsn, dump)
        absent = _members(conn, manifest)
        grant_reading(conn)
        _demand_equal(counted(conn), manifest)
    archive.remove(MARK)
    return Restored(manifest, len(files), absent)


def check_backup(source: str, backup_id: str | None = None, *, say: Say = lambda _: None) -> Manifest:
    """Read a whole backup as a restore would, and write nothing; its manifest. AuditError names what is damaged."""
    place = Archive(source)
    manifest = manifest_of(place, backup_id)
    with fetched_dump(place, manifest) as dump:
        listing(program("pg_restore", manifest.tool_major, manifest.tool_major), dump)
    files = list({file.stored: file for file in _brought(manifest, read_list(place, manifest))}.values())
    say(f"backup {manifest.backup_id}: the dump is whole; {len(files):,} contents of the archive follow")
    for _ in at_once(lambda file: check(place, file.stored, file), files):
        pass
    return manifest


def _brought(manifest: Manifest, files: Iterable[ArchiveFile]) -> list[ArchiveFile]:
    """Those that the backup has: what the archive had lost before cannot come back."""
    missing = set(manifest.missing)
    return [file for file in files if file.path not in missing]


def _demand_empty(conn: psycopg.Connection, archive: Archive, manifest: Manifest) -> None:
    ((tables, first),) = conn.execute(_OCCUPIED).fetchall()
    if tables:
        raise ConfigError(
            f"the database is not empty: it has {tables} tables and views, {first} is one. A backup is restored into an"
            " empty database only: make one (create database …) and name it by --dsn"
        )
    found = _paths(archive)
    if not found:
        archive.root.mkdir(parents=True, exist_ok=True)
        (archive.root / MARK).write_text(manifest.backup_id, encoding="utf-8")
        return
    if MARK in found and _marked(archive) == manifest.backup_id:
        return  # ours, broken off
    raise ConfigError(
        f"the archive {archive.root} is not empty: it has {len(found)} files, {found[0]} is one. A backup is restored"
        " into an empty archive only: name another folder by --archive"
    )


def _paths(archive: Archive) -> list[str]:
    return [path.lstrip("/") for path in archive.files("")]


def _marked(archive: Archive) -> str:
    return (archive.root / MARK).read_text(encoding="utf-8")


def _tool(conn: psycopg.Connection, manifest: Manifest) -> Program:
    major = conn.info.server_version // 10000
    if major < manifest.server_major:
        raise ConfigError(
            f"the backup is of PostgreSQL {manifest.server_major}, this server is {major}: an older server cannot take"
            " it. Restore into the same or a newer one"
        )
    return program("pg_restore", manifest.tool_major, max(major, manifest.tool_major))


def _make_roles(conn: psycopg.Connection, manifest: Manifest) -> None:
    """Our two groups are made where they lack; who else holds rights must be there already."""
    there = {role for (role,) in conn.execute(_ROLES, [[*READS, *manifest.granted_to]])}
    try:
        for role in READS:
            if role not in there:
                conn.execute(sql.SQL("create role {} nologin").format(sql.Identifier(role)))
    except InsufficientPrivilege:
        raise ConfigError(
            f"role {role} is missing and this user may not make it: have an administrator run `create role {role}"
            " nologin`, then restore again"
        ) from None
    if strangers := sorted(set(manifest.granted_to) - there - set(READS)):
        raise ConfigError(
            f"roles with rights in the backup are not on this server: {', '.join(strangers)}. Create each of them"
            " (`create role … login`), then restore again"
        )


def _bring_files(place: Archive, archive: Archive, manifest: Manifest, files: list[ArchiveFile]) -> None:
    there = set(_paths(archive))

    def bring(file: ArchiveFile) -> None:
        if file.path in there:
            check(archive, file.path, file)
        elif copy(place, file.stored, archive, file.path, file) is Copied.MISSING:
            raise AuditError(f"{file.stored} of the backup is gone or damaged (for {file.path}); take another backup")

    for _ in at_once(bring, _brought(manifest, files)):
        pass


def _bring_warehouse(tool: Program, dsn: str, dump: Path) -> None:
    wanted = [line for line in listing(tool, dump) if not _OWNERS_WISHES.match(line)]
    with tempfile.NamedTemporaryFile("w", suffix=".list", encoding="utf-8") as contents:
        contents.write("\n".join(wanted) + "\n")
        contents.flush()
        load_dump(tool, dsn, dump, Path(contents.name))


def _members(conn: psycopg.Connection, manifest: Manifest) -> list[str]:
    """Put the members of our groups back; who is no role of this server."""
    wanted = {member for members in manifest.members.values() for member in members}
    there = {role for (role,) in conn.execute(_ROLES, [sorted(wanted)])}
    for group, members in manifest.members.items():
        for member in sorted(there.intersection(members)):
            conn.execute(sql.SQL("grant {} to {}").format(sql.Identifier(group), sql.Identifier(member)))
    return sorted(wanted - there)


def _demand_equal(rows: dict[str, int], manifest: Manifest) -> None:
    if differs := sorted(t for t in rows.keys() | manifest.rows.keys() if rows.get(t) != manifest.rows.get(t)):
        table = differs[0]
        raise AuditError(
            f"{len(differs)} tables are not as the manifest says, {table} has {rows.get(table)} rows and not"
            f" {manifest.rows.get(table)}: drop the database and restore again"
        )
