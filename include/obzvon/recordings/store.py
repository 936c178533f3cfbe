"""Where copies lie: beside the raw answers in the archive, under a prefix of their own.

    recordings/vendor=<code>/call_date=<yyyy-mm-dd>/intent=<first 16 hex>/<sha256 of the call's uid, 32 hex>.<ending>

The name is made from the call alone, so a copy that was broken off or not noted is written over, and every file of a
call is found again when its person is erased. A file has its name only when all its bytes are written.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass
from datetime import date
from typing import IO

from obzvon.errors import RecordingAbsent
from obzvon.recordings.audio import Audio
from obzvon.reports.archive import Archive

__all__ = ["PREFIX", "Call", "RecordingStore", "StoredRecording", "Writer", "folder_of", "is_path"]

PREFIX = "recordings/"
_PATH = re.compile(
    r"recordings/vendor=[a-z0-9_]+/call_date=\d{4}-\d{2}-\d{2}/intent=[0-9a-f]{16}/[0-9a-f]{32}\.(mp3|wav|ogg)"
)


def folder_of(vendor: str, call_date: date, intent_id: str) -> str:
    """Relative folder of the copies of an intent."""
    return f"{PREFIX}vendor={vendor}/call_date={call_date}/intent={intent_id[:16]}"


def is_path(text: str) -> bool:
    """Whether a text is the path of a copy, and of nothing else in the archive."""
    return _PATH.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Call:
    """A call whose recording is copied."""

    vendor_code: str
    vendor_call_id: str
    intent_id: str
    call_date: date

    @property
    def uid(self) -> str:
        return f"{self.vendor_code}:{self.vendor_call_id}"

    @property
    def folder(self) -> str:
        return folder_of(self.vendor_code, self.call_date, self.intent_id)

    @property
    def stem(self) -> str:
        """In the name of every file of the call, unfinished ones included, and of no other file."""
        return hashlib.sha256(self.uid.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class StoredRecording:
    """A copy that is whole: path from the archive's root, content type, size in bytes, sha256 in hex."""

    path: str
    content_type: str
    bytes: int
    sha256: str


class Writer:
    """One copy that is being written. It is there when `commit` returns, and absent after `discard`."""

    def __init__(self, archive: Archive, call: Call, kind: Audio) -> None:
        self._path, self._kind = f"{call.folder}/{call.stem}.{kind.ending}", kind
        self._target = archive.target(self._path)
        self._hash, self._size = hashlib.sha256(), 0

    def write(self, block: bytes) -> None:
        self._hash.update(block)
        self._size += len(block)
        self._target.file.write(block)

    def commit(self) -> StoredRecording:
        """The copy, whole. RecordingAbsent when its unfinished file was swept away: its call is being erased."""
        try:
            self._target.commit()
        except FileNotFoundError:
            raise RecordingAbsent("its file was taken away while it was written") from None
        return StoredRecording(self._path, self._kind.content_type, self._size, self._hash.hexdigest())

    def discard(self) -> None:
        self._target.discard()


class RecordingStore:
    """The copies of one archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    async def writer(self, call: Call, kind: Audio) -> Writer:
        """A new copy of a call's recording."""
        return await asyncio.to_thread(Writer, self._archive, call, kind)

    def open(self, path: str) -> tuple[IO[bytes], int]:
        """A copy's bytes, seekable, and how many there are. FileNotFoundError when it is gone."""
        file = self._archive.root / path
        size = file.stat().st_size
        return file.open("rb"), size

    def remove(self, path: str) -> None:
        """Delete a copy; one that is gone already is no error."""
        self._archive.remove(path)

    def leftovers(self, folder: str, stems: frozenset[str] | None = None) -> list[str]:
        """Files of an intent's folder, of all its calls or of some: copies, and what was broken off."""
        found = self._archive.files(folder)
        return [path for path in found if stems is None or any(stem in path.rsplit("/", 1)[1] for stem in stems)]
