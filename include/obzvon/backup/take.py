"""A backup: the warehouse as one moment saw it, then every file of the archive that it names."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import psycopg
from psycopg import sql

from obzvon.backup.copying import Copied, at_once, copy
from obzvon.backup.manifest import (
    BACKUPS,
    DUMP,
    FILES,
    LIST,
    MANIFEST,
    ArchiveFile,
    Manifest,
    backups_in,
    manifest_of,
    read_list,
    written_list,
)
from obzvon.backup.programs import Written, dump, listing, program
from obzvon.errors import AuditError, ConfigError
from obzvon.reports.archive import Archive
from obzvon.warehouse.db import connect
from obzvon.warehouse.readers import READS

__all__ = ["counted", "fetched_dump", "forget_all_but", "take"]

Say = Callable[[str], None]
BLOCK = 1 << 20
SCHEMAS = ["ops", "pii", "dwh", "mart"]

#: Erasing and retention take this lock alone: while a backup holds it with others no file goes.
_HOLD = "select pg_advisory_lock_shared(hashtextextended('obzvon.erase', 0))"
_TABLES = """
select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any(%s) and c.relkind in ('r', 'p') and not c.relispartition order by 1, 2
"""
_PAGES = "select path, sha256, bytes from ops.raw_archive where gone_at is null"
_RECORDINGS = "select path, sha256, bytes from ops.recording where state = 'COPIED'"
_MEMBERS = """
select g.rolname, m.rolname
from pg_auth_members a join pg_roles g on g.oid = a.roleid join pg_roles m on m.oid = a.member
where g.rolname = any(%s) and m.rolname <> current_user order by 1, 2
"""
_ENCODING = "select pg_encoding_to_char(encoding) from pg_database where datname = current_database()"
_GRANTED = """
select distinct r.rolname from pg_class c join pg_namespace n on n.oid = c.relnamespace
cross join lateral aclexplode(c.relacl) a join pg_roles r on r.oid = a.grantee
where n.nspname = any(%(schemas)s) and a.grantee <> c.relowner
union
select r.rolname from pg_namespace n cross join lateral aclexplode(n.nspacl) a join pg_roles r on r.oid = a.grantee
where n.nspname = any(%(schemas)s) and a.grantee <> n.nspowner
order by 1
"""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one snapshot of the warehouse holds."""

    schema_version: str
    server_major: int
    encoding: str
    rows: dict[str, int]
    files: list[ArchiveFile]
    members: dict[str, list[str]]
    granted_to: list[str]


def take(dsn: str, archive: Archive, to: str, *, now: datetime, say: Say = lambda _: None) -> Manifest:
    """Take a backup into a folder or fsspec address and read it back; its manifest.

    Nobody who works is disturbed; an erasure waits until it is done. Raises ConfigError when a program of PostgreSQL is
    missing, ObzvonError when a part fails: then there is no new backup, and the ones before are whole. Files that the
    archive has lost are in `missing`, and the rest is backed up all the same.
    """
    place = Archive(to)
    folder = f"{BACKUPS}/{now:%Y%m%dT%H%M%SZ}"
    with _held(dsn), _snapshot(dsn) as (conn, name):
        seen = _look(conn)
        tool = program("pg_dump", seen.server_major, seen.server_major)
        reader = program("pg_restore", tool.major, tool.major)
        say(f"warehouse: {sum(seen.rows.values()):,} rows of {len(seen.rows)} tables, pg_dump {tool.major}")
        written = _dumped(place, f"{folder}/{DUMP}", lambda out: dump(tool, dsn, name, out))
        conn.rollback()  # the copying needs no snapshot, and a long one keeps the server from cleaning up
        copied, missing = _copy_all(archive, place, seen.files, say)
    listed = place.write(f"{folder}/{LIST}", written_list(seen.files))
    manifest = Manifest(
        backup_id=folder.rpartition("/")[2], taken_at=now, obzvon=version("obzvon"),
        schema_version=seen.schema_version, server_major=seen.server_major, tool_major=tool.major,
        encoding=seen.encoding, rows=seen.rows, dump_bytes=written.bytes, dump_sha256=written.sha256,
        files=len(seen.files), files_bytes=sum(file.bytes for file in seen.files), files_copied=copied,
        list_sha256=listed.sha256, members=seen.members, granted_to=seen.granted_to, missing=missing,
    )  # fmt: skip
    with fetched_dump(place, manifest) as file:
        listing(reader, file)
    _put(place, f"{manifest.folder}/{MANIFEST}", manifest.model_dump_json(indent=2).encode())
    return manifest


@contextmanager
def _held(dsn: str) -> Iterator[None]:
    with connect(dsn) as conn:
        conn.autocommit = True
        conn.execute(_HOLD)
        yield


@contextmanager
def _snapshot(dsn: str) -> Iterator[tuple[psycopg.Connection, str]]:
    """A connection whose transaction sees one moment, and the snapshot's name for pg_dump."""
    with connect(dsn) as conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        conn.read_only = True
        conn.execute("set local idle_in_transaction_session_timeout = 0")
        ((name,),) = conn.execute("select pg_export_snapshot()").fetchall()
        yield conn, name


def _look(conn: psycopg.Connection) -> _Seen:
    rows = counted(conn)
    if "ops.schema_version" not in rows:
        raise ConfigError("this database is no warehouse of ours: there is no table ops.schema_version")
    ((revision,),) = conn.execute("select version_num from ops.schema_version").fetchall()
    ((encoding,),) = conn.execute(_ENCODING).fetchall()
    lists = [_PAGES, _RECORDINGS] if "ops.recording" in rows else [_PAGES]
    files = [ArchiveFile(path=p, sha256=s, bytes=b) for query in lists for p, s, b in conn.execute(query.encode())]
    members: dict[str, list[str]] = {}
    for group, member in conn.execute(_MEMBERS, [list(READS)]):
        members.setdefault(group, []).append(member)
    granted = [role for (role,) in conn.execute(_GRANTED, {"schemas": SCHEMAS})]
    return _Seen(revision, conn.info.server_version // 10000, encoding, rows, files, members, granted)


def counted(conn: psycopg.Connection) -> dict[str, int]:
    """Rows of every table of our schemas; partitions count with their table."""
    found = {}
    for schema, table in conn.execute(_TABLES, [SCHEMAS]).fetchall():
        ((rows,),) = conn.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(schema, table))).fetchall()
        found[f"{schema}.{table}"] = rows
    return found


def _dumped(place: Archive, path: str, write: Callable[..., Written]) -> Written:
    target = place.target(path)
    try:
        written = write(target.file)
        target.commit()
    except BaseException:
        target.discard()
        raise
    return written


def _put(place: Archive, path: str, body: bytes) -> None:
    target = place.target(path)
    try:
        target.file.write(body)
        target.commit()
    except BaseException:
        target.discard()
        raise


def _copy_all(archive: Archive, place: Archive, files: Sequence[ArchiveFile], say: Say) -> tuple[int, list[str]]:
    """How many contents were new, and the paths that the archive does not have as the ledger says."""
    there = set(place.files(FILES))
    new = list({file.stored: file for file in files if file.stored not in there}.values())
    say(f"archive: {len(files):,} files, {len(new):,} of them new to the backup")
    results = list(at_once(lambda file: copy(archive, file.path, place, file.stored, file), new))
    lost = {file.stored for file, became in zip(new, results, strict=True) if became is Copied.MISSING}
    return len(new) - len(lost), sorted(file.path for file in files if file.stored in lost)


@contextmanager
def fetched_dump(place: Archive, manifest: Manifest) -> Iterator[Path]:
    """The dump as a local file, with the sha256 that the manifest says; AuditError when it is damaged or gone."""
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory(prefix="obzvon-backup-") as folder:
        file = Path(folder) / DUMP
        try:
            with (place.root / manifest.folder / DUMP).open("rb") as stream, file.open("wb") as out:
                while block := stream.read(BLOCK):
                    digest.update(block)
                    out.write(block)
        except FileNotFoundError:
            raise AuditError(f"{manifest.folder}/{DUMP} is gone; take another backup") from None
        if digest.hexdigest() != manifest.dump_sha256:
            raise AuditError(f"{manifest.folder}/{DUMP} is damaged (sha256 differs); take another backup")
        yield file


def forget_all_but(to: str, keep: int) -> tuple[int, int]:
    """Delete all backups but the newest ones, and the files that none of those names; how many of both.

    A backup that was broken off goes too. Not while another backup is being taken into the same place.
    """
    place = Archive(to)
    kept = backups_in(place)[-keep:]
    needed = {file.stored for name in kept for file in read_list(place, manifest_of(place, name))}
    gone = set()
    # its manifest first: what is half deleted is no backup
    for path in sorted(place.files(BACKUPS), key=lambda path: not path.endswith(MANIFEST)):
        name = path.split("/")[1]
        if name not in kept:
            place.remove(path)
            gone.add(name)
    unneeded = [path for path in place.files(FILES) if path not in needed]
    for path in unneeded:
        place.remove(path)
    return len(gone), len(unneeded)
