"""Archived pages without one person, and folders without forgotten files.

A page is written anew beside the old one. The ledger names the new one in the commit that takes out everything else;
then the folder is swept: every file that no row of `ops.raw_archive` names goes. A crash before the commit leaves a new
file that nothing names, one after it an old file that nothing names: the next sweep finds both.
"""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import AuditError
from obzvon.reports.archive import Archive, StoredPage
from obzvon.reports.scrub import Marks, scrubbed
from obzvon.vendors.base import Attempt, Dialer
from obzvon.warehouse.load.staging import Staging

__all__ = ["CleanPage", "Reader", "StoredRow", "calls_in", "clean_page", "pages_of", "put", "sweep"]

log = logging.getLogger(__name__)

_PAGES = """
select r.archive_id, r.intent_id, r.kind, r.path, r.sha256,
       exists (select from ops.quarantine q where q.archive_id = r.archive_id) as has_quarantine
from ops.raw_archive r
where r.intent_id = any(%s) and r.gone_at is null
  and (%s::timestamptz is null or r.fetched_at > %s::timestamptz - interval '1 day')
order by r.archive_id
"""
_PUT = """
update ops.raw_archive
set path = %s, sha256 = %s, bytes = %s, erased_at = now(), erased_rows = erased_rows + %s
where archive_id = %s and sha256 = %s and gone_at is null
"""
_NAMED = "select path from ops.raw_archive where path = any(%s) and gone_at is null"
# The lock of a download: while it is held the pull may be writing files that nothing names yet.
_TRY = "select pg_try_advisory_lock(hashtextextended('obzvon.download:' || %s, 0))"
_FREE = "select pg_advisory_unlock(hashtextextended('obzvon.download:' || %s, 0))"


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A page that has its file."""

    archive_id: int
    intent_id: str
    kind: str
    path: str
    sha256: str
    has_quarantine: bool

    @property
    def folder(self) -> str:
        """Of the intent: all its pulls."""
        return self.path.rsplit("/", 2)[0]


@dataclass(frozen=True, slots=True)
class Reader:
    """How the pages of a plan are read."""

    spec: CampaignSpec
    dialer: type[Dialer]


@dataclass(frozen=True, slots=True)
class CleanPage:
    """A page that was written anew; `records` is how many places were cleaned, `rows` how many rows it lost."""

    old: StoredRow
    new: StoredPage
    records: int
    rows: int


def pages_of(conn: psycopg.Connection, intents: Sequence[str], since: datetime | None = None) -> list[StoredRow]:
    """The pages of some intents that have their files; with `since` those of pulls under way then or later."""
    with conn.cursor(row_factory=class_row(StoredRow)) as cursor:
        return cursor.execute(_PAGES, (list(intents), since, since)).fetchall()


def calls_in(archive: Archive, reader: Reader, page: StoredRow, marks: Marks) -> Iterator[str]:
    """The vendor's ids of the person's calls on a page; transcripts elsewhere know nothing but them."""
    with archive.open(page.path, page.sha256) as stream:
        for row in reader.dialer.parse(reader.spec, page.kind, stream):
            if isinstance(row, Attempt) and not row.derived_id and (marks.on(row.phone) or marks.on(row.external_id)):
                yield row.vendor_call_id


def clean_page(archive: Archive, reader: Reader, page: StoredRow, marks: Marks) -> CleanPage | None:
    """Write the page without the person; None where it has nothing of theirs. AuditError when it cannot be read."""
    with archive.open(page.path, page.sha256) as stream:
        before = stream.read()
    try:
        after, records = scrubbed(before, marks)
    except ValueError:
        raise AuditError(f"archive page {page.path} is not one JSON document; erase by hand what it holds") from None
    if not records:
        return None
    rows = _rows(reader, page, before) - _rows(reader, page, after)
    # named by its content: writing it twice gives one file
    stem = page.path.removesuffix(".zst").split(".erased-")[0]
    new = archive.write(f"{stem}.erased-{hashlib.sha256(after).hexdigest()[:16]}.zst", after)
    return CleanPage(page, new, records, rows)


def _rows(reader: Reader, page: StoredRow, body: bytes) -> int:
    return sum(1 for _ in reader.dialer.parse(reader.spec, page.kind, io.BytesIO(body)))


def put(conn: psycopg.Connection, archive: Archive, reader: Reader, page: CleanPage, secret: bytes) -> None:
    """Let the ledger name the new file. Rows in quarantine are numbered anew. Inside the caller's transaction."""
    new, old = page.new, page.old
    values = (new.path, new.sha256, new.bytes, page.rows, old.archive_id, old.sha256)
    if conn.execute(_PUT, values).rowcount != 1:
        raise AuditError(f"archive page {old.path} was changed meanwhile; run the command again")
    if old.has_quarantine:
        conn.execute("delete from ops.quarantine where archive_id = %s", (old.archive_id,))
        with archive.open(new.path, new.sha256) as stream:
            Staging(conn, reader.spec, secret).add(old.archive_id, reader.dialer.parse(reader.spec, old.kind, stream))


def sweep(conn: psycopg.Connection, archive: Archive, folders: Iterable[str]) -> int:
    """Delete the files of some intents that the ledger does not name; how many. Pulls under way are left alone."""
    removed = 0
    for folder in sorted(set(folders)):
        for pull in sorted({path.rsplit("/", 1)[0] for path in archive.files(folder)}):
            removed += _sweep(conn, archive, pull)
    return removed


def _sweep(conn: psycopg.Connection, archive: Archive, pull: str) -> int:
    if conn.execute(_TRY, (pull,)).fetchone() != (True,):
        log.warning("%s: a pull is under way; its leftovers stay until the next run", pull)
        return 0
    try:
        found = archive.files(pull)
        named = {path for (path,) in conn.execute(_NAMED, (found,))}
        forgotten = [path for path in found if path not in named]
        for path in forgotten:
            archive.remove(path)
        return len(forgotten)
    finally:
        conn.execute(_FREE, (pull,))
