"""What a backup says of itself.

    <destination>/files/<two hex>/<sha256>.<ending>       files of the archive, one for each content, for all backups
    <destination>/backups/<moment>/warehouse.dump         pg_dump's custom format
    <destination>/backups/<moment>/files.zst              which file of the archive has which content, a line each
    <destination>/backups/<moment>/manifest.json          written last: a backup without it is not one

Files of the archive never change, so a content that is there already is not copied again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from obzvon.errors import AuditError, ConfigError
from obzvon.reports.archive import Archive

__all__ = [
    "BACKUPS", "DUMP", "FILES", "LIST", "MANIFEST", "ArchiveFile", "Manifest", "backups_in", "manifest_of",
    "read_list", "written_list",
]  # fmt: skip

BACKUPS, FILES = "backups", "files"
DUMP, LIST, MANIFEST = "warehouse.dump", "files.zst", "manifest.json"
FORMAT = 1


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ArchiveFile(_Frozen):
    """A file of the archive: its path there, and sha256 and size of what it holds, pages uncompressed."""

    path: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int

    @property
    def is_page(self) -> bool:
        """A page is compressed, a recording is as it came."""
        return self.path.endswith(".zst")

    @property
    def stored(self) -> str:
        """Where a backup keeps it."""
        ending = self.path.rpartition(".")[2]
        return f"{FILES}/{self.sha256[:2]}/{self.sha256}.{ending}"


class Manifest(_Frozen):
    """One backup. Moments are UTC. `missing`: files that the archive itself had lost or damaged."""

    format: int = FORMAT
    backup_id: str
    taken_at: datetime
    obzvon: str
    schema_version: str
    server_major: int
    tool_major: int
    encoding: str
    rows: dict[str, int]
    dump_bytes: int
    dump_sha256: str
    files: int
    files_bytes: int
    files_copied: int
    list_sha256: str
    members: dict[str, list[str]]
    granted_to: list[str]
    missing: list[str]

    @property
    def folder(self) -> str:
        """In the destination."""
        return f"{BACKUPS}/{self.backup_id}"


def backups_in(place: Archive) -> list[str]:
    """The whole backups of a destination, oldest first."""
    found = [path.split("/") for path in place.files(BACKUPS)]
    return sorted(parts[1] for parts in found if len(parts) == 3 and parts[2] == MANIFEST)


def manifest_of(place: Archive, backup_id: str | None) -> Manifest:
    """The manifest of a backup, of the newest one without a name. ConfigError when it is not there or not readable."""
    known = backups_in(place)
    if not known or (backup_id and backup_id not in known):
        has = f"it has {', '.join(known[-5:])}" if known else "it has none"
        raise ConfigError(f"no backup{f' {backup_id}' if backup_id else ''} in {place.root}: {has}")
    name = f"{BACKUPS}/{backup_id or known[-1]}/{MANIFEST}"
    try:
        return Manifest.model_validate_json((place.root / name).read_bytes())
    except ValidationError as error:
        keys = ", ".join(".".join(map(str, fault["loc"])) or "JSON" for fault in error.errors(include_input=False))
        raise ConfigError(
            f"{name} is not a manifest that this version reads ({keys}); take the Obzvon it names"
        ) from None


def written_list(files: Iterable[ArchiveFile]) -> bytes:
    """The list as it is stored."""
    return b"".join(f"{json.dumps(one.model_dump(), ensure_ascii=False)}\n".encode() for one in files)


def read_list(place: Archive, manifest: Manifest) -> Iterator[ArchiveFile]:
    """The files of a backup. AuditError when the list is damaged or gone."""
    with place.open(f"{manifest.folder}/{LIST}", manifest.list_sha256) as stream:
        for line in stream:
            try:
                yield ArchiveFile.model_validate_json(line)
            except ValidationError:
                raise AuditError(f"{manifest.folder}/{LIST} is damaged; take another backup") from None
